// Guesses for a step of the engine: asks the drafter for all answers at once and takes what the planner thinks will
// pay.
#pragma once

#include <span>
#include <vector>

#include "engine/drafting/draft.h"
#include "engine/drafting/drafter.h"
#include "engine/drafting/planner.h"
#include "engine/request.h"

namespace freehold::engine {

// What the engine is told about guessing.
struct DraftOptions {
  Drafter* drafter = nullptr;  // null: plain decoding. Outlives the engine
  std::uint32_t most = 16;     // tokens of one guess; also at most chunk - 1, and the decoder's spare logit rows
  bool adaptive = true;        // as many as have paid so far, perhaps none; false: always the most
};

class Speculation {
 public:
  // For up to `answers` answers, with `room` guessed tokens a step at most, over `vocab` ids.
  Speculation(const DraftOptions& options, std::size_t answers, std::uint32_t room, std::uint32_t vocab);

  bool on() const { return options_.drafter != nullptr && room_ > 0; }
  // An answer of up to `limit` tokens begins.
  void start(Draft& draft, const Request& request, std::uint32_t limit) const;

  // A step's guesses: `begin`, `ask` for each answer that decodes, then `propose` sets `count` and `tokens` of all
  // their drafts. At most `most` tokens may follow; the draft must stay where it is until then.
  void begin();
  void ask(Draft& draft, DraftQuery query, std::uint32_t most);
  // `clock` is the engine's.
  template <typename Clock>
  void propose(Clock&& clock) {
    const double before = clock();
    const std::uint32_t drafted = ask_drafter();
    if (options_.drafter->costly()) planner_.drafting_took(clock() - before, drafted);
    choose();
  }
  // The step is over: its pass took `seconds`, and gave `gained` tokens beyond one for each answer.
  void settle(double seconds, std::uint32_t gained);

 private:
  std::uint32_t ask_drafter();
  void choose();
  void plan();

  DraftOptions options_;
  std::uint32_t room_;
  std::uint32_t vocab_;
  Planner planner_;
  std::vector<Draft*> drafts_;  // of this step's answers
  std::vector<DraftQuery> queries_;
  std::vector<DraftPlan> plans_;
  std::uint32_t chosen_ = 0;  // guessed tokens in the step
};

}  // namespace freehold::engine
