#include "eval/scorer.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <deque>
#include <limits>
#include <list>

#include "engine/sampling/logprobs.h"

namespace freehold::eval {
namespace {

constexpr std::uint32_t kLeastShared = 32;  // tokens: forking copies up to a block, which is not worth it for less

// Positions of an item that run before the first that is scored: what it may share with its neighbours.
std::size_t shareable(const ScoreItem& item) {
  std::uint32_t first = item.tails.front().first;
  for (const ScoreItem::Tail& tail : item.tails) first = std::min(first, tail.first);
  return std::min<std::size_t>(item.prefix.size(), first - 1);
}

// How many items from `begin` on share a beginning, and how long that is; 0 tokens if they share none.
struct Shared {
  std::size_t items = 1;
  std::size_t tokens = 0;
};
Shared shared_from(std::span<const ScoreItem> items, std::size_t begin) {
  Shared shared{1, shareable(items[begin])};
  const auto& tokens = items[begin].prefix;
  for (std::size_t i = begin + 1; i < items.size(); ++i) {
    const std::size_t most = std::min(shared.tokens, shareable(items[i]));
    const auto end = tokens.begin() + static_cast<std::ptrdiff_t>(most);
    const auto common =
        static_cast<std::size_t>(std::mismatch(tokens.begin(), end, items[i].prefix.begin()).first - tokens.begin());
    // The second item decides how much there is to share; one that shares much less begins another run.
    if (common < kLeastShared || (shared.items > 1 && common < shared.tokens / 2)) break;
    shared.tokens = common;
    ++shared.items;
  }
  if (shared.items == 1) shared.tokens = 0;
  return shared;
}

// The index of the largest (the first of equals), in lanes that a compiler makes vectors of: std::max_element takes as
// long as summing the row.
std::int32_t likeliest_of(std::span<const float> row) {
  constexpr std::size_t kLanes = 16;
  float lanes[kLanes];
  std::fill_n(lanes, kLanes, -std::numeric_limits<float>::infinity());
  std::size_t i = 0;
  for (; i + kLanes <= row.size(); i += kLanes) {
    for (std::size_t l = 0; l < kLanes; ++l) lanes[l] = row[i + l] > lanes[l] ? row[i + l] : lanes[l];
  }
  float most = *std::max_element(lanes, lanes + kLanes);
  for (; i < row.size(); ++i) most = std::max(most, row[i]);
  return static_cast<std::int32_t>(std::find(row.begin(), row.end(), most) - row.begin());
}

std::uint64_t alone(const ScoreItem& item) {
  std::uint64_t tokens = 0;
  for (const ScoreItem::Tail& tail : item.tails) tokens += item.prefix.size() + tail.tokens.size() - 1;
  return tokens;
}

std::uint64_t together(const ScoreItem& item) {
  std::uint64_t tokens = item.prefix.size();
  for (const ScoreItem::Tail& tail : item.tails) tokens += tail.tokens.size() - 1;
  return tokens;
}

std::uint64_t rows_of(const ScoreItem& item) {
  std::uint64_t rows = 0;
  std::size_t in_prefix = item.prefix.size();
  for (const ScoreItem::Tail& tail : item.tails) {
    in_prefix = std::min<std::size_t>(in_prefix, tail.first - 1);
    const std::size_t end = item.prefix.size() + tail.tokens.size() - 1;
    rows += end - std::clamp<std::size_t>(tail.first - 1, item.prefix.size(), end);
  }
  return rows + item.prefix.size() - in_prefix;
}

}  // namespace

ScoreItem make_score_item(std::span<const Scored> texts) {
  ScoreItem item;
  // A tail keeps at least one token.
  std::size_t common = texts.front().tokens.size() - 1;
  for (const Scored& text : texts) {
    const auto& a = texts.front().tokens;
    const auto most = static_cast<std::ptrdiff_t>(std::min(common, text.tokens.size() - 1));
    common =
        static_cast<std::size_t>(std::mismatch(a.begin(), a.begin() + most, text.tokens.begin()).first - a.begin());
  }
  const auto split = static_cast<std::ptrdiff_t>(common);
  item.prefix.assign(texts.front().tokens.begin(), texts.front().tokens.begin() + split);
  for (const Scored& text : texts) {
    item.tails.push_back({{text.tokens.begin() + split, text.tokens.end()}, text.first});
  }
  return item;
}

ScoreStats plan_scores(std::span<const ScoreItem> items) {
  ScoreStats stats;
  for (std::size_t i = 0; i < items.size();) {
    const Shared shared = shared_from(items, i);
    std::uint64_t whole = 0, computed = shared.tokens;
    for (std::size_t end = i + shared.items; i < end; ++i) {
      whole += alone(items[i]);
      computed += together(items[i]) - shared.tokens;
      stats.rows += rows_of(items[i]);
    }
    stats.computed += computed;
    stats.saved += whole - computed;
  }
  return stats;
}

struct Scorer::State {
  // An item under way.
  struct Open {
    std::size_t index = 0;
    std::vector<Score> scores;
    std::size_t streams = 0;  // that still run
    std::size_t blocks = 0;   // promised
  };
  // Tokens of one sequence that are still to be run.
  struct Stream {
    Open* open = nullptr;
    std::size_t tail = SIZE_MAX;  // SIZE_MAX: the prefix
    model::KvSequence sequence;
    std::span<const std::int32_t> tokens;  // to be run, from `at` on
    std::size_t at = 0;
    std::size_t base = 0;    // the position of tokens[0]
    std::size_t wanted = 0;  // rows from this position on
  };
  // A row of hidden states and whose it is.
  struct Row {
    const Open* open;
    std::size_t tail;
    std::size_t position;
  };

