#include "train/dpo.h"

#include <cmath>

#include "base/mathd.h"
#include "train/adamw.h"

namespace freehold::train {
namespace {

// Chosen and rejected answer as two packed sequences, and which rows predict the answers' tokens.
struct Packed {
  std::span<const std::int32_t> sequences[2];
  std::vector<nn::Target> targets;  // the chosen answer's first
  std::size_t chosen_count = 0;

  explicit Packed(const ComparedExamples& pair) : sequences{pair.chosen->tokens, pair.rejected->tokens} {
    std::uint32_t row = 0;
    for (const Example* e : {pair.chosen, pair.rejected}) {
      for (std::size_t i = 1; i < e->labels.size(); ++i) {
        if (e->learns(i)) targets.push_back({row + static_cast<std::uint32_t>(i) - 1, e->labels[i], 1.0f});
      }
      row += static_cast<std::uint32_t>(e->tokens.size());
      if (e == pair.chosen) chosen_count = targets.size();
    }
  }
  bool scores_both() const { return chosen_count > 0 && targets.size() > chosen_count; }

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

// The log probabilities of a pair's answers; with `gradients` also what they add to the model's.
Result<Preference> run_pair(const Trainable& model, Pass& pass, const ComparedExamples& pair, const DpoOptions& options,
                            std::size_t index, std::size_t count, bool gradients) {
  Packed packed(pair);
  if (!packed.scores_both()) {
    return fail(Errc::invalid, "DPO: a pair needs a prompt and two answers of at least one token each");
  }
  std::vector<float> loss(packed.targets.size());
  Preference p;
  FH_TRY_VOID(pass.forward(packed.sequences, nullptr));
  pass.losses(packed.targets, loss);
  const auto reference = packed.log_probabilities(loss);
  nn::Dropout dropout = options.dropout;
  dropout.stream = dropout.stream * count + index;
  FH_TRY_VOID(pass.forward(packed.sequences, model.adapter(), dropout));
  pass.losses(packed.targets, loss);
  const auto policy = packed.log_probabilities(loss);
  p = {policy.chosen, policy.rejected, reference.chosen, reference.rejected};
  p.margin = options.beta * ((p.policy_chosen - p.reference_chosen) - (p.policy_rejected - p.reference_rejected));
  if (!std::isfinite(p.margin)) return fail(Errc::corrupt, "training diverged: a log probability is not finite");
  if (!gradients) return p;
  // d loss / d margin = -sigmoid(-margin); a target's weight is its share in d loss / d (-log p).
  const double slope = options.beta / (1 + mathd::exp(p.margin)) / static_cast<double>(count);
  for (std::size_t i = 0; i < packed.targets.size(); ++i) {
    packed.targets[i].weight = static_cast<float>(i < packed.chosen_count ? slope : -slope);
  }
  pass.backward(packed.targets, loss);
  return p;
}

Result<DpoResult> run_pairs(const Trainable& model, Pass& pass, std::span<const ComparedExamples> pairs,
                            const DpoOptions& options, bool gradients) {
  if (model.adapter() == nullptr) return fail(Errc::invalid, "DPO: needs an adapter beside a frozen base model");
  if (pairs.empty()) return fail(Errc::invalid, "DPO: a step without a pair");
  DpoResult result;
  for (std::size_t i = 0; i < pairs.size(); ++i) {
    if (options.cancelled && options.cancelled()) return fail(Errc::cancelled, "interrupted");
    FH_TRY(const Preference p, run_pair(model, pass, pairs[i], options, i, pairs.size(), gradients));
    result.loss += softplus(-p.margin) / static_cast<double>(pairs.size());
    result.pairs.push_back(p);
  }
  return result;
}

}  // namespace

Result<DpoResult> dpo_accumulate(Trainable& model, Pass& pass, ThreadPool& pool,
                                 std::span<const ComparedExamples> pairs, const DpoOptions& options) {
  zero_gradients(pool, model.parameters());
  FH_TRY(DpoResult result, run_pairs(model, pass, pairs, options, true));
  result.gradient_norm = gradient_norm(pool, model.parameters());
  if (!std::isfinite(result.gradient_norm)) return fail(Errc::corrupt, "training diverged: a gradient is not finite");
  return result;
}

Result<DpoResult> dpo_step(Trainable& model, Pass& pass, Optimiser& optimiser, ThreadPool& pool,
                           std::span<const ComparedExamples> pairs, const DpoOptions& options) {
  FH_TRY(DpoResult result, dpo_accumulate(model, pass, pool, pairs, options));
  clip_gradients(pool, model.parameters(), result.gradient_norm, options.max_norm);
  optimiser.step(pool, model.parameters(), options.learning_rate);
  FH_TRY_VOID(model.refresh());
  return result;
}

Result<DpoResult> dpo_step(Trainable& model, Pass& pass, Optimiser& optimiser, ThreadPool& pool,
                           std::span<const PreferencePair> pairs, const DpoOptions& options) {
  std::vector<Example> examples;
  for (const PreferencePair& pair : pairs) {
    for (const auto* answer : {&pair.chosen, &pair.rejected}) {
      Example e{pair.prompt, std::vector<std::int32_t>(pair.prompt.size(), kIgnored)};
      e.tokens.insert(e.tokens.end(), answer->begin(), answer->end());
      e.labels.insert(e.labels.end(), answer->begin(), answer->end());
      examples.push_back(std::move(e));
    }
  }
  std::vector<ComparedExamples> compared;
  for (std::size_t i = 0; i < examples.size(); i += 2) compared.push_back({&examples[i], &examples[i + 1]});
  return dpo_step(model, pass, optimiser, pool, compared, options);
}

Result<DpoResult> dpo_evaluate(const Trainable& model, Pass& pass, std::span<const ComparedExamples> pairs,
                               const DpoOptions& options) {
  return run_pairs(model, pass, pairs, options, false);
}

}  // namespace freehold::train
