// A recipe and its data as numbers: how many steps there are, which examples each takes, its learning rate, and after
// which steps the run evaluates and saves.
#pragma once

#include <cstdint>
#include <optional>

#include "base/result.h"
#include "train/batches.h"
#include "train/dataset.h"
#include "train/recipe.h"
#include "train/schedule.h"

namespace freehold::train {

struct RunPlan {
  // Of preferences a "length" is that of both answers, and a step has one micro-batch of pairs.
  Batches batches;
  std::optional<Batches> evaluation;  // the examples that were held out, if there are any and the recipe uses them
  std::uint64_t steps = 0;            // in all
  Schedule schedule;
  PassLimits limits;  // of the largest micro-batch, evaluation included
  Every evaluate, save;

  // Whether step number `done` (from 1, after its update) is one to evaluate, or to save, after. The last one always
  // evaluates.
  bool evaluates_after(std::uint64_t done) const;
  bool saves_after(std::uint64_t done) const;
  double epoch_of(std::uint64_t done) const {
    return static_cast<double>(done) / static_cast<double>(batches.steps_per_epoch());
  }

 private:
  bool due(const Every& every, std::uint64_t done) const;
};

// Errors: Errc::invalid for a data set without examples.
Result<RunPlan> plan_run(const Recipe& recipe, const Dataset& dataset);

// Tokens of an example, or of both of a pair, by number.
std::vector<std::uint32_t> lengths_of(const std::vector<Example>& examples, std::uint32_t together);

}  // namespace freehold::train
