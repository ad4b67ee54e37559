// One sequence under a grammar: which tokens may come next, so that the text is always the beginning of one that the
// grammar accepts, and, with a budget, of one that can still be finished in time.
//
// The promise behind "never broken". Let w(s) be the shortest text, in bytes, that finishes from configuration s, the
// first in byte order of all that short, and c(s) the fewest tokens of this vocabulary that write w(s). Then
//   1. c(s) tokens really finish from s: w(s) is a text of the grammar, so each of its tokens is allowed;
//   2. behind the first of them, s', the rest of w(s) is w(s') (a shorter or smaller one would have made a shorter or
//      smaller w(s)), so c(s') = c(s) - 1.
// A budget of b tokens allows token t iff c(s behind t) <= b - 1. If c(s) <= b there is always such a token unless the
// text is complete, and then c(s behind t) <= b - 1 holds again: no choice among the allowed ones can lose the end.
// c(s) <= bytes of w(s), because every byte is a token; so as long as the budget is larger than those bytes, which each
// record knows, nothing needs to be computed. Where a vocabulary lacks bytes, c is always looked up; if it cannot write
// w(s) of the beginning, the promise cannot be given (min_tokens() is kNoBudget) even if it could write a longer text.
//
// One owner, one thread. What it shares (MaskCache) is thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "text/grammar/explorer.h"
#include "text/grammar/mask_cache.h"
#include "text/grammar/stacks.h"

namespace freehold::text::grammar {

// Tokens that may still be written, the end token not counted: a caller who wants it written too passes one less.
inline constexpr std::uint32_t kNoBudget = UINT32_MAX;

enum class MaskKind : std::uint8_t {
  free,        // the budget forbids nothing
  steered,     // the budget forbids tokens that the grammar would allow
  cannot_fit,  // not even the shortest end fits: the mask is what the grammar alone allows
};

class Matcher {
 public:
  explicit Matcher(std::shared_ptr<MaskCache> cache);
  Matcher(const Matcher&) = delete;
  Matcher& operator=(const Matcher&) = delete;

  // bits: (mask_words of the vocabulary), overwritten. End tokens are allowed where the text is complete. Error:
  // exhausted (a grammar so ambiguous that a step takes too much work or memory).
  Result<MaskKind> fill_mask(std::span<std::uint64_t> bits, std::uint32_t budget = kNoBudget);
  // Whether the token was allowed by the grammar; nothing changes if it was not. An end token ends the sequence.
  bool accept(TokenId token);
  // Text that is not a token, as accept().
  bool accept_bytes(std::string_view bytes);
  // Forgets the last n accepted tokens (and calls of accept_bytes).
  void rollback(std::size_t n);
  void reset() { rollback(depth()); }

  bool accepting() const { return stacks_.accepting(config_); }  // the text so far is complete
  bool finished() const { return finished_; }                    // an end token was accepted
  bool at_end();                                                 // complete, and no text may follow
  std::size_t depth() const { return history_.size(); }          // tokens that can be taken back
  // The fewest tokens that finish from here, the end token not counted; kNoBudget if the vocabulary cannot write it.
  std::uint32_t min_tokens();
  // The text that has to come next, as far as there is no choice (up to `limit` bytes).
  std::string forced_bytes(std::size_t limit = 256);

  const MaskCache& cache() const { return *cache_; }
  std::size_t memory() const { return stacks_.memory(); }

 private:
  using Bits = std::span<std::uint64_t>;
  std::uint32_t cost_of(std::span<const Entry> config, std::uint32_t limit);
  bool fits(Explorer::Id id, std::uint32_t budget);
  Result<bool> fill_from_records(Bits bits, std::uint32_t budget, bool& steered);
  Result<void> fill_exactly(Bits bits, std::uint32_t budget, bool& steered);
  bool fill_groups(const MaskRecord& record, const Entry& entry, Bits bits, std::uint32_t budget, bool& steered);
  void add_rests(const MaskRecord& record, const Entry& entry, Bits bits, std::uint32_t budget, bool& steered);
  void save(bool was_end);

  std::shared_ptr<MaskCache> cache_;
  const Automaton& automaton_;
  const VocabularyIndex& vocabulary_;
  Stacks stacks_;
  Explorer explorer_;
  Config config_;
  bool finished_ = false;
  struct Step {
    std::uint32_t first_entry = 0;  // of the configuration before it, in past_
    bool end = false;
  };
  std::vector<Step> history_;
  std::vector<Entry> past_;
  // Scratch.
  Config next_, from_;
  std::string text_;
  std::vector<std::uint32_t> counts_;
  std::vector<std::uint8_t> fits_;  // per explored configuration: 0 not known, 1 no, 2 yes
};

}  // namespace freehold::text::grammar
