// metrics.jsonl: one line of JSON a step or an evaluation, in the order in which they happened, none twice. What is
// measured by the clock differs from run to run; losses, rates and counts do not.
//
//   {"step":3,"epoch":0.06,"loss":2.31,"learning_rate":0.0002,"gradient_norm":0.8,"tokens":512,"scored":120,
//    "seconds":0.41,"tokens_per_second":1248}
//   {"step":50,"epoch":1,"eval_loss":1.9,"seconds":0.2}          and with preferences "accuracy", the part of pairs
//                                                                  whose chosen answer is preferred
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"

namespace freehold::train {

struct StepMetrics {
  std::uint64_t step = 0;
  double epoch = 0, loss = 0, learning_rate = 0, gradient_norm = 0;
  std::optional<double> accuracy;        // of preferences
  std::uint64_t tokens = 0, scored = 0;  // of this step
  double seconds = 0;
};

struct EvaluationMetrics {
  std::uint64_t step = 0;
  double epoch = 0, loss = 0;
  std::optional<double> accuracy;
  double seconds = 0;
};

std::string as_line(const StepMetrics& m);
std::string as_line(const EvaluationMetrics& m);

struct Metrics {
  std::vector<StepMetrics> steps;
  std::vector<EvaluationMetrics> evaluations;
};
// All lines of the file; one that is cut off at the end (it is being written) is left out. None if there is no file.
// Errors: Errc::corrupt, with the line.
Result<Metrics> read_metrics(const std::filesystem::path& path);

}  // namespace freehold::train
