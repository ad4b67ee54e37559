// `tune plan`: reads recipe, model and data, and says what a run would learn from, what it takes, and how long, before
// anything runs.
#include <fmt/format.h>

#include "app/interrupt.h"
#include "app/machine.h"
#include "app/open_model.h"
#include "app/tune/plan_report.h"
#include "app/tune/training_label.h"
#include "app/tune/tune_commands.h"

namespace freehold::app {
namespace {

Result<> run_plan(const Arguments& arguments, Console& console) {
  catch_interrupts();
  FH_TRY(const auto energy, energy_of(arguments));
  FH_TRY(ReadRecipe read, read_recipe(arguments, console));
  FH_TRY(const std::string label, training_label(read, {}));
  FH_TRY(const Prepared prepared, prepare(std::move(read), label, console));
  const bool json = arguments.flag("json");
  if (!json) console.write(data_text(prepared, console));
  FH_TRY_VOID(prepared.veil.check());
  if (auto fits = train::check_lengths(prepared.read.recipe, prepared.dataset); !fits) {
    if (json) console.write(plan_json(prepared, nullptr, {}, 0, {}));
    return fits;
  }
  FH_TRY(train::RunPlan plan, train::plan_run(prepared.read.recipe, prepared.dataset));
  const int threads = threads_of(arguments);
  const std::uint64_t available = available_memory();
  const TrainingMemory memory = plan_memory(prepared, plan, threads, available);
  if (auto fits = check_fits(memory, prepared, plan, threads, available); !fits) {
    console.write(json ? plan_json(prepared, &plan, memory, available, {}, energy)
                       : run_text(prepared, plan, memory, available, {}, energy));
    return fits;
  }
  std::optional<double> seconds;
  if (!arguments.flag("no-measure")) {
    FH_TRY(const Training training, load_training(prepared, plan, "", threads, console));
    FH_TRY(seconds, training.run->measure());
  }
  console.write(json ? plan_json(prepared, &plan, memory, available, seconds, energy)
                     : run_text(prepared, plan, memory, available, seconds, energy));
  return {};
}

}  // namespace

Command tune_group() {
  return {
      .name = "tune",
      .summary = "Fine-tune a model on your own data.",
      .details =
          "Recipes are YAML files with Axolotl's keys. plan shows what would happen, start does it, status shows how "
          "it goes, stop and resume interrupt it without losing anything.",
  };
}

Command tune_plan_command() {
  return {
      .name = "tune plan",
      .summary = "Check a recipe and show what would be learned, before anything runs.",
      .details =
          "Reads the recipe, the model's tokenizer and all data, and shows the tokens of each file, their lengths, "
          "what is left "
          "out, and examples with what counts in the loss. An example longer than sequence_len is an error unless "
          "excess_length_strategy says drop or truncate. Then the steps, the memory (what cannot fit is refused), and "
          "the time, from one micro-batch that is really computed; and what it costs: energy here, with --watts and "
          "--kwh-price, and for comparison what vendors charge to train on as many tokens (freehold cost prices).\n\nA "
          "key of the recipe that is not done here is an "
          "error that names it and says why.",
      .positionals = {{.name = "RECIPE", .help = "The recipe, a YAML file; paths in it are relative to its folder."}},
      .options = join({{.name = "no-measure", .help = "Do not load the weights, and say nothing of the time."},
                       training_threads(),
                       {.name = "json", .help = "Print one JSON object."}},
                      energy_options()),
      .examples = {{"freehold tune plan recipe.yaml", "Before a night of training:"},
                   {"freehold tune plan recipe.yaml --watts 250 --kwh-price 0.30", "And what it will cost:"}},
      .run = run_plan,
  };
}

Option training_threads() {
  Option option = threads_option();
  option.help = "Threads; by default as many as this process may use CPUs. The result does not depend on it.";
  return option;
}

}  // namespace freehold::app
