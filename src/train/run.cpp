#include "train/run.h"

#include <fmt/format.h>

#include <chrono>
#include <cmath>
#include <new>

#include "base/mathd.h"
#include "base/utf8.h"
#include "train/adamw.h"
#include "train/dpo.h"

namespace freehold::train {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point begin) {
  return std::chrono::duration<double>(Clock::now() - begin).count();
}

// A model that guesses uniformly has a loss of ln V; one whose loss stays beyond twice that, and beyond twice what it
// began with, for so many steps, has been ruined and will not recover. Nor will one that has no gradient left although
// there is something to learn: its weights are so large that what they give is normalised to zero.
constexpr double kHeight = 2, kLearned = 0.01;
constexpr std::uint32_t kHighSteps = 10;

std::vector<ComparedExamples> pairs_of(const std::vector<PackedRow>& rows, const std::vector<Example>& from) {
  std::vector<ComparedExamples> pairs;
  for (const PackedRow& row : rows) {
    for (const std::uint32_t pair : row) {
      pairs.push_back({&from[2 * std::size_t{pair}], &from[2 * std::size_t{pair} + 1]});
    }
  }
  return pairs;
}

double preferred(const DpoResult& result) {
  std::size_t right = 0;
  for (const Preference& p : result.pairs) right += p.margin > 0 ? 1 : 0;
  return static_cast<double>(right) / static_cast<double>(result.pairs.size());
}

}  // namespace

Result<std::unique_ptr<Run>> Run::create(const RunParts& parts, RunPlan plan, std::string id) {
  std::unique_ptr<Run> run(new Run(parts, std::move(plan), std::move(id)));
  FH_TRY(run->pass_, Pass::create(parts.model, parts.pool, parts.kernels, run->plan_.limits, model::KvChoice::automatic,
                                  parts.recipe.bf16 ? nn::BackwardProducts::bf16 : nn::BackwardProducts::f32));
  run->pass_->set_pause(parts.pause);
  try {
    run->optimiser_ = make_optimiser(parts.recipe, parts.model.parameters());
  } catch (const std::bad_alloc&) {
    return fail(Errc::exhausted, "training: no memory for the optimiser's states");
  }
  return run;
}

bool Run::keeps_best() const {
  return plan_.evaluation && (parts_.recipe.load_best_model_at_end || parts_.recipe.early_stopping_patience);
}

Result<> Run::resume() {
  const auto steps = parts_.folder.checkpoints();
  if (steps.empty()) return {};
  FH_TRY(counters_, read_checkpoint(parts_.folder.checkpoint(steps.back()), id_, parts_.model, *optimiser_));
  saved_ = counters_.step;
  return {};
}

Result<std::uint64_t> Run::restore_newest() {
  const auto steps = parts_.folder.checkpoints();
  if (steps.empty()) return std::uint64_t{0};
  FH_TRY_VOID(read_checkpoint_values(parts_.folder.checkpoint(steps.back()), id_, parts_.model));
  return steps.back();
}

std::vector<MicroBatch> Run::micro_batches(const std::vector<PackedRow>& rows, const std::vector<Example>& from) const {
  std::vector<MicroBatch> batches;
  for (const PackedRow& row : rows) {
    MicroBatch& batch = batches.emplace_back();
    for (const std::uint32_t example : row) batch.push_back(from[example]);
  }
  return batches;
}

Result<Run::Stepped> Run::gradients(const std::vector<PackedRow>& rows, const std::function<bool()>& cancelled) {
  const Recipe& r = parts_.recipe;
  const nn::Dropout dropout{static_cast<float>(r.lora.dropout), r.seed, counters_.step};
  Stepped out;
  if (r.dpo) {
    const auto pairs = pairs_of(rows, parts_.dataset.train);
    DpoOptions options;
    options.beta = r.dpo_beta;
    options.dropout = dropout;
    options.cancelled = cancelled;
    FH_TRY(const DpoResult result, dpo_accumulate(parts_.model, *pass_, parts_.pool, pairs, options));
    for (const ComparedExamples& pair : pairs) out.scored += pair.chosen->scored() + pair.rejected->scored();
    out.loss = result.loss;
    out.gradient_norm = result.gradient_norm;
    out.accuracy = preferred(result);
    return out;
  }
  StepOptions options;
  options.dropout = dropout;
  options.cancelled = cancelled;
  const auto batches = micro_batches(rows, parts_.dataset.train);
  FH_TRY(const StepResult result, accumulate(parts_.model, *pass_, parts_.pool, batches, options));
  for (const std::uint64_t scored : result.scored) out.scored += scored;
  out.loss = result.loss;
  out.gradient_norm = result.gradient_norm;
  return out;
}

