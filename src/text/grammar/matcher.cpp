#include "text/grammar/matcher.h"

#include <algorithm>

#include "base/check.h"

namespace freehold::text::grammar {
namespace {

void set_bit(std::span<std::uint64_t> bits, std::uint32_t token) {
  bits[token / 64] |= std::uint64_t{1} << (token % 64);
}
void clear_bit(std::span<std::uint64_t> bits, std::uint32_t token) {
  bits[token / 64] &= ~(std::uint64_t{1} << (token % 64));
}

Unexpected too_ambiguous() {
  return fail(Errc::exhausted, "the grammar is too ambiguous at this point of the text");
}

}  // namespace

Matcher::Matcher(std::shared_ptr<MaskCache> cache)
    : cache_(std::move(cache)),
      automaton_(cache_->automaton()),
      vocabulary_(cache_->vocabulary()),
      stacks_(automaton_),
      explorer_(stacks_),
      config_(stacks_.initial()) {
  history_.reserve(256);
  past_.reserve(256);
}

void Matcher::save(bool was_end) {
  history_.push_back({static_cast<std::uint32_t>(past_.size()), was_end});
  past_.insert(past_.end(), config_.begin(), config_.end());
}

bool Matcher::accept(TokenId token) {
  if (finished_) return false;
  if (vocabulary_.ends_generation(token)) {
    if (!accepting()) return false;
    save(true);
    finished_ = true;
    return true;
  }
  std::string_view bytes = vocabulary_.bytes_of(token);
  return !bytes.empty() && accept_bytes(bytes);
}

bool Matcher::accept_bytes(std::string_view bytes) {
  if (finished_) return false;
  from_ = config_;
  for (char c : bytes) {
    if (!stacks_.step(from_, static_cast<std::uint8_t>(c), next_) || next_.empty()) return false;
    std::swap(from_, next_);
  }
  save(false);
  std::swap(config_, from_);
  return true;
}

void Matcher::rollback(std::size_t n) {
  n = std::min(n, history_.size());
  if (n == 0) return;
  std::size_t kept = history_.size() - n;
  std::size_t begin = history_[kept].first_entry;
  std::size_t end = kept + 1 < history_.size() ? history_[kept + 1].first_entry : past_.size();
  config_.assign(past_.begin() + static_cast<std::ptrdiff_t>(begin), past_.begin() + static_cast<std::ptrdiff_t>(end));
  past_.resize(begin);
  history_.resize(kept);
  finished_ = false;
}

// c(config), or kNoBudget when it is more than `limit`.
std::uint32_t Matcher::cost_of(std::span<const Entry> config, std::uint32_t limit) {
  std::uint64_t longest = std::uint64_t{limit} * vocabulary_.longest();
  if (stacks_.shortest(config) > longest) return kNoBudget;
  text_.clear();
  stacks_.append_shortest(config, text_, stacks_.shortest(config));
  std::uint32_t cost = vocabulary_.fewest_tokens(text_, limit, counts_);
  return cost <= limit ? cost : kNoBudget;
}

std::uint32_t Matcher::min_tokens() {
  return cost_of(config_, kNoBudget - 1);
}

bool Matcher::fits(Explorer::Id id, std::uint32_t budget) {
  if (fits_.size() <= id) fits_.resize(id + 1, 0);
  if (fits_[id] == 0) {
    auto config = explorer_.config(id);
    bool yes = vocabulary_.has_all_bytes() && stacks_.shortest(config) <= budget;
    if (!yes) yes = cost_of(config, budget) != kNoBudget;
    fits_[id] = yes ? 2 : 1;
  }
  return fits_[id] == 2;
}

Result<MaskKind> Matcher::fill_mask(Bits bits, std::uint32_t budget) {
  FH_CHECK(bits.size() == vocabulary_.mask_words(), "the caller sizes the mask");
  std::fill(bits.begin(), bits.end(), 0);
  if (finished_) return MaskKind::free;
  MaskKind kind = MaskKind::free;
  if (!vocabulary_.has_all_bytes() && budget == kNoBudget) budget = kNoBudget - 1;
  if (budget != kNoBudget) {
    bool surely = vocabulary_.has_all_bytes() && stacks_.shortest(config_) <= budget;
    if (!surely && cost_of(config_, budget) == kNoBudget) {
      kind = MaskKind::cannot_fit;
      budget = kNoBudget;
    }
  }
  std::size_t mark = stacks_.mark();
  bool steered = false;
  auto done = fill_from_records(bits, budget, steered);
  if (done && !*done) {
    std::fill(bits.begin(), bits.end(), 0);
    steered = false;
    auto exact = fill_exactly(bits, budget, steered);
    if (!exact) done = tl::unexpected(exact.error());
  }
  stacks_.release(mark);
  if (!done) return tl::unexpected(std::move(done).error());
  if (accepting() && budget != 0) {
    for (TokenId end : vocabulary_.ends()) set_bit(bits, static_cast<std::uint32_t>(end));
  }
  if (kind == MaskKind::free && steered) kind = MaskKind::steered;
  return kind;
}

// From what is known about each place. False: only the exact way is right here.
Result<bool> Matcher::fill_from_records(Bits bits, std::uint32_t budget, bool& steered) {
  if (!vocabulary_.has_all_bytes() && budget != kNoBudget) return false;
  for (const Entry& entry : config_) {
    FH_TRY(auto record, cache_->find(automaton_.canonical(entry.state, vocabulary_.longest())));
    if (record->need > 0 && stacks_.depth(entry.below) + record->need > automaton_.nesting_limit()) return false;
    if (!fill_groups(*record, entry, bits, budget, steered)) return false;
    add_rests(*record, entry, bits, budget, steered);
    if (explorer_.failed()) return too_ambiguous();
    // Of several derivations each may allow a token that only another one leaves room for.
    if (steered && (config_.size() > 1 || record->ambiguous)) return false;
  }
  return true;
}

bool Matcher::fill_groups(const MaskRecord& record, const Entry& entry, Bits bits, std::uint32_t budget,
                          bool& steered) {
  auto add_all = [&] {
    for (std::size_t w = 0; w < record.bits.size(); ++w) bits[w] |= record.bits[w];
    for (std::uint32_t t : record.sparse) set_bit(bits, t);
  };
  if (budget == kNoBudget || record.groups.empty()) {
    add_all();
    return true;
  }
  // A token of a group leaves these bytes to write.
  std::uint64_t below = stacks_.shortest_below(entry.below);
  auto frame = [&](const MaskRecord::Group& g, std::size_t i) {
    State s = g.frames[i];
    if (g.counts_on && i + 1 == g.frames.size()) s.count += entry.state.count;
    return s;
  };
  auto bytes_left = [&](const MaskRecord::Group& g) {
    std::uint64_t sum = below;
    for (std::size_t i = 0; i < g.frames.size(); ++i) sum += automaton_.shortest(frame(g, i));
    return sum;
  };
  std::uint64_t left = budget == 0 ? 0 : budget - 1;
  bool all = budget > 0;
  for (const auto& g : record.groups) all = all && bytes_left(g) <= left;
  if (all) {
    add_all();
    return true;
  }
  if (config_.size() > 1 || record.ambiguous) return false;
  auto group_fits = [&](const MaskRecord::Group& g) {
    if (budget == 0) return false;
    std::uint64_t bytes = bytes_left(g);
    if (bytes <= left) return true;
    if (bytes > left * vocabulary_.longest()) return false;
    text_.clear();
    for (std::size_t i = 0; i < g.frames.size(); ++i) automaton_.append_shortest(frame(g, i), text_, bytes);
    stacks_.append_below(entry.below, text_, bytes);
    return vocabulary_.fewest_tokens(text_, static_cast<std::uint32_t>(left), counts_) <= left;
  };
  bool main_fits = group_fits(record.groups.front());
  if (main_fits) add_all();
  steered |= !main_fits;
  for (std::size_t i = 1; i < record.groups.size(); ++i) {
    const auto& g = record.groups[i];
    bool yes = group_fits(g);
    steered |= !yes;
    if (yes == main_fits) continue;
    for (std::uint32_t t : g.tokens) {
      if (yes) {
        set_bit(bits, t);
      } else {
        clear_bit(bits, t);
      }
    }
  }
  return true;
}

// Tokens that end the rule on top and go on with what is below it.
void Matcher::add_rests(const MaskRecord& record, const Entry& entry, Bits bits, std::uint32_t budget, bool& steered) {
  if (!record.ends_here && record.rests.size() <= 1) return;
  explorer_.reset();
  fits_.clear();
  stacks_.popped(entry.below, from_);
  if (from_.empty()) return;
  Explorer::Id start = explorer_.add(from_);
  auto allow = [&](std::uint32_t token, Explorer::Id to) {
    if (budget == kNoBudget || (budget > 0 && fits(to, budget - 1))) {
      set_bit(bits, token);
    } else {
      steered = true;
    }
  };
  auto rest_count = static_cast<std::uint32_t>(record.rests.size()) - 1;
  std::span<const MaskRecord::Rest> rests = record.rests;
  explorer_.walk(rests, 0, rest_count, start, [&](std::uint32_t node, Explorer::Id to) {
    for (std::uint32_t i = rests[node].first_token; i < rests[node + 1].first_token; ++i)
      allow(record.rest_tokens[i], to);
  });
  if (!record.ends_here) return;
  auto count = static_cast<std::uint32_t>(vocabulary_.node_count());
  explorer_.walk(vocabulary_.nodes(), 0, count, start, [&](std::uint32_t node, Explorer::Id to) {
    for (std::uint32_t t : vocabulary_.tokens_of(node)) allow(t, to);
  });
}

// Tries every token from the real configuration.
Result<void> Matcher::fill_exactly(Bits bits, std::uint32_t budget, bool& steered) {
  explorer_.reset();
  fits_.clear();
  Explorer::Id start = explorer_.add(config_);
  auto count = static_cast<std::uint32_t>(vocabulary_.node_count());
  explorer_.walk(vocabulary_.nodes(), 0, count, start, [&](std::uint32_t node, Explorer::Id to) {
    auto tokens = vocabulary_.tokens_of(node);
    if (tokens.empty()) return;
    if (budget == kNoBudget || (budget > 0 && fits(to, budget - 1))) {
      for (std::uint32_t t : tokens) set_bit(bits, t);
    } else {
      steered = true;
    }
  });
  if (explorer_.failed()) return too_ambiguous();
  return {};
}

bool Matcher::at_end() {
  if (finished_) return true;
  if (!accepting()) return false;
  std::bitset<256> possible;
  std::size_t mark = stacks_.mark();
  stacks_.possible(config_, possible);
  stacks_.release(mark);
  return possible.none();
}

std::string Matcher::forced_bytes(std::size_t limit) {
  std::string out;
  std::bitset<256> possible;
  std::size_t mark = stacks_.mark();
  from_ = config_;
  while (out.size() < limit && !finished_ && !stacks_.accepting(from_)) {
    stacks_.possible(from_, possible);
    if (possible.count() != 1) break;
    auto byte = static_cast<std::uint8_t>(possible._Find_first());
    if (!stacks_.step(from_, byte, next_) || next_.empty()) break;
    out += static_cast<char>(byte);
    std::swap(from_, next_);
  }
  stacks_.release(mark);
  return out;
}

}  // namespace freehold::text::grammar
