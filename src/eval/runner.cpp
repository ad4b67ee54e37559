#include "eval/runner.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <map>

#include "base/random.h"
#include "engine/constraints.h"
#include "eval/judge.h"

namespace freehold::eval {
namespace {

using Clock = std::chrono::steady_clock;
constexpr std::size_t kKeepItems = 512;                // of one transaction, at most
constexpr std::chrono::milliseconds kKeepEvery{1000};  // what a kill costs

// An item's own seed, so that its answers do not depend on which other items are asked.
std::uint64_t seed_of(std::uint64_t seed, std::size_t row) {
  const PhiloxBlock r = philox4x32(seed, {static_cast<std::uint32_t>(row), 0x65766c, 0, 0});
  return (std::uint64_t{r[0]} << 32 | r[1]) >> 11;
}

}  // namespace

struct Runner::State {
  explicit State(Parts p) : parts(std::move(p)) {}

  Parts parts;
  RunStats stats;
  std::unique_ptr<engine::Engine> engine;
  std::unique_ptr<engine::ConstraintCache> constraints;
  std::map<std::size_t, std::shared_ptr<text::grammar::MaskCache>> letters;  // by the number of choices

  // Of the task and aspect under way.
  std::string task;
  Aspect aspect = Aspect::scores;
  std::vector<std::pair<std::size_t, std::string>> fresh;
  Clock::time_point kept_at;

