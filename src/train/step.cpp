#include "train/step.h"

#include <fmt/format.h>

#include <cmath>

#include "base/check.h"

namespace freehold::train {
namespace {

std::vector<std::span<const std::int32_t>> sequences_of(const MicroBatch& batch) {
  std::vector<std::span<const std::int32_t>> out;
  for (const Example& e : batch) {
    FH_CHECK(e.tokens.size() == e.labels.size(), "every token has a label or kIgnored");
    out.emplace_back(e.tokens);
  }
  return out;
}

std::vector<nn::Target> targets_of(const MicroBatch& batch) {
  std::vector<nn::Target> out;
  std::uint32_t row = 0;
  for (const Example& e : batch) {
    for (std::size_t i = 1; i < e.labels.size(); ++i) {
      if (e.labels[i] != kIgnored) out.push_back({row + static_cast<std::uint32_t>(i) - 1, e.labels[i], 1.0f});
    }
    row += static_cast<std::uint32_t>(e.tokens.size());
  }
  return out;
}

Result<> check_labels(const std::vector<nn::Target>& targets, std::uint32_t vocab) {
  for (const nn::Target& t : targets) {
    if (t.target < 0 || static_cast<std::uint32_t>(t.target) >= vocab) {
      return fail(Errc::invalid, fmt::format("label {} is outside the vocabulary of {}", t.target, vocab));
    }
  }
  return {};
}

double sum_of(const std::vector<float>& loss) {
  double sum = 0;
  for (float l : loss) sum += static_cast<double>(l);
  return sum;
}

}  // namespace

Result<StepResult> accumulate(Trainable& model, Pass& pass, ThreadPool& pool, std::span<const MicroBatch> micro_batches,
                              const StepOptions& options) {
  StepResult result;
  std::vector<std::vector<nn::Target>> targets;
  std::size_t scored = 0;
  for (const MicroBatch& batch : micro_batches) {
    targets.push_back(targets_of(batch));
    FH_TRY_VOID(check_labels(targets.back(), model.spec().vocab));
    result.scored.push_back(targets.back().size());
    scored += targets.back().size();
    if (targets.back().empty() && options.mean == Mean::micro_means) {
      return fail(Errc::invalid, "training: a micro-batch without a scored token has no mean loss");
    }
  }
  if (scored == 0) return fail(Errc::invalid, "training: a step without a single scored token");

  zero_gradients(pool, model.parameters());
  std::vector<float> loss;
  for (std::size_t i = 0; i < micro_batches.size(); ++i) {
    if (options.cancelled && options.cancelled()) return fail(Errc::cancelled, "interrupted");
    const double count = static_cast<double>(targets[i].size());
    const double weight = options.mean == Mean::tokens ? 1.0 / static_cast<double>(scored)
                                                       : 1.0 / (count * static_cast<double>(micro_batches.size()));
    for (nn::Target& t : targets[i]) t.weight = static_cast<float>(weight);
    nn::Dropout dropout = options.dropout;
    dropout.stream = dropout.stream * micro_batches.size() + i;
    FH_TRY_VOID(pass.forward(sequences_of(micro_batches[i]), model.adapter(), dropout));
    loss.resize(targets[i].size());
    pass.backward(targets[i], loss);
    const double sum = sum_of(loss);
    if (!std::isfinite(sum)) {
      return fail(Errc::corrupt, fmt::format("training diverged: the loss of micro-batch {} is not finite", i));
    }
    result.loss += weight * sum;
    result.micro_means.push_back(targets[i].empty() ? 0 : sum / count);
  }
  result.gradient_norm = gradient_norm(pool, model.parameters());
  if (!std::isfinite(result.gradient_norm)) {
    return fail(Errc::corrupt, "training diverged: a gradient is not finite");
  }
  return result;
}

Result<StepResult> step(Trainable& model, Pass& pass, Optimiser& optimiser, ThreadPool& pool,
                        std::span<const MicroBatch> micro_batches, const StepOptions& options) {
  FH_TRY(StepResult result, accumulate(model, pass, pool, micro_batches, options));
  clip_gradients(pool, model.parameters(), result.gradient_norm, options.max_norm);
  optimiser.step(pool, model.parameters(), options.learning_rate);
  FH_TRY_VOID(model.refresh());
  return result;
}

Result<double> evaluate(const Trainable& model, Pass& pass, std::span<const MicroBatch> micro_batches,
                        const std::function<bool()>& cancelled) {
  double sum = 0;
  std::size_t scored = 0;
  std::vector<float> loss;
  for (const MicroBatch& batch : micro_batches) {
    if (cancelled && cancelled()) return fail(Errc::cancelled, "interrupted");
    const auto targets = targets_of(batch);
    FH_TRY_VOID(check_labels(targets, model.spec().vocab));
    FH_TRY_VOID(pass.forward(sequences_of(batch), model.adapter()));
    loss.resize(targets.size());
    pass.losses(targets, loss);
    sum += sum_of(loss);
    scored += targets.size();
  }
  if (scored == 0) return fail(Errc::invalid, "evaluation: not a single scored token");
  return sum / static_cast<double>(scored);
}

}  // namespace freehold::train
