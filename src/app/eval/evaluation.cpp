#include "app/eval/evaluation.h"

#include <fmt/format.h>

#include <algorithm>

#include "app/labelling.h"
#include "app/open_model.h"
#include "base/file.h"
#include "base/utf8.h"
#include "guard/hold_book.h"
#include "store/store.h"

namespace freehold::app {
namespace {

bool is_file_of(std::string_view name, std::string_view ending) {
  return name.ends_with(ending);
}

void choose_method(eval::Task& task, ChoiceMethod method) {
  if (task.kind != eval::TaskKind::choice) return;
  if (method == ChoiceMethod::letter) {
    if (task.why_no_letters().empty()) task.metrics = {eval::Metric::letter};
    return;
  }
  const auto letter = std::find(task.metrics.begin(), task.metrics.end(), eval::Metric::letter);
  if (method == ChoiceMethod::likelihood) {
    if (letter != task.metrics.end() && task.metrics.size() > 1) task.metrics.erase(letter);
  } else if (letter == task.metrics.end() && task.why_no_letters().empty()) {
    task.metrics.push_back(eval::Metric::letter);
  }
}

ChoiceMethod method_from(std::string_view word) {
  if (word == "letter") return ChoiceMethod::letter;
  return word == "both" ? ChoiceMethod::both : ChoiceMethod::likelihood;
}

Result<> add_file(EvalSetup& setup, const std::string& name, const Arguments& arguments,
                  std::vector<std::string>& names) {
  if (is_file_of(name, ".csv") || is_file_of(name, ".jsonl")) {
    FH_TRY(eval::TaskSet own, own_task(name, arguments));
    names.push_back(own.tasks[0].name);
    return setup.all.add(std::move(own));
  }
  FH_TRY(const std::string yaml, read_file(name));
  FH_TRY(eval::TaskSet more, eval::parse_tasks(yaml, name));
  for (const eval::Task& task : more.tasks) names.push_back(task.name);
  return setup.all.add(std::move(more));
}

}  // namespace

std::vector<std::string> split_commas(const std::vector<std::string>& words) {
  std::vector<std::string> out;
  for (std::string_view word : words) {
    while (true) {
      const std::size_t end = word.find(',');
      if (end != 0 && !word.empty()) out.emplace_back(word.substr(0, end));
      if (end == std::string_view::npos) break;
      word.remove_prefix(end + 1);
    }
  }
  return out;
}

std::vector<Option> task_options() {
  return {
      {.name = "data",
       .type = OptionType::file,
       .value = "FOLDER",
       .help = "Where the data of the shipped tasks are; $FREEHOLD_HOME/bench unless given. 'eval fetch' says what "
               "belongs there."},
      {.name = "limit",
       .type = OptionType::integer,
       .value = "N",
       .least = 1,
       .most = 1e9,
       .help = "Only the first N items of each task."},
      {.name = "shots",
       .type = OptionType::integer,
       .value = "N",
       .least = 0,
       .most = 1000,
       .help = "Examples before each question, instead of the task's own number."},
      {.name = "seed",
       .type = OptionType::integer,
       .value = "N",
       .fallback = "0",
       .least = 0,
       .most = 9e15,
       .help = "Of drawn examples and of answers that are sampled."},
      {.name = "method",
       .type = OptionType::choice,
       .value = "likelihood|letter|both",
       .fallback = "likelihood",
       .help = "How choices are made: the likeliest text, or a letter that the model writes under a constraint."},
      {.name = "chat", .help = "Questions go through the model's chat template, as one message of the user."},
      {.name = "fit",
       .type = OptionType::choice,
       .value = "refuse|fewer-examples|cut",
       .fallback = "refuse",
       .help = "Items longer than the context: an error; as many examples less as it takes; or also without the "
               "beginning of "
               "their own text, where no example is left. Those that lost something are counted."},
      {.name = "prompt-column", .type = OptionType::text, .value = "NAME", .help = "Of a .csv or .jsonl: the prompt."},
      {.name = "answer-column",
       .type = OptionType::text,
       .value = "NAME",
       .help = "Of a .csv or .jsonl: the answer; with --choices-column, the right one's number, from 0."},
      {.name = "choices-column",
       .type = OptionType::text,
       .value = "NAME",
       .help = "Of a .jsonl: a list of texts to choose from."},
      {.name = "metric",
       .type = OptionType::choice,
       .value = "exact_match|f1",
       .fallback = "exact_match",
       .help = "Of a .csv or .jsonl: what answers are judged by."},
      {.name = "max-tokens",
       .type = OptionType::integer,
       .value = "N",
       .fallback = "64",
       .least = 1,
       .most = 1e6,
       .help = "Of a .csv or .jsonl: the longest answer."},
  };
}

Result<EvalSetup> eval_setup(const std::vector<std::string>& words, const Arguments& arguments, Console& console) {
  EvalSetup setup;
  setup.all = eval::shipped().tasks;
  std::vector<std::string> names;
  for (const std::string& name : split_commas(words)) {
    if (const auto why = eval::why_refused(name); !why.empty())
      return fail(Errc::unsupported, fmt::format("{} is not run: {}", name, why));
    if (is_file_of(name, ".csv") || is_file_of(name, ".jsonl") || is_file_of(name, ".yaml")) {
      FH_TRY_VOID(add_file(setup, name, arguments, names));
    } else {
      names.push_back(name);
    }
  }
  FH_TRY_VOID(setup.all.check_members());
  const ChoiceMethod method = method_from(arguments.text("method"));
  for (const std::string& name : names) {
    auto tasks = setup.all.expand(name);
    if (!tasks) {
      console.hint("freehold eval list shows all tasks");
      return tl::unexpected(std::move(tasks).error());
    }
    for (const eval::Task* task : *tasks) {
      const bool known = std::any_of(setup.tasks.begin(), setup.tasks.end(),
                                     [&](const eval::Task& t) { return t.name == task->name; });
      if (known) continue;
      setup.tasks.push_back(*task);
      choose_method(setup.tasks.back(), method);
      if (method != ChoiceMethod::likelihood && task->kind == eval::TaskKind::choice && !task->why_no_letters().empty())
        console.note(
            fmt::format("note: {} is measured by likelihood alone: {}", printable(task->name), task->why_no_letters()));
      if (arguments.given("shots"))
        eval::set_shots(setup.tasks.back(), static_cast<std::uint32_t>(arguments.integer("shots")));
    }
  }
  setup.groups = setup.all.groups;
  setup.options.seed = static_cast<std::uint64_t>(arguments.integer("seed"));
  setup.options.chat = arguments.flag("chat");
  if (arguments.given("limit")) setup.options.limit = static_cast<std::size_t>(arguments.integer("limit"));
  const auto fit = arguments.text("fit");
  setup.fit = fit == "refuse" ? eval::Fit::refuse : fit == "cut" ? eval::Fit::cut : eval::Fit::fewer_examples;
  return setup;
}

Result<> load_questions(EvalSetup& setup, const Arguments& arguments, EvalReport& report, Console& console) {
  const auto program =
      std::find_if(setup.tasks.begin(), setup.tasks.end(), [](const eval::Task& task) { return task.runs_programs(); });
  if (program != setup.tasks.end()) {
    auto opened = sandbox::Sandbox::open();
    if (!opened) return in_context(std::move(opened).error(), printable(program->name));
    setup.sandbox = std::move(*opened);
  }
  FH_TRY(const auto home, store::default_home());
  const std::filesystem::path folder =
      arguments.given("data") ? std::filesystem::path(arguments.text("data")) : home / "bench";
  const eval::DataFolder shipped(folder, &eval::shipped().digests);
  const eval::DataFolder here("", nullptr);
  for (const eval::Task& task : setup.tasks) {
    const bool own = eval::shipped().tasks.find(task.name) == nullptr;
    // A user's task may lean on shipped data: its files are looked for beside us first.
    std::error_code ec;
    const bool local = own && std::filesystem::exists(task.data.file, ec);
    auto questions = eval::make_questions(task, local ? here : shipped, setup.options);
    if (!questions) {
      if (questions.error().code == Errc::not_found)
        console.hint("freehold eval fetch says where the data come from; --data names their folder");
      return in_context(std::move(questions).error(), printable(task.name));
    }
    if (questions->beyond_until > 0) {
      console.note(fmt::format(
          "note: {}: answers end before '{}', which every right answer of {} of {} items holds: "
          "these cannot be right",
          printable(task.name), printable(questions->until), questions->beyond_until, questions->questions.size()));
    }
    report.tasks.push_back(std::move(*questions));
  }
  return {};
}

Result<eval::ResultStore> open_results() {
  FH_TRY(const auto home, store::default_home());
  FH_TRY_VOID(make_directories(home));
  return eval::ResultStore::open(home / "eval.db");
}

Result<> forget(eval::ResultStore& store, std::string_view model, std::string_view task, eval::Aspect aspect) {
  FH_TRY(const auto known, store.find(model, task, aspect));
  if (!known) return {};
  FH_TRY(const auto home, store::default_home());
  FH_TRY(const guard::Policy policy, own_policy());
  const guard::HoldBook book(home);
  FH_TRY(const FolderLock standing, book.stand());
  FH_TRY(const auto holds, book.all());
  const std::string_view label = known->label.empty() ? std::string_view(policy.lowest()) : known->label;
  if (const guard::Hold* hold = guard::hold_on(holds, {label, "", ""})) {
    return fail(Errc::invalid, fmt::format("--fresh would drop what is kept of '{}': {}", label, why_held(*hold)));
  }
  return store.drop(model, task, aspect);
}

}  // namespace freehold::app
