#include "train/dpo.h"

#include <cmath>

#include "base/mathd.h"

namespace freehold::train {
namespace {

// Chosen and rejected answer as two packed sequences, and which rows predict the answers' tokens.
struct Packed {
  std::vector<std::int32_t> chosen, rejected;
  std::vector<nn::Target> targets;  // the chosen answer's first
  std::size_t chosen_count;

  explicit Packed(const PreferencePair& pair)
      : chosen(pair.prompt), rejected(pair.prompt), chosen_count(pair.chosen.size()) {
    chosen.insert(chosen.end(), pair.chosen.begin(), pair.chosen.end());
    rejected.insert(rejected.end(), pair.rejected.begin(), pair.rejected.end());
    auto row = static_cast<std::uint32_t>(pair.prompt.size()) - 1;
    for (std::int32_t id : pair.chosen) targets.push_back({row++, id, 1.0f});
    row = static_cast<std::uint32_t>(chosen.size() + pair.prompt.size()) - 1;
    for (std::int32_t id : pair.rejected) targets.push_back({row++, id, 1.0f});
  }

  struct Sums {
    double chosen = 0, rejected = 0;
  };
  Sums log_probabilities(std::span<const float> loss) const {
    Sums s;
    for (std::size_t i = 0; i < loss.size(); ++i)
      (i < chosen_count ? s.chosen : s.rejected) -= static_cast<double>(loss[i]);
    return s;
  }
};

double softplus(double x) {  // log(1 + exp(x))
  return x > 0 ? x + mathd::log(1 + mathd::exp(-x)) : mathd::log(1 + mathd::exp(x));
}

Result<Preference> run_pair(Trainable& model, Pass& pass, const PreferencePair& pair, const DpoOptions& options,
                            std::size_t index, std::size_t count) {
  if (pair.prompt.empty() || pair.chosen.empty() || pair.rejected.empty()) {
    return fail(Errc::invalid, "DPO: a pair needs a prompt and two answers of at least one token each");
  }
  Packed packed(pair);
  const std::span<const std::int32_t> sequences[] = {packed.chosen, packed.rejected};
  std::vector<float> loss(packed.targets.size());
  Preference p;
  FH_TRY_VOID(pass.forward(sequences, nullptr));
  pass.losses(packed.targets, loss);
  const auto reference = packed.log_probabilities(loss);
  nn::Dropout dropout = options.dropout;
  dropout.stream = dropout.stream * count + index;
  FH_TRY_VOID(pass.forward(sequences, model.adapter(), dropout));
  pass.losses(packed.targets, loss);
  const auto policy = packed.log_probabilities(loss);
  p = {policy.chosen, policy.rejected, reference.chosen, reference.rejected};
  p.margin = options.beta * ((p.policy_chosen - p.reference_chosen) - (p.policy_rejected - p.reference_rejected));
  if (!std::isfinite(p.margin)) return fail(Errc::corrupt, "training diverged: a log probability is not finite");
  // d loss / d margin = -sigmoid(-margin); a target's weight is its share in d loss / d (-log p).
  const double slope = options.beta / (1 + mathd::exp(p.margin)) / static_cast<double>(count);
  for (std::size_t i = 0; i < packed.targets.size(); ++i) {
    packed.targets[i].weight = static_cast<float>(i < packed.chosen_count ? slope : -slope);
  }
  pass.backward(packed.targets, loss);
  return p;
}

}  // namespace

Result<DpoResult> dpo_step(Trainable& model, Pass& pass, AdamW& optimiser, ThreadPool& pool,
                           std::span<const PreferencePair> pairs, const DpoOptions& options) {
  if (model.adapter() == nullptr) return fail(Errc::invalid, "DPO: needs an adapter beside a frozen base model");
  if (pairs.empty()) return fail(Errc::invalid, "DPO: a step without a pair");
  DpoResult result;
  zero_gradients(pool, model.parameters());
  for (std::size_t i = 0; i < pairs.size(); ++i) {
    FH_TRY(const Preference p, run_pair(model, pass, pairs[i], options, i, pairs.size()));
    result.loss += softplus(-p.margin) / static_cast<double>(pairs.size());
    result.pairs.push_back(p);
  }
  result.gradient_norm = gradient_norm(pool, model.parameters());
  if (!std::isfinite(result.gradient_norm)) return fail(Errc::corrupt, "training diverged: a gradient is not finite");
  clip_gradients(pool, model.parameters(), result.gradient_norm, options.max_norm);
  optimiser.step(pool, model.parameters(), options.learning_rate);
  FH_TRY_VOID(model.refresh());
  return result;
}

}  // namespace freehold::train
