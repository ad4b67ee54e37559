// What the eval commands share: which tasks, which data, and one model's run over them.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "app/command.h"
#include "app/console.h"
#include "app/eval/report.h"
#include "base/result.h"
#include "eval/prompter.h"
#include "eval/result_store.h"
#include "sandbox/sandbox.h"

namespace freehold::app {

// Which of a choice task's two ways is taken.
enum class ChoiceMethod : std::uint8_t { likelihood, letter, both };

struct EvalSetup {
  eval::TaskSet all;                // shipped, and read from files
  std::vector<eval::Task> tasks;    // that were asked for, with the options' changes; owns what questions point to
  std::vector<eval::Group> groups;  // that may get a line
  eval::QuestionOptions options;
  eval::Fit fit = eval::Fit::refuse;
  std::optional<sandbox::Sandbox> sandbox;  // where a task's answers are programs
  bool fresh = false;
  bool plan_only = false;
};

// The options that decide about results, for every command that evaluates.
std::vector<Option> task_options();
// Of these and of task names (tasks, groups, .yaml, or .csv and .jsonl with columns); several may stand in a word with
// commas between.
Result<EvalSetup> eval_setup(const std::vector<std::string>& names, const Arguments& arguments, Console& console);
// Reads the data: the report's questions; and opens the sandbox, if a task needs it, so that no model works in vain.
// `setup` outlives the report.
Result<> load_questions(EvalSetup& setup, const Arguments& arguments, EvalReport& report, Console& console);

// Loads a model, says what is to come (tokens, time), runs what is not known, and adds the results to the report.
Result<> evaluate_model(std::string_view reference, const EvalSetup& setup, EvalReport& report,
                        eval::ResultStore& store, const Arguments& arguments, Console& console);

// The same for a model of a vendor, "gateway:…", whose host --allow-egress must name. Choices are letters.
Result<> evaluate_gateway(std::string_view reference, const EvalSetup& setup, EvalReport& report,
                          eval::ResultStore& store, const Arguments& arguments, Console& console);

// The value of an environment variable, or "".
std::string from_environment(std::string_view name);

// $FREEHOLD_HOME/eval.db.
Result<eval::ResultStore> open_results();
// For --fresh: forgets what is known of a run. Errors: invalid if a legal hold is on its label; nothing goes then.
Result<> forget(eval::ResultStore& store, std::string_view model, std::string_view task, eval::Aspect aspect);
std::vector<std::string> split_commas(const std::vector<std::string>& words);

// A table's rows as a task of its own. Errors: invalid.
Result<eval::TaskSet> own_task(std::string_view path, const Arguments& arguments);

}  // namespace freehold::app