Result<double> Run::measure() {
  std::vector<PackedRow> rows = plan_.batches.step(counters_.step);
  rows.resize(1);
  if (parts_.recipe.dpo) rows[0].resize(1);
  const auto lengths = lengths_of(parts_.dataset.train, parts_.dataset.together);
  std::uint64_t tokens = 0;
  for (const std::uint32_t example : rows[0]) tokens += lengths[example];
  const auto begin = Clock::now();
  FH_TRY_VOID(gradients(rows, {}));
  return seconds_since(begin) / static_cast<double>(tokens);
}

Result<> Run::one_step(RunObserver& observer) {
  const auto begin = Clock::now();
  const std::vector<PackedRow> rows = plan_.batches.step(counters_.step);
  const auto stepped = gradients(rows, [&] { return observer.stop(); });
  if (!stepped) {
    if (stepped.error().code != Errc::corrupt) return Unexpected(stepped.error());
    return diverge(counters_.step, stepped.error().what);
  }
  StepMetrics m;
  m.learning_rate = plan_.schedule.at(counters_.step);
  clip_gradients(parts_.pool, parts_.model.parameters(), stepped->gradient_norm, parts_.recipe.max_grad_norm);
  optimiser_->step(parts_.pool, parts_.model.parameters(), m.learning_rate);
  if (auto refreshed = parts_.model.refresh(); !refreshed) {
    if (refreshed.error().code != Errc::corrupt) return refreshed;
    return diverge(counters_.step + 1, refreshed.error().what);
  }
  ++counters_.step;
  for (const PackedRow& row : rows) {
    for (const std::uint32_t group : row) {
      for (std::uint32_t i = 0; i < parts_.dataset.together; ++i) {
        m.tokens += parts_.dataset.train[std::size_t{group} * parts_.dataset.together + i].tokens.size();
      }
    }
  }
  m.step = counters_.step;
  m.epoch = plan_.epoch_of(counters_.step);
  m.loss = stepped->loss;
  m.gradient_norm = stepped->gradient_norm;
  m.accuracy = stepped->accuracy;
  m.scored = stepped->scored;
  m.seconds = seconds_since(begin);
  counters_.tokens += m.tokens;
  counters_.scored += m.scored;
  counters_.seconds += m.seconds;
  counters_.last_loss = m.loss;
  if (counters_.step == 1) counters_.first_loss = m.loss;
  if (counters_.step % parts_.recipe.logging_steps == 0 || counters_.step == 1 || counters_.step == plan_.steps) {
    FH_TRY_VOID(metrics_.append(as_line(m)));
  }
  observer.stepped(m);
  return check_course(m);
}

Result<> Run::check_course(const StepMetrics& m) {
  const Recipe& r = parts_.recipe;
  const double uniform = mathd::log(static_cast<double>(parts_.model.spec().vocab));
  const double most = r.dpo ? r.loss_watchdog_threshold.value_or(INFINITY)
                            : r.loss_watchdog_threshold.value_or(kHeight * std::max(uniform, counters_.first_loss));
  const bool still = m.gradient_norm == 0 && m.loss > kLearned;
  const std::uint32_t patience = r.loss_watchdog_threshold ? r.loss_watchdog_patience : kHighSteps;
  counters_.high = m.loss > most || still ? counters_.high + 1 : 0;
  if (counters_.high < patience) return {};
  return diverge(
      counters_.step - counters_.high,
      still ? fmt::format("for {} steps there was no gradient, and the loss is {:.4g}", counters_.high, m.loss)
            : fmt::format("the loss has been above {:.4g} for {} steps, and is {:.4g}", most, counters_.high, m.loss));
}

// What was saved at or behind `first_bad` updates leads to where we are.
Unexpected Run::diverge(std::uint64_t first_bad, const std::string& what) {
  diverged_ = true;
  constexpr std::string_view kDiverged = "training diverged: ";
  const std::string_view reason = what.starts_with(kDiverged) ? std::string_view(what).substr(kDiverged.size()) : what;
  for (const std::uint64_t step : parts_.folder.checkpoints()) {
    if (step < first_bad) continue;
    if (auto removed = parts_.folder.remove_checkpoint(step); !removed) return Unexpected(removed.error());
  }
  const auto left = parts_.folder.checkpoints();
  return fail(
      Errc::corrupt,
      fmt::format("training diverged at step {} of {}: {}. {}; lower learning_rate (it was {:.3g}), or lengthen "
                  "the warm-up",
                  counters_.step + 1, plan_.steps, reason,
                  left.empty() ? "There was no good checkpoint yet"
                               : fmt::format("The last good checkpoint is {}",
                                             printable(parts_.folder.checkpoint(left.back()).string())),
                  plan_.schedule.at(counters_.step)));
}

