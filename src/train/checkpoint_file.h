// A run at a step, as one file from which it goes on with the same bits: the values that learn, the optimiser's states,
// and counters. There is no state of a random generator: every draw is a function of the seed and a counter
// (base/random.h), and the position in the data is the step (train/batches.h). docs/formats/tune.md has every byte.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

#include "base/result.h"
#include "train/optimiser.h"
#include "train/trainable.h"

namespace freehold::train {

// Everything of a run that changes beside values and optimiser.
struct Counters {
  std::uint64_t step = 0;           // updates done
  std::uint64_t tokens = 0;         // read in training so far
  std::uint64_t scored = 0;         // of these, in the loss
  std::uint64_t metrics_bytes = 0;  // of metrics.jsonl, up to this step
  double seconds = 0;               // spent in steps
  double first_loss = 0, last_loss = 0;
  std::uint64_t evaluated = 0;  // the last step that was evaluated after; 0: none
  double evaluation = 0;        // what came of it
  std::uint64_t best_step = 0;  // of the lowest evaluation; 0: none
  double best = 0;
  std::uint32_t worse = 0;  // evaluations since then
  std::uint32_t high = 0;   // steps in a row whose loss the watchdog minds
};

// Writes the file atomically: killed at any moment, it is there whole or not at all. `run` identifies recipe, data and
// base model.
Result<> write_checkpoint(const std::filesystem::path& path, const std::string& run, const Counters& counters,
                          Trainable& model, Optimiser& optimiser);

// Reads it back into place. Errors: Errc::corrupt (the file is damaged; nothing has changed then), Errc::invalid (it is
// of another run, or of other shapes). The model is refreshed.
Result<Counters> read_checkpoint(const std::filesystem::path& path, const std::string& run, Trainable& model,
                                 Optimiser& optimiser);
// The values alone.
Result<Counters> read_checkpoint_values(const std::filesystem::path& path, const std::string& run, Trainable& model);

}  // namespace freehold::train
