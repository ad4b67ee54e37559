#include "train/run_plan.h"

#include <algorithm>
#include <cmath>

namespace freehold::train {
namespace {

std::uint64_t at_least_one(double x) {
  return x < 1 ? 1 : static_cast<std::uint64_t>(x);
}

std::uint64_t warmup_steps(const Recipe& recipe, std::uint64_t steps) {
  if (recipe.schedule == LrScheduler::constant) return 0;
  if (recipe.warmup_steps) return *recipe.warmup_steps;
  const auto all = static_cast<double>(steps);
  if (recipe.warmup_ratio) return static_cast<std::uint64_t>(std::ceil(*recipe.warmup_ratio * all));
  return std::min(static_cast<std::uint64_t>(kDefaultWarmup * all), kMostDefaultWarmupSteps);
}

Schedule schedule_of(const Recipe& recipe, std::uint64_t steps) {
  Schedule s;
  s.peak = recipe.learning_rate;
  s.steps = steps;
  s.warmup = warmup_steps(recipe, steps);
  switch (recipe.schedule) {
    case LrScheduler::cosine:
      s.decay = Decay::cosine;
      s.floor = recipe.min_lr_ratio;
      break;
    case LrScheduler::linear:
      s.decay = Decay::linear;
      break;
    case LrScheduler::constant:
    case LrScheduler::constant_with_warmup:
      s.decay = Decay::constant;
      break;
  }
  return s;
}

}  // namespace

std::vector<std::uint32_t> lengths_of(const std::vector<Example>& examples, std::uint32_t together) {
  std::vector<std::uint32_t> lengths(examples.size() / together);
  for (std::size_t i = 0; i < examples.size(); ++i) {
    lengths[i / together] += static_cast<std::uint32_t>(examples[i].tokens.size());
  }
  return lengths;
}

bool RunPlan::due(const Every& every, std::uint64_t done) const {
  if (every.never) return false;
  if (every.steps) {
    const double n = *every.steps < 1 ? std::ceil(*every.steps * static_cast<double>(steps)) : *every.steps;
    return done % at_least_one(n) == 0;
  }
  const std::uint64_t times = every.per_epoch.value_or(1), epoch = batches.steps_per_epoch();
  return done * times / epoch != (done - 1) * times / epoch;
}

bool RunPlan::evaluates_after(std::uint64_t done) const {
  return evaluation && done > 0 && (done == steps || due(evaluate, done));
}

bool RunPlan::saves_after(std::uint64_t done) const {
  return done > 0 && due(save, done);
}

Result<RunPlan> plan_run(const Recipe& recipe, const Dataset& dataset) {
  if (dataset.train.empty()) return fail(Errc::invalid, "nothing is left to train on");
  const bool packs = recipe.sample_packing && !recipe.dpo;
  BatchOptions options;
  options.micro_batch_size = recipe.micro_batch_size;
  options.accumulation = recipe.gradient_accumulation_steps;
  options.row_tokens = packs ? recipe.sequence_len : 0;
  options.shuffle = recipe.shuffle;
  options.seed = recipe.seed;
  BatchOptions held_out = options;
  if (recipe.eval_batch_size != 0) held_out.micro_batch_size = recipe.eval_batch_size;
  held_out.accumulation = 1;
  held_out.shuffle = false;

  RunPlan plan{Batches(lengths_of(dataset.train, dataset.together), options),
               std::nullopt,
               0,
               {},
               {},
               recipe.evaluate,
               recipe.save};
  if (!dataset.held_out.empty() && !recipe.evaluate.never) {
    plan.evaluation = Batches(lengths_of(dataset.held_out, dataset.together), held_out);
  }
  plan.steps = recipe.max_steps.value_or(
      at_least_one(std::ceil(recipe.num_epochs * static_cast<double>(plan.batches.steps_per_epoch()))));
  plan.schedule = schedule_of(recipe, plan.steps);
  const auto widen = [&](const std::vector<Example>& examples, const Batches& batches) {
    PassLimits most = batches.limits();
    if (recipe.dpo) {  // pairs are run one after the other
      const auto lengths = lengths_of(examples, 2);
      most = {*std::max_element(lengths.begin(), lengths.end()), 2};
    }
    plan.limits = {std::max(plan.limits.tokens, most.tokens), std::max(plan.limits.sequences, most.sequences)};
  };
  widen(dataset.train, plan.batches);
  if (plan.evaluation) widen(dataset.held_out, *plan.evaluation);
  return plan;
}

}  // namespace freehold::train