  Result<> keep(std::size_t row, const ItemResult& result);
  Result<> flush();
  Result<> score(const Questions& all, const Tokenized& tokens, const std::vector<std::size_t>& missing,
                 std::vector<ItemResult>& results);
  Result<> write(const Questions& all, const Tokenized& tokens, const std::vector<std::size_t>& missing,
                 std::vector<ItemResult>& results);
  Result<> run_programs(const Questions& all, const std::vector<std::size_t>& missing,
                        std::vector<ItemResult>& results);
  Result<engine::Request> request_for(const Questions& all, const Tokenized& tokens, std::size_t i);
  Result<> open_engine();
};

std::string run_key(const Questions& questions, const Tokenized& tokens) {
  return questions.digest.hex() + tokens.variant;
}

Runner::Runner(Parts parts) : state_(std::make_unique<State>(std::move(parts))) {}
Runner::~Runner() = default;
const RunStats& Runner::stats() const {
  return state_->stats;
}

Result<> Runner::State::flush() {
  kept_at = Clock::now();
  if (fresh.empty() || parts.store == nullptr) {
    fresh.clear();
    return {};
  }
  FH_TRY_VOID(parts.store->save(parts.model, task, aspect, fresh));
  fresh.clear();
  return {};
}

Result<> Runner::State::keep(std::size_t row, const ItemResult& result) {
  ++stats.items;
  if (parts.progress) parts.progress(1);
  fresh.emplace_back(row, to_json(result, aspect));
  if (fresh.size() >= kKeepItems || Clock::now() - kept_at >= kKeepEvery) return flush();
  return {};
}

Result<> Runner::State::score(const Questions& all, const Tokenized& tokens, const std::vector<std::size_t>& missing,
                              std::vector<ItemResult>& results) {
  if (engine) engine->drop_cached();
  Scorer scorer(*parts.decoder, *parts.pool, parts.adapter);
  std::vector<ScoreItem> some;
  std::span<const ScoreItem> items = tokens.items;
  if (missing.size() != tokens.items.size()) {
    for (std::size_t i : missing) some.push_back(tokens.items[i]);
    items = some;
  }
  auto result = scorer.run(
      items,
      [&](std::size_t i, std::span<const Score> scores) {
        ItemResult& r = results[missing[i]];
        r.scores.assign(scores.begin(), scores.end());
        return keep(all.questions[missing[i]].row, r);
      },
      parts.stop);
  stats.computed += scorer.stats().computed;
  stats.saved += scorer.stats().saved;
  return result;
}

Result<> Runner::State::open_engine() {
  if (engine) return {};
  FH_TRY(engine, engine::Engine::create(*parts.decoder, *parts.tokenizer,
                                        {.max_sequences = parts.sequences, .pool = parts.pool}));
  constraints = std::make_unique<engine::ConstraintCache>(*parts.tokenizer);
  return {};
}

Result<engine::Request> Runner::State::request_for(const Questions& all, const Tokenized& tokens, std::size_t i) {
  const Task& task_of = *all.task;
  engine::Request request;
  request.adapter = parts.adapter;
  if (aspect == Aspect::texts) {
    request.prompt = tokens.prompts[i];
    request.sampling.temperature = task_of.generation.temperature;
    request.sampling.top_p = task_of.generation.top_p;
    request.seed = seed_of(all.options.seed, all.questions[i].row);
    request.max_tokens = task_of.generation.max_tokens;
    request.stop = task_of.generation.until;
    return request;
  }
  request.prompt = tokens.letters[i];
  request.sampling.temperature = 0;
  request.max_tokens = 8;
  const std::size_t choices = std::min<std::size_t>(all.questions[i].answers.size(), 26);
  auto& constraint = letters[choices];
  if (!constraint) {
    engine::ConstraintSource source{.kind = engine::ConstraintSource::Kind::choice};
    for (std::size_t c = 0; c < choices; ++c)
      source.choices.push_back((parts.chat ? "" : " ") + std::string(1, letter_of(c)));
    FH_TRY(constraint, constraints->get("", source));
  }
  request.constraint = constraint;
  return request;
}

Result<> Runner::State::write(const Questions& all, const Tokenized& tokens, const std::vector<std::size_t>& missing,
                              std::vector<ItemResult>& results) {
  FH_TRY_VOID(open_engine());
  const engine::EngineCounters before = engine->counters();
  const std::uint32_t repeats = aspect == Aspect::texts ? all.task->generation.repeats : 1;
  // Of an item under way: answers that are still to come.
  std::map<std::size_t, std::uint32_t> open;
  Result<> failed;
  const auto finish = [&](std::size_t i) {
    open.erase(i);
    ItemResult& r = results[i];
    if (aspect == Aspect::letter) {
      r.letter = std::string(stripped(r.texts[0]));
      r.texts.clear();
    }
    if (auto kept = keep(all.questions[i].row, r); !kept && failed) failed = kept;
  };
  const auto submit = [&](std::size_t i) -> Result<> {
    results[i].texts.assign(repeats, "");
    open[i] = repeats;
    // Several answers to one prompt are one request, as far as the engine has room; draws are numbered across them.
    for (std::uint32_t first = 0; first < repeats; first += parts.sequences) {
      FH_TRY(engine::Request request, request_for(all, tokens, i));
      request.n = std::min(parts.sequences, repeats - first);
      request.first_choice = first;
      auto id = engine->submit(std::move(request), [&, i, first](const engine::Event& event) {
        if (const auto* delta = std::get_if<engine::TextDelta>(&event)) {
          results[i].texts[first + delta->choice] += delta->text;
        } else if (const auto* done = std::get_if<engine::Finished>(&event)) {
          stats.written += done->usage.completion_tokens;
          if (done->reason != engine::FinishReason::cancelled && --open[i] == 0) finish(i);
        } else if (const auto* broken = std::get_if<engine::Failed>(&event)) {
          if (failed) failed = tl::unexpected(broken->error);
        }
      });
      if (!id) return in_context(std::move(id).error(), fmt::format("item {}", all.questions[i].row));
    }
    return {};
  };
  std::size_t next = 0;
  while (failed && (next < missing.size() || engine->pending() > 0)) {
    if (parts.stop != nullptr && *parts.stop) return fail(Errc::cancelled, "interrupted");
    // The first goes alone: what all begin with is in the cache when the others come.
    const std::size_t most = next == 0 ? 1 : next == 1 && !open.empty() ? 0 : 2 * std::size_t{parts.sequences};
    while (next < missing.size() && open.size() < most) FH_TRY_VOID(submit(missing[next++]));
    engine->step();
  }
  stats.computed += engine->counters().prefilled_tokens - before.prefilled_tokens;
  stats.saved += engine->counters().reused_tokens - before.reused_tokens;
  return failed;
}

Result<> Runner::State::run_programs(const Questions& all, const std::vector<std::size_t>& missing,
                                     std::vector<ItemResult>& results) {
  return judge(all, missing, results,
               {.sandbox = parts.sandbox,
                .threads = static_cast<std::size_t>(parts.pool->threads()),
                .stop = parts.stop,
                .done = [&](std::size_t i) { return keep(all.questions[i].row, results[i]); }});
}

Result<std::vector<ItemResult>> Runner::run(const Questions& questions, const Tokenized& tokens) {
  State& s = *state_;
  std::vector<ItemResult> results(questions.questions.size());
  if (questions.task->runs_programs() && s.parts.sandbox == nullptr)
    return fail(Errc::internal, "there is no sandbox to run programs in");
  for (Aspect aspect : aspects_of(*questions.task)) {
    s.aspect = aspect;
    s.task = run_key(questions, tokens);
    if (aspect == Aspect::verdicts) s.task = verdicts_key(s.task, *s.parts.sandbox);
    s.kept_at = Clock::now();
    std::map<std::size_t, std::string> known;
    if (s.parts.store != nullptr) {
      FH_TRY(known, s.parts.store->load(s.parts.model, s.task, aspect));
    }
    std::vector<std::size_t> missing;
    for (std::size_t i = 0; i < results.size(); ++i) {
      const auto found = known.find(questions.questions[i].row);
      if (found == known.end()) {
        missing.push_back(i);
      } else {
        FH_TRY_VOID(add_json(found->second, aspect, results[i]));
        if (aspect == Aspect::scores && results[i].scores.size() != tokens.items[i].tails.size()) {
          results[i].scores.clear();  // nothing that we have written: measured anew
          missing.push_back(i);
          continue;
        }
        if (aspect == Aspect::verdicts && results[i].verdicts.size() != results[i].texts.size()) {
          results[i].verdicts.clear();
          missing.push_back(i);
          continue;
        }
        ++s.stats.known;
        if (s.parts.progress) s.parts.progress(1);
      }
    }
    if (missing.empty()) continue;
    auto ran = aspect == Aspect::scores     ? s.score(questions, tokens, missing, results)
               : aspect == Aspect::verdicts ? s.run_programs(questions, missing, results)
                                            : s.write(questions, tokens, missing, results);
    FH_TRY_VOID(s.flush());
    if (!ran) {
      s.engine.reset();  // what it holds refers to results that are gone
      return in_context(std::move(ran).error(), questions.task->name);
    }
  }
  return results;
}

}  // namespace freehold::eval
