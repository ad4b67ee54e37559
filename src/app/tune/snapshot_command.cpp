// `tune snapshot`: what a run has learned so far, in the form of its result, while it goes on.
#include <fmt/format.h>

#include "app/machine.h"
#include "app/progress.h"
#include "app/tune/training.h"
#include "app/tune/tune_commands.h"
#include "base/utf8.h"

namespace freehold::app {
namespace {

Result<> run_snapshot(const Arguments& arguments, Console& console) {
  FH_TRY(ReadRecipe read, read_recipe(arguments, console));
  const std::filesystem::path out(std::string(arguments.text("OUT")));
  const train::RunFolder folder(read.output);
  const std::string where = printable(folder.path().string());
  FH_TRY(const auto state, folder.state());
  if (!state) {
    console.hint("freehold tune start begins it");
    return fail(Errc::not_found, fmt::format("there is no run in {}", where));
  }
  if (folder.checkpoints().empty())
    return fail(Errc::not_found, fmt::format("the run in {} has no checkpoint yet", where));
  std::error_code ec;
  for (const std::string& name : train::result_names()) {
    if (!std::filesystem::exists(out / name, ec)) continue;
    return fail(Errc::invalid, fmt::format("{} has a file '{}' already", printable(out.string()), name));
  }
  FH_TRY(const Prepared prepared, prepare(std::move(read), state->label, console));
  FH_TRY(train::RunPlan plan, train::plan_run(prepared.read.recipe, prepared.dataset));
  FH_TRY(const train::Beginning beginning, beginning_of(prepared, console));
  FH_TRY(Training training,
         load_training(prepared, std::move(plan), train::identity_of(beginning), available_cpus(), console));
  FH_TRY(const std::uint64_t step, write_newest(prepared, training, out));
  console.write(fmt::format("{}: what was learned until step {} of {}\n", printable(out.string()), grouped(step),
                            grouped(training.run->plan().steps)));
  return {};
}

}  // namespace

Command tune_snapshot_command() {
  return {
      .name = "tune snapshot",
      .summary = "Write what a run has learned so far, as its result would be.",
      .details =
          "From the newest checkpoint, whether the run is going on, stopped or finished; it is not disturbed. So a run "
          "at a constant learning rate may go on for as long as one likes, and a second recipe with another "
          "base_model, "
          "the snapshot, brings any point of it to its end.",
      .positionals = {{.name = "RECIPE", .help = "The recipe that the run was started with."},
                      {.name = "OUT", .help = "The folder to write."}},
      .examples = {{"freehold tune snapshot recipe.yaml so-far", "To try what it can do by now:"}},
      .run = run_snapshot,
  };
}

}  // namespace freehold::app
