#include "app/tune/plan_report.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "app/json_writer.h"
#include "app/machine.h"
#include "app/models_commands.h"
#include "app/moment.h"
#include "app/progress.h"
#include "app/tune/data_report.h"
#include "base/utf8.h"
#include "guard/keys.h"
#include "model/adapter_values.h"

namespace freehold::app {
namespace {

constexpr std::size_t kExamples = 3;

TuningCost cost_in(const Prepared& p, const train::RunPlan& plan, std::optional<double> seconds_a_token,
                   const std::optional<Energy>& energy) {
  std::optional<double> seconds;
  if (seconds_a_token) seconds = estimate_seconds(p, plan, *seconds_a_token);
  return cost_of(trained_tokens(p, plan), seconds, energy, show_moment(guard::wall_seconds()).substr(0, 10));
}

// What "all linear layers" means here.
std::string experts_line(const Prepared& p) {
  const model::Spec& spec = p.checked.plan.spec;
  if (spec.experts == 0) return "";
  std::string out = fmt::format("experts: {} of {} take a token", spec.experts_used, spec.experts);
  if (p.read.recipe.method == train::Method::full) return out + "\n";
  if (!p.read.recipe.lora_model_dir.empty()) return out + "; adapters where those of lora_model_dir are\n";
  const auto& asked = p.read.recipe.lora.targets;
  std::vector<std::string_view> names;
  for (const model::Site site : model::sites_of(spec.experts)) {
    const std::string_view name = model::name_of(site, true);
    if (asked.empty() || p.read.recipe.lora.all_linear || std::find(asked.begin(), asked.end(), name) != asked.end())
      names.push_back(name);
  }
  for (const model::Site site : model::kEnds) {
    if (std::find(asked.begin(), asked.end(), model::name_of(site)) != asked.end())
      names.push_back(model::name_of(site));
  }
  return out + fmt::format("; adapters on {} (w1, w2, w3: of every expert)\n", fmt::join(names, ", "));
}

}  // namespace

std::string data_text(const Prepared& p, const Console& console) {
  const train::Recipe& r = p.read.recipe;
  const train::Dataset& dataset = p.dataset;
  std::string out = fmt::format("{} on {}", method_of(r), printable(r.base_model));
  if (r.method != train::Method::full) out += fmt::format(", rank {}, alpha {}", r.lora.rank, r.lora.alpha);
  out += fmt::format("; {} {} a step, {} epoch{}, learning rate {}\n\n",
                     std::uint64_t{r.micro_batch_size} * r.gradient_accumulation_steps,
                     r.dpo              ? "pairs"
                     : r.sample_packing ? "packed rows"
                                        : "examples",
                     r.num_epochs, r.num_epochs == 1 ? "" : "s", r.learning_rate);
  out += data_table(dataset);
  out += fmt::format("\n{} examples to learn from, {} held out\n\n", grouped(dataset.train.size() / dataset.together),
                     grouped(dataset.held_out.size() / dataset.together));
  if (const std::string found = p.veil.veil().summary(); !found.empty()) {
    out += fmt::format("personal data, by the policy's rules for training: {}\n\n", found);
  }
  out += length_histogram(dataset, r.sequence_len, std::clamp(console.columns() - 30, 10, 50));
  const bool terminal = console.out_is_terminal();
  const LearnedMarks marks = terminal ? LearnedMarks{"\x1b[4m", "\x1b[24m"} : LearnedMarks{"[[", "]]"};
  out += fmt::format("\nWhat is learned is {}; the rest is read, and not in the loss.\n\n",
                     terminal ? "\x1b[4munderlined\x1b[24m" : "[[marked]]");
  out += rendered_examples(dataset, p.checked.tokenizer.tokenizer, kExamples, marks);
  std::uint64_t straddled = 0;
  for (const train::SourceFacts& f : dataset.sources) straddled += f.straddled;
  if (straddled > 0) {
    out += fmt::format("\nnote: {} answers begin inside of a token; it counts as learned\n", grouped(straddled));
  }
  if (!r.satisfied.empty()) out += "\nThese keys change nothing here:\n";
  for (const auto& [key, reason] : r.satisfied) out += fmt::format("  {:<28} {}\n", printable(key), reason);
  return out;
}

std::string run_text(const Prepared& p, const train::RunPlan& plan, const TrainingMemory& memory,
                     std::uint64_t available, std::optional<double> seconds_a_token,
                     const std::optional<Energy>& energy) {
  const double epochs = static_cast<double>(plan.steps) / static_cast<double>(plan.batches.steps_per_epoch());
  std::string out =
      fmt::format("\nsteps:  {} ({} an epoch, {:.4g} epoch{}), {} of them warm-up; {} weights learn\n",
                  grouped(plan.steps), grouped(plan.batches.steps_per_epoch()), epochs, epochs == 1 ? "" : "s",
                  grouped(std::min(plan.schedule.warmup, plan.steps)), human_parameters(memory.parameters));
  out += experts_line(p);
  out += fmt::format("{}\n", memory.describe(available));
  const TrainingDisk disk = plan_disk(p, plan, memory);
  const auto space = disk_space(p.read.output);
  out += fmt::format("disk:   {} checkpoints of {} and the result: {}{}\n", grouped(disk.checkpoints),
                     human_bytes(disk.checkpoint), human_bytes(disk.total()),
                     space ? fmt::format(" of {} free", human_bytes(space->available)) : "");
  if (space && disk.total() > space->available) {
    out += "note:   that is more than there is: save_total_limit keeps fewer checkpoints\n";
  }
  if (p.read.recipe.nf4 && p.checked.plan.layout.blocks.front().q->type != tensor::DType::nf4) {
    out +=
        "note:   load_in_4bit makes 4-bit weights in memory and does not keep them: over base_model as it is stored "
        "the adapter meets other weights than it was trained on. freehold models quantize BASE FOLDER --type nf4 keeps "
        "them: with FOLDER as base_model what is trained on is what is served\n";
  }
  if (seconds_a_token) {
    out += fmt::format("time:   about {} ({} tokens/s, measured with one micro-batch)\n",
                       human_seconds(estimate_seconds(p, plan, *seconds_a_token)),
                       grouped(static_cast<std::uint64_t>(1 / *seconds_a_token)));
  }
  return out + cost_text(cost_in(p, plan, seconds_a_token, energy));
}

std::string plan_json(const Prepared& p, const train::RunPlan* plan, const TrainingMemory& memory,
                      std::uint64_t available, std::optional<double> seconds_a_token,
                      const std::optional<Energy>& energy) {
  JsonWriter w(true);
  w.begin_object().member("base_model", p.read.recipe.base_model).member("method", method_of(p.read.recipe));
  write_data(w, p.dataset);
  if (const std::string found = p.veil.veil().summary(); !found.empty()) w.member("personal_data", found);
  if (plan != nullptr) {
    w.member("steps", plan->steps).member("steps_per_epoch", plan->batches.steps_per_epoch());
    w.member("warmup_steps", plan->schedule.warmup).member("parameters", memory.parameters);
    w.key("memory").begin_object().member("weights", memory.weights).member("learning", memory.learning);
    w.member("optimiser", memory.optimiser).member("activations", memory.activations).member("total", memory.total());
    w.member("available", available).end_object();
    const TrainingDisk disk = plan_disk(p, *plan, memory);
    w.key("disk").begin_object().member("checkpoint", disk.checkpoint).member("checkpoints", disk.checkpoints);
    w.member("total", disk.total()).end_object();
    if (seconds_a_token) {
      w.key("time").begin_object().member("seconds", estimate_seconds(p, *plan, *seconds_a_token));
      w.member("tokens_per_second", 1 / *seconds_a_token).end_object();
    }
    write_cost(w, cost_in(p, *plan, seconds_a_token, energy));
  }
  w.key("satisfied").begin_object();
  for (const auto& [key, reason] : p.read.recipe.satisfied) w.member(key, reason);
  return w.end_object().end_object().take() + "\n";
}

}  // namespace freehold::app
