// `tune start` and `tune resume`: a run in this process, until it is finished, stopped, or goes wrong.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <optional>

#include "app/audit/act.h"
#include "app/interrupt.h"
#include "app/machine.h"
#include "app/open_model.h"
#include "app/progress.h"
#include "app/sealing.h"
#include "app/tune/plan_report.h"
#include "app/tune/training_label.h"
#include "app/tune/tune_commands.h"
#include "app/version.h"
#include "base/file.h"
#include "base/utf8.h"
#include "guard/policy.h"
#include "train/result_files.h"

namespace freehold::app {
namespace {

using train::RunFolder;
using train::RunState;
using train::RunStatus;
using Clock = std::chrono::steady_clock;

// A line that is drawn over and over on a terminal; a line now and then in a file.
class Display final : public train::RunObserver {
 public:
  Display(Console& console, const train::RunPlan& plan) : console_(console), plan_(plan) {}
  ~Display() override { erase(); }

  void stepped(const train::StepMetrics& m) override {
    // Of the last steps, since the first are slower and epochs differ.
    seconds_ = seconds_ == 0 ? m.seconds : 0.9 * seconds_ + 0.1 * m.seconds;
    tokens_ = tokens_ == 0 ? static_cast<double>(m.tokens) : 0.9 * tokens_ + 0.1 * static_cast<double>(m.tokens);
    const std::string line = fmt::format(
        "step {} of {}  epoch {:.2f}  loss {:.4f}{}  rate {:.3g}  {} tokens/s  {} left", grouped(m.step),
        grouped(plan_.steps), m.epoch, m.loss, m.accuracy ? fmt::format("  preferred {:.0f} %", 100 * *m.accuracy) : "",
        m.learning_rate, grouped(static_cast<std::uint64_t>(tokens_ / std::max(seconds_, 1e-9))),
        human_seconds(seconds_ * static_cast<double>(plan_.steps - m.step)));
    if (!console_.err_is_terminal()) {
      if (m.step == 1 || m.step == plan_.steps || m.step % std::max<std::uint64_t>(1, plan_.steps / 20) == 0) {
        console_.note(line);
      }
      return;
    }
    const auto now = Clock::now();
    if (now - drawn_at_ < std::chrono::milliseconds(100) && m.step != plan_.steps) return;
    drawn_at_ = now;
    drawn_ = true;
    console_.write_error_stream("\r\033[K" +
                                line.substr(0, static_cast<std::size_t>(std::max(console_.columns() - 1, 20))));
  }

  void evaluated(const train::EvaluationMetrics& m, bool best) override {
    erase();
    console_.note(fmt::format("evaluated after step {}: loss {:.4f}{}{}", grouped(m.step), m.loss,
                              m.accuracy ? fmt::format(", preferred {:.0f} %", 100 * *m.accuracy) : "",
                              best ? ", the best so far" : ""));
  }

  void saved(std::uint64_t /*step*/) override {}

  bool stop() override {
    if (interrupted() && !said_) {
      said_ = true;
      erase();
      console_.note("stopping: a checkpoint is written after this micro-batch");
    }
    return interrupted();
  }

