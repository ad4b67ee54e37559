// One answer's guess, and what is remembered of its earlier ones.
#pragma once

#include <memory>
#include <vector>

#include "engine/drafting/drafter.h"
#include "engine/drafting/planner.h"

namespace freehold::engine {

struct Draft {
  std::unique_ptr<DraftState> state;
  Acceptance acceptance;
  std::vector<std::int32_t> tokens;  // what the next pass runs: the last token of the answer, then the guess
  std::uint32_t count = 0;           // of the guess; beyond it `tokens` means nothing
  Evidence evidence = Evidence::good;
  std::uint32_t compared = 0;  // tokens of the guess that were looked at while a pass is taken in
  bool right = false;          // the last of these was drawn
  std::uint32_t drafted = 0;   // guessed tokens that were run, in all
  std::uint32_t accepted = 0;  // of these, those that were drawn
};

}  // namespace freehold::engine
