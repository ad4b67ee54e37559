// What each place of a grammar allows of a vocabulary, worked out when it is first needed and shared by all sequences.
//
// A record knows three kinds of tokens of the rule on top of the stack: those that stay inside it (always allowed),
// those that cannot (never), and those that end it and go on (they depend on what is below). The third kind is kept as
// a small tree of what is left of them behind the end, which the matcher walks with the real stack. This is the idea of
// XGrammar's adaptive masks (Dong et al., 2024); here the first kind is also grouped by where it leads, because near a
// token limit that decides which tokens still leave room to finish.
//
// Any number of threads may use one cache. It holds at most the bytes it was given (and what is being used).
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "base/result.h"
#include "text/grammar/automaton.h"
#include "text/grammar/vocabulary_index.h"

namespace freehold::text::grammar {

struct MaskRecord {
  // Tokens that lead to the same frames above the unknown rest.
  struct Group {
    std::vector<State> frames;          // from the top down, of the shortest text
    bool counts_on = false;             // the last frame's count is an increment of the top's count
    std::vector<std::uint32_t> tokens;  // sorted; of group 0, the largest, empty: all that are in no other group
  };
  struct Rest {
    std::uint32_t end = 0;
    std::uint32_t first_token = 0;  // its tokens end at that of the next node
    std::uint8_t byte = 0;
  };

  std::vector<std::uint64_t> bits;    // tokens that stay inside, or, if few,
  std::vector<std::uint32_t> sparse;  // their ids
  std::vector<Group> groups;
  std::uint32_t need = 0;   // nesting above the unknown rest
  bool ambiguous = false;   // some token both stays inside and depends, or leads to several frames at once
  bool ends_here = false;   // the rule can end before the token: walk the whole vocabulary from below
  std::vector<Rest> rests;  // one more than nodes, in preorder
  std::vector<std::uint32_t> rest_tokens;
  std::size_t memory() const;
};

class MaskCache {
 public:
  MaskCache(std::shared_ptr<const Automaton> automaton, std::shared_ptr<const VocabularyIndex> vocabulary,
            std::size_t max_bytes = std::size_t{64} << 20);
  ~MaskCache();

  const Automaton& automaton() const { return *automaton_; }
  const VocabularyIndex& vocabulary() const { return *vocabulary_; }
  // `state` is canonical. Error: exhausted.
  Result<std::shared_ptr<const MaskRecord>> find(State state);
  std::size_t memory() const;  // of the records it holds

 private:
  struct Table;
  std::shared_ptr<const Automaton> automaton_;
  std::shared_ptr<const VocabularyIndex> vocabulary_;
  std::unique_ptr<Table> table_;
};

}  // namespace freehold::text::grammar
