// Guesses by looking up: where did the last tokens occur before, and what came after them there? Right in what repeats
// its input: editing, extracting, quoting, code (Saxena 2023, "Prompt Lookup Decoding"). Costs no pass of any model.
#pragma once

#include "engine/drafting/drafter.h"

namespace freehold::engine {

// Looks in what the answer is expected to be (Request::expected), and in its own prompt and text; never in another's.
class NgramDrafter final : public Drafter {
 public:
  std::unique_ptr<DraftState> start(const Request& request, std::uint32_t limit, std::uint32_t most) override;
  // The continuation of the longest match of two tokens or more: of several one in what is expected, the first behind
  // the last guess from there, else the latest.
  void propose(std::span<DraftQuery> queries) override;
};

}  // namespace freehold::engine