Result<> Run::evaluate(RunObserver& observer) {
  const auto begin = Clock::now();
  const auto cancelled = [&] { return observer.stop(); };
  const std::vector<Example>& from = parts_.dataset.held_out;
  std::vector<PackedRow> rows;
  for (std::uint64_t i = 0; i < plan_.evaluation->steps_per_epoch(); ++i) {
    for (PackedRow& row : plan_.evaluation->step(i)) rows.push_back(std::move(row));
  }
  EvaluationMetrics m;
  Result<double> loss = 0.0;
  if (parts_.recipe.dpo) {
    DpoOptions options;
    options.beta = parts_.recipe.dpo_beta;
    options.cancelled = cancelled;
    auto result = dpo_evaluate(parts_.model, *pass_, pairs_of(rows, from), options);
    if (result) {
      m.accuracy = preferred(*result);
      loss = result->loss;
    } else {
      loss = Unexpected(std::move(result).error());
    }
  } else {
    loss = train::evaluate(parts_.model, *pass_, micro_batches(rows, from), cancelled);
  }
  if (loss && !std::isfinite(*loss)) loss = fail(Errc::corrupt, "the evaluation's loss is not finite");
  if (!loss) {
    if (loss.error().code != Errc::corrupt) return Unexpected(loss.error());
    return diverge(counters_.step, loss.error().what);
  }
  m.step = counters_.step;
  m.epoch = plan_.epoch_of(counters_.step);
  m.loss = *loss;
  m.seconds = seconds_since(begin);
  FH_TRY_VOID(metrics_.append(as_line(m)));
  counters_.evaluated = counters_.step;
  counters_.evaluation = m.loss;
  const bool best = counters_.best_step == 0 || m.loss < counters_.best;
  if (best) {
    counters_.best = m.loss;
    counters_.best_step = counters_.step;
  }
  counters_.worse = best ? 0 : counters_.worse + 1;
  observer.evaluated(m, best);
  return best && keeps_best() ? save(observer) : Result<>();
}

Result<> Run::save(RunObserver& observer) {
  observer.saving(counters_.step);
  FH_TRY_VOID(metrics_.sync());
  counters_.metrics_bytes = metrics_.size();
  FH_TRY_VOID(write_checkpoint(parts_.folder.checkpoint(counters_.step), id_, counters_, parts_.model, *optimiser_));
  saved_ = counters_.step;
  observer.saved(saved_);
  return prune();
}

// The newest are kept, the best, and the newest that a good step has followed: the others may yet turn out to lead
// astray.
Result<> Run::prune() {
  const auto steps = parts_.folder.checkpoints();
  const std::uint32_t most = parts_.recipe.save_total_limit;
  if (most == 0) return {};
  std::uint64_t proven = 0;
  for (const std::uint64_t step : steps) {
    if (step + counters_.high < counters_.step) proven = step;
  }
  for (std::size_t i = 0; i + most < steps.size(); ++i) {
    if (steps[i] == proven) continue;
    if (keeps_best() && steps[i] == counters_.best_step) continue;
    FH_TRY_VOID(parts_.folder.remove_checkpoint(steps[i]));
  }
  return {};
}

Result<> Run::use_best() {
  if (!keeps_best() || counters_.best_step == counters_.step) return {};
  FH_TRY_VOID(read_checkpoint_values(parts_.folder.checkpoint(counters_.best_step), id_, parts_.model));
  return {};
}

Result<Ending> Run::go(RunObserver& observer) {
  FH_TRY(metrics_, AppendFile::open(parts_.folder.file("metrics.jsonl"), counters_.metrics_bytes));
  const auto stop = [&]() -> Result<Ending> {
    if (saved_ != counters_.step) FH_TRY_VOID(save(observer));
    return Ending::stopped;
  };
  const auto end = [&](Ending ending) -> Result<Ending> {
    FH_TRY_VOID(metrics_.sync());
    FH_TRY_VOID(use_best());
    return ending;
  };
  for (;;) {
    if (plan_.evaluates_after(counters_.step) && counters_.evaluated != counters_.step) {
      const auto done = evaluate(observer);
      if (!done && done.error().code == Errc::cancelled) return stop();
      if (!done) return Unexpected(done.error());
    }
    if (plan_.saves_after(counters_.step) && saved_ != counters_.step) FH_TRY_VOID(save(observer));
    if (counters_.step >= plan_.steps) return end(Ending::finished);
    const auto patience = parts_.recipe.early_stopping_patience;
    if (patience && counters_.worse >= *patience) return end(Ending::early);
    const auto done = one_step(observer);
    if (!done && done.error().code == Errc::cancelled) return stop();
    if (!done) return Unexpected(done.error());
  }
}

}  // namespace freehold::train
