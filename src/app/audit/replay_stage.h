// A server without a socket, set up as the one was that gave an answer: the same model, names, limits and seed. Nothing
// is written: what the audit log would be told is caught.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "app/audit/replay.h"

namespace freehold::app {

// What a stage is set up for; entries that need the same share one.
struct StageSetup {
  PinnedModel pinned;
  std::string name;    // by which the model is called
  std::string tenant;  // whose name it is, if it is not everybody's
  std::uint32_t context = 0;
  std::string kv_cache;
  std::string key() const;
};
// Errors: find_pinned.
Result<StageSetup> setup_of(const ReplayOptions& options, const Members& entry);

// One thread.
class ReplayStage {
 public:
  // Loads the model. Errors: those of its files; exhausted.
  static Result<std::unique_ptr<ReplayStage>> open(const ReplayOptions& options, const StageSetup& setup);
  ~ReplayStage();

  struct Played {
    std::string entry;                 // as the audit log would have it; empty: it was refused
    std::string refusal;               // the body of that answer
    std::vector<std::string> answers;  // texts, one a choice
  };
  // Error: cancelled (interrupted).
  Result<Played> play(const Members& entry, const Asked& asked);

 private:
  struct State;
  explicit ReplayStage(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace freehold::app
