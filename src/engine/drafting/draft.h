// One answer's guess, and what is remembered of its earlier ones.
#pragma once

#include <memory>
#include <vector>

#include "engine/drafting/drafter.h"
#include "engine/drafting/planner.h"

namespace freehold::engine {

struct Draft {
  // The answer's next token was drawn. Whether the pass has already run it, so that there is a row after it.
  bool take(std::int32_t token) {
    const bool was_run = compared < count;
    if (compared == guessed || tokens[std::size_t{1} + compared++] != token) return false;
    ++right;
    accepted += was_run ? 1 : 0;
    return was_run;
  }

  std::unique_ptr<DraftState> state;
  Acceptance acceptance;
  std::vector<std::int32_t> tokens;  // the last token of the answer, then the guess
  std::uint32_t guessed = 0;         // tokens of the guess
  std::uint32_t count = 0;           // of these, those that the next pass runs; the others are only compared
  Evidence evidence = Evidence::good;
  std::uint32_t compared = 0;  // tokens of the guess that were looked at while a pass is taken in
  std::uint32_t right = 0;     // of these, those that were drawn
  std::uint32_t drafted = 0;   // guessed tokens that were run, in all
  std::uint32_t accepted = 0;  // of these, those that were drawn
};

}  // namespace freehold::engine