 private:
  void erase() {
    if (drawn_) console_.write_error_stream("\r\033[K");
    drawn_ = false;
  }
  Console& console_;  // owner: the caller, as of the next
  const train::RunPlan& plan_;
  double seconds_ = 0, tokens_ = 0;
  bool drawn_ = false, said_ = false;
  Clock::time_point drawn_at_{};
};

enum class Begin : bool { fresh, resumed };

// What there is in output_dir, before anything is read or loaded.
Result<> check_folder(const RunFolder& folder, Begin begin, const ReadRecipe& read, Console& console) {
  const std::string where = printable(folder.path().string());
  FH_TRY(const auto state, folder.state());
  if (begin == Begin::resumed) {
    if (state) return {};
    console.hint("freehold tune start begins it");
    return fail(Errc::not_found, fmt::format("there is no run in {}", where));
  }
  if (state) {
    const auto holder = train::RunLock::holder(folder.path());
    console.hint(holder ? "freehold tune status shows how it goes"
                 : state->status == RunStatus::finished
                     ? "another output_dir begins a new one"
                     : "freehold tune resume goes on with it; another output_dir begins a new one");
    return fail(Errc::invalid, fmt::format("there is a run in {} already ({})", where,
                                           holder ? "it is being run" : name_of(state->status)));
  }
  std::vector<std::string> names = train::result_names();
  names.insert(names.end(), {"metrics.jsonl", "provenance.json", "provenance.md"});
  std::error_code ec;
  // What a start that was killed before it wrote run.json may have left is no obstacle.
  if (!folder.checkpoints().empty()) names.emplace_back("checkpoints");
  const auto copy = read_file(folder.file("recipe.yaml"));
  if (copy && *copy != read.text) names.emplace_back("recipe.yaml");
  for (const std::string& name : names) {
    if (!std::filesystem::exists(folder.file(name), ec)) continue;
    console.hint("choose another output_dir, or move the file away");
    return fail(Errc::invalid,
                fmt::format("{} has a file '{}' that is not of a run: it is not overwritten", where, name));
  }
  return {};
}

// Whether the run that was started is the one that the recipe, its data and its model are now.
Result<> check_same(const RunState& state, const train::Beginning& beginning) {
  if (state.run == train::identity_of(beginning)) return {};
  const bool recipe = state.recipe_sha256 != train::recipe_digest(beginning);
  return fail(Errc::invalid, fmt::format("{} since the run was started, so it cannot go on: put it back, or start with "
                                         "another output_dir",
                                         recipe ? "the recipe has changed"
                                                : "the data, the model or the rules for personal data have changed"));
}

// What no model may learn is refused, and what was found at all stands in the audit log: kinds and counts, no value.
Result<> check_personal_data(const Prepared& prepared, const std::string& label) {
  const Veil& veil = prepared.veil.veil();
  if (veil.found() == 0) return {};
  const std::string subject = printable(prepared.read.path.string(), 300);
  if (auto allowed = prepared.veil.check(); !allowed) {
    guard::Decision denied;
    denied.rule = veil.rule();
    denied.label = label;
    denied.message = allowed.error().what;
    FH_TRY_VOID(record_refusal("tune", subject, denied));
    return allowed;
  }
  return record_act("tune.personal_data", subject, veil.entry());
}

std::string result_line(const Training& training, const train::Counters& c, train::Ending ending) {
  std::string out = ending == train::Ending::early ? "stopped early: " : "finished: ";
  out += fmt::format("{} steps in {}, loss {:.4f} at first and {:.4f} at the end", grouped(c.step),
                     human_seconds(c.seconds), c.first_loss, c.last_loss);
  if (c.best_step != 0) out += fmt::format("; best evaluation {:.4f} after step {}", c.best, grouped(c.best_step));
  return out + fmt::format("\n{}\n", printable(training.folder->path().string(), 4096));
}

// From here on the folder is ours, and how it ends stands in run.json.
Result<> run_to_the_end(const Prepared& prepared, Training& training, const train::Beginning& beginning, RunState state,
                        Console& console) {
  const RunFolder& folder = *training.folder;
  const auto end = [&](RunStatus status, const std::string& why) -> Result<> {
    state.status = status;
    state.why = why;
    state.step = training.run->counters().step;
    state.updated = train::utc_now();
    return folder.write_state(state);
  };
  if (state.status != RunStatus::running) FH_TRY_VOID(end(RunStatus::running, ""));
  Result<train::Ending> ending = train::Ending::stopped;
  {
    Display display(console, training.run->plan());
    ending = training.run->go(display);
  }
  if (!ending) {
    const bool diverged = training.run->diverged();
    if (diverged) {
      const auto step = write_last_good(prepared, training);
      if (!step) {
        console.note(step.error().what);
      } else if (*step != 0) {
        console.hint(fmt::format("what it had learned until step {} is in {}", *step,
                                 printable(folder.file("last-good").string())));
      }
    }
    const RunStatus status = diverged ? RunStatus::diverged : RunStatus::failed;
    if (auto written = end(status, ending.error().what); !written) console.note(written.error().what);
    return Unexpected(ending.error());
  }
  if (*ending == train::Ending::stopped) {
    FH_TRY_VOID(end(RunStatus::stopped, ""));
    console.hint("freehold tune resume goes on");
    return fail(Errc::cancelled, fmt::format("stopped after step {} of {}; the checkpoint is written", state.step,
                                             training.run->plan().steps));
  }
  FH_TRY_VOID(write_result(prepared, training, *ending, beginning, state));
  FH_TRY_VOID(end(RunStatus::finished, *ending == train::Ending::early ? "no evaluation was better for long" : ""));
  console.write(result_line(training, training.run->counters(), *ending));
  return {};
}

Result<> seal_training(Sealing& sealing, const ReadRecipe& read, Console& console) {
  sealing.reads(read.path);
  // Beside the recipe, or what the word means anywhere: whichever is there.
  sealing.reads_model((read.folder / read.recipe.base_model).string());
  sealing.reads_model(read.recipe.base_model);
  if (!read.recipe.lora_model_dir.empty()) sealing.reads_model((read.folder / read.recipe.lora_model_dir).string());
  for (const auto* sources : {&read.recipe.datasets, &read.recipe.test_datasets}) {
    for (const train::DatasetSource& source : *sources) sealing.reads(read.folder / source.path);
  }
  sealing.writes(read.output);
  return sealing.enter(console);
}

Result<> run_or_resume(const Arguments& arguments, Console& console, Begin begin) {
  catch_interrupts();
  FH_TRY(Sealing sealing, Sealing::begin(arguments));
  FH_TRY(ReadRecipe read, read_recipe(arguments, console));
  FH_TRY(const std::string given, begin == Begin::fresh ? given_label(arguments) : std::string());
  std::string least = given;
  if (begin == Begin::resumed) {
    FH_TRY(const auto found, RunFolder(read.output).state());
    if (found) least = found->label;
  }
  FH_TRY(const std::string label, training_label(read, least));
  FH_TRY_VOID(seal_training(sealing, read, console));
  const RunFolder folder(read.output);
  FH_TRY_VOID(check_folder(folder, begin, read, console));
  std::optional<train::RunLock> lock;
  const auto take = [&]() -> Result<> {
    FH_TRY(train::RunLock taken, train::RunLock::take(folder.path()));
    lock = std::move(taken);
    return {};
  };
  // At once where there is a run, so that `tune status` and `tune stop` see who reads its data.
  if (begin == Begin::resumed) FH_TRY_VOID(take());
  FH_TRY(const Prepared prepared, prepare(std::move(read), label, console));
  FH_TRY_VOID(check_personal_data(prepared, label));
  FH_TRY_VOID(train::check_lengths(prepared.read.recipe, prepared.dataset));
  FH_TRY(train::RunPlan plan, train::plan_run(prepared.read.recipe, prepared.dataset));
  const int threads = threads_of(arguments);
  const std::uint64_t available = available_memory();
  const TrainingMemory memory = plan_memory(prepared, plan, threads, available);
  FH_TRY_VOID(check_fits(memory, prepared, plan, threads, available));
  FH_TRY(const train::Beginning beginning, beginning_of(prepared, console));

  if (!lock) {
    FH_TRY_VOID(make_directories(folder.path()));
    FH_TRY_VOID(take());
  }
  FH_TRY_VOID(check_folder(folder, begin, prepared.read, console));
  FH_TRY(const auto found, folder.state());
  RunState state;
  if (begin == Begin::resumed) {
    state = *found;
    FH_TRY_VOID(check_same(state, beginning));
    if (state.status == RunStatus::finished) {
      console.note("the run is finished: there is nothing to go on with");
      return {};
    }
    if (state.status == RunStatus::diverged) {
      return fail(Errc::invalid, fmt::format("{} It would again: change the recipe, and its output_dir", state.why));
    }
  }
  FH_TRY(Training training, load_training(prepared, plan, train::identity_of(beginning), threads, console));
  if (begin == Begin::fresh) {
    FH_TRY(const double seconds, training.run->measure());
    console.write(data_text(prepared, console));
    console.write(run_text(prepared, plan, memory, available, seconds) + "\n");
    FH_TRY_VOID(console.flush());
    FH_TRY_VOID(folder.make());
    state.run = train::identity_of(beginning);
    state.recipe_sha256 = train::recipe_digest(beginning);
    state.base_model = prepared.read.recipe.base_model;
    state.method = method_of(prepared.read.recipe);
    state.label = label;
    state.program = version_line();
    state.started = state.updated = train::utc_now();
    state.steps = plan.steps;
    state.steps_per_epoch = plan.batches.steps_per_epoch();
    FH_TRY_VOID(write_file_atomically(folder.file("recipe.yaml"), prepared.read.text));
    FH_TRY_VOID(folder.write_state(state));
  } else {
    FH_TRY_VOID(folder.make());
    FH_TRY_VOID(training.run->resume());
    console.note(fmt::format("going on after step {} of {}", training.run->counters().step, plan.steps));
  }
  return run_to_the_end(prepared, training, beginning, state, console);
}

Result<> run_start(const Arguments& arguments, Console& console) {
  return run_or_resume(arguments, console, Begin::fresh);
}

Result<> run_resume(const Arguments& arguments, Console& console) {
  return run_or_resume(arguments, console, Begin::resumed);
}

}  // namespace

Command tune_start_command() {
  return {
      .name = "tune start",
      .summary = "Train as a recipe says.",
      .details =
          "Shows the plan, then trains: loss, tokens a second and the time left as it goes. output_dir gets "
          "measurements (metrics.jsonl), checkpoints, the result (an adapter in PEFT's format, or a whole model in "
          "that of its base), and where it comes from (provenance.json, provenance.md).\n\n"
          "Whatever ends the process, freehold tune resume goes on, and the result is the same to the byte. Ctrl-C and "
          "freehold tune stop write a checkpoint first (exit code 130).\n\n"
          "A loss or gradient that is not finite, or a loss that stays too high, ends the run with exit code 4; "
          "checkpoints that led there are removed, and the newest that is left is written out in the folder last-good.",
      .positionals = {{.name = "RECIPE", .help = "The recipe, a YAML file; paths in it are relative to its folder."}},
      .options = {{.name = "label",
                   .type = OptionType::text,
                   .value = "LABEL",
                   .help = "What the data are labelled at least; each data set of the recipe may say more (label)."},
                  training_threads(),
                  sealed_option()},
      .examples = {{"freehold tune start recipe.yaml", "A night of training:"}},
      .run = run_start,
  };
}

Command tune_resume_command() {
  return {
      .name = "tune resume",
      .summary = "Go on with a run that was stopped or killed.",
      .details =
          "From the newest checkpoint. Recipe, data and model must be those that the run was started with; what was "
          "measured behind the checkpoint is measured again, so no step stands twice in metrics.jsonl.",
      .positionals = {{.name = "RECIPE", .help = "The recipe that the run was started with."}},
      .options = {training_threads(), sealed_option()},
      .examples = {{"freehold tune resume recipe.yaml", "After a power cut:"}},
      .run = run_resume,
  };
}

}  // namespace freehold::app