  State(engine::Decoder& d, ThreadPool& p, std::shared_ptr<const model::Adapter> a)
      : decoder(d), pool(p), adapter(std::move(a)) {}

  Result<> check(std::span<const ScoreItem> all);
  Result<> run_shared(std::size_t begin, Shared shared, const Done& done, const std::atomic<bool>* stop);
  Result<> compute_trunk(std::span<const std::int32_t> tokens, model::KvSequence& trunk, const std::atomic<bool>* stop);
  Result<> open_item(std::size_t index, std::size_t trunk_tokens, model::KvSequence* trunk);
  Result<> step();
  Result<> score_rows();
  Result<> end_stream(Stream& stream);
  std::size_t blocks_of(const ScoreItem& item, std::size_t trunk_tokens) const;

  engine::Decoder& decoder;  // owner: the caller
  ThreadPool& pool;          // owner: the caller
  std::shared_ptr<const model::Adapter> adapter;
  std::span<const ScoreItem> items;
  ScoreStats stats;
  std::list<Open> open;
  std::deque<Stream> streams;
  std::size_t blocks_used = 0;
  // Of one batch.
  std::vector<model::BatchItem> batch;
  std::vector<float> hidden, logits;
  std::vector<Row> rows;
  struct Sum {
    double log_sum = 0;
    std::int32_t likeliest = 0;
  };
  std::vector<Sum> sums;
};

// Of every group the cache has as many blocks at most; a fork may copy one, and reserving rounds up.
std::size_t Scorer::State::blocks_of(const ScoreItem& item, std::size_t trunk_tokens) const {
  const auto blocks = [](std::size_t tokens) { return tokens / model::kKvBlock + 2; };
  std::size_t sum = blocks(item.prefix.size() - trunk_tokens);
  for (const ScoreItem::Tail& tail : item.tails) sum += tail.tokens.size() > 1 ? blocks(tail.tokens.size() - 1) : 0;
  return sum;
}

Result<> Scorer::State::check(std::span<const ScoreItem> all) {
  for (const ScoreItem& item : all) {
    for (const ScoreItem::Tail& tail : item.tails) {
      const std::size_t length = item.prefix.size() + tail.tokens.size() - 1;
      if (length > decoder.context())
        return fail(Errc::exhausted,
                    fmt::format("{} tokens are more than the context of {}", length, decoder.context()));
    }
  }
  return {};
}

Result<> Scorer::State::compute_trunk(std::span<const std::int32_t> tokens, model::KvSequence& trunk,
                                      const std::atomic<bool>* stop) {
  trunk = decoder.cache().new_sequence();
  for (std::size_t at = 0; at < tokens.size();) {
    if (stop != nullptr && *stop) return fail(Errc::cancelled, "interrupted");
    const auto count = std::min<std::size_t>(decoder.max_batch_tokens(), tokens.size() - at);
    FH_TRY_VOID(trunk.reserve(static_cast<std::uint32_t>(count)));
    const model::BatchItem item{.sequence = &trunk,
                                .tokens = tokens.subspan(at, count),
                                .logits = model::LogitsWanted::none,
                                .adapter = adapter.get()};
    FH_TRY_VOID(decoder.forward({&item, 1}, {}));
    at += count;
  }
  stats.computed += tokens.size();
  return {};
}

Result<> Scorer::State::open_item(std::size_t index, std::size_t trunk_tokens, model::KvSequence* trunk) {
  const ScoreItem& item = items[index];
  Open& added = open.emplace_back();
  added.index = index;
  added.scores.resize(item.tails.size());
  added.streams = 1;
  added.blocks = blocks_of(item, trunk_tokens);
  blocks_used += added.blocks;
  Stream stream{.open = &added, .base = trunk_tokens};
  if (trunk != nullptr) {
    FH_TRY(stream.sequence, decoder.cache().fork(*trunk, static_cast<std::uint32_t>(trunk_tokens)));
  } else {
    stream.sequence = decoder.cache().new_sequence();
  }
  stream.tokens = std::span(item.prefix).subspan(trunk_tokens);
  stream.wanted = shareable(item);
  if (stream.tokens.empty()) return end_stream(stream);  // nothing is common: only tails run
  streams.push_back(std::move(stream));
  return {};
}

// The prefix has been run: its tails begin.
Result<> Scorer::State::end_stream(Stream& stream) {
  Open& o = *stream.open;
  if (stream.tail == SIZE_MAX) {
    const ScoreItem& item = items[o.index];
    std::deque<Stream> tails;
    for (std::size_t t = 0; t < item.tails.size(); ++t) {
      const ScoreItem::Tail& tail = item.tails[t];
      if (tail.tokens.size() == 1) continue;
      Stream next{.open = &o, .tail = t, .base = item.prefix.size()};
      FH_TRY(next.sequence, decoder.cache().fork(stream.sequence, static_cast<std::uint32_t>(item.prefix.size())));
      next.tokens = std::span(tail.tokens).first(tail.tokens.size() - 1);
      next.wanted = std::max<std::size_t>(tail.first - 1, item.prefix.size());
      ++o.streams;
      tails.push_back(std::move(next));
    }
    // They go first, so that few items are under way.
    for (auto t = tails.rbegin(); t != tails.rend(); ++t) streams.push_front(std::move(*t));
  }
  --o.streams;
  return {};
}

Result<> Scorer::State::score_rows() {
  const std::size_t V = decoder.vocab(), C = decoder.width();
  const std::size_t most = decoder.max_logit_rows();
  logits.resize(most * V);
  sums.resize(most);
  for (std::size_t begin = 0; begin < rows.size(); begin += most) {
    const std::size_t count = std::min(most, rows.size() - begin);
    decoder.logits_of(std::span<const float>(hidden).subspan(begin * C, count * C), adapter.get(),
                      std::span(logits).first(count * V));
    pool.parallel_for(count, 1, [&](std::size_t from, std::size_t to, int) {
      for (std::size_t r = from; r < to; ++r) {
        const auto row = std::span<const float>(logits).subspan(r * V, V);
        sums[r].log_sum = engine::log_sum_exp(row);
        sums[r].likeliest = likeliest_of(row);
      }
    });
    for (std::size_t r = 0; r < count; ++r) {
      const Row& row = rows[begin + r];
      if (!std::isfinite(sums[r].log_sum)) return fail(Errc::internal, "the model's logits are no numbers");
      const ScoreItem& item = items[row.open->index];
      auto& scores = const_cast<Open*>(row.open)->scores;
      for (std::size_t t = 0; t < item.tails.size(); ++t) {
        const ScoreItem::Tail& tail = item.tails[t];
        const std::size_t next = row.position + 1;
        if ((row.tail != SIZE_MAX && row.tail != t) || next < tail.first) continue;
        const std::size_t in_tail = next - std::min(next, item.prefix.size());
        const std::int32_t token = next < item.prefix.size() ? item.prefix[next] : tail.tokens[in_tail];
        scores[t].logprob += engine::logprob_of(logits[r * V + static_cast<std::size_t>(token)], sums[r].log_sum);
        if (!std::isfinite(scores[t].logprob)) return fail(Errc::internal, "the model's logits are no numbers");
        scores[t].greedy = scores[t].greedy && token == sums[r].likeliest;
        ++scores[t].tokens;
      }
    }
  }
  stats.rows += rows.size();
  return {};
}

// One batch: chunks of the streams in their order.
Result<> Scorer::State::step() {
  const std::size_t C = decoder.width();
  std::size_t room = decoder.max_batch_tokens(), taken = 0;
  batch.clear();
  rows.clear();
  hidden.resize(room * C);
  for (Stream& s : streams) {
    if (room == 0) break;
    const std::size_t count = std::min(room, s.tokens.size() - s.at);
    const std::size_t begin = s.base + s.at, end = begin + count;
    const std::size_t first_row = std::clamp(s.wanted, begin, end);
    const std::size_t wanted = end - first_row;
    FH_TRY_VOID(s.sequence.reserve(static_cast<std::uint32_t>(count)));
    batch.push_back({.sequence = &s.sequence,
                     .tokens = s.tokens.subspan(s.at, count),
                     .logits = model::LogitsWanted::none,
                     .hidden = std::span(hidden).subspan(rows.size() * C, wanted * C),
                     .adapter = adapter.get()});
    for (std::size_t p = first_row; p < end; ++p) rows.push_back({s.open, s.tail, p});
    s.at += count;
    room -= count;
    ++taken;
    stats.computed += count;
  }
  FH_TRY_VOID(decoder.forward(batch, {}));
  FH_TRY_VOID(score_rows());
  std::deque<Stream> ran;
  for (std::size_t i = 0; i < taken; ++i) {
    ran.push_back(std::move(streams.front()));
    streams.pop_front();
  }
  for (auto s = ran.rbegin(); s != ran.rend(); ++s) {
    if (s->at < s->tokens.size()) {
      streams.push_front(std::move(*s));
    } else {
      FH_TRY_VOID(end_stream(*s));
    }
  }
  return {};
}

Result<> Scorer::State::run_shared(std::size_t begin, Shared shared, const Done& done, const std::atomic<bool>* stop) {
  model::KvSequence trunk;
  if (shared.tokens > 0) FH_TRY_VOID(compute_trunk(std::span(items[begin].prefix).first(shared.tokens), trunk, stop));
  std::size_t room = SIZE_MAX;
  for (std::size_t g = 0; g < decoder.cache().layout().groups.size(); ++g)
    room = std::min(room, decoder.cache().free_blocks(g));
  const std::size_t end = begin + shared.items;
  std::size_t next = begin;
  std::uint64_t whole = 0;
  blocks_used = 0;
  while (next < end || !open.empty()) {
    if (stop != nullptr && *stop) return fail(Errc::cancelled, "interrupted");
    std::size_t waiting = 0;
    for (const Stream& s : streams) waiting += s.tokens.size() - s.at;
    while (next < end && waiting < 2 * std::size_t{decoder.max_batch_tokens()}) {
      const std::size_t needed = blocks_of(items[next], shared.tokens);
      if (blocks_used + needed > room && !open.empty()) break;
      FH_TRY_VOID(open_item(next, shared.tokens, shared.tokens > 0 ? &trunk : nullptr));
      waiting += items[next].prefix.size() - shared.tokens;
      whole += alone(items[next]);
      ++next;
    }
    if (!streams.empty()) FH_TRY_VOID(step());
    for (auto o = open.begin(); o != open.end();) {
      if (o->streams > 0) {
        ++o;
        continue;
      }
      FH_TRY_VOID(done(o->index, o->scores));
      blocks_used -= o->blocks;
      o = open.erase(o);
    }
  }
  stats.saved += whole;  // less what was computed: run() takes that off
  return {};
}

Scorer::Scorer(engine::Decoder& decoder, ThreadPool& pool, std::shared_ptr<const model::Adapter> adapter)
    : state_(std::make_unique<State>(decoder, pool, std::move(adapter))) {}
Scorer::~Scorer() = default;

const ScoreStats& Scorer::stats() const {
  return state_->stats;
}

Result<> Scorer::run(std::span<const ScoreItem> items, const Done& done, const std::atomic<bool>* stop) {
  State& s = *state_;
  FH_TRY_VOID(s.check(items));
  s.items = items;
  Result<> result;
  for (std::size_t i = 0; i < items.size() && result;) {
    const Shared shared = shared_from(items, i);
    const std::uint64_t before = s.stats.computed;
    result = s.run_shared(i, shared, done, stop);
    s.stats.saved -= std::min(s.stats.saved, s.stats.computed - before);
    i += shared.items;
  }
  s.streams.clear();
  s.open.clear();
  return result;
}

}  // namespace freehold::eval
