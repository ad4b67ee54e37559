// `freehold eval`: how good are these models at these tasks, and which is better?
#include <fmt/format.h>

#include <algorithm>

#include "app/audit/act.h"
#include "app/commands.h"
#include "app/eval/evaluation.h"
#include "app/interrupt.h"
#include "app/labelling.h"
#include "app/open_model.h"
#include "app/sealing.h"
#include "app/table.h"
#include "app/vendor_account.h"
#include "app/vendor_keys.h"
#include "base/file.h"
#include "base/utf8.h"
#include "upstream/gateway.h"

namespace freehold::app {
namespace {

Result<std::vector<eval::Published>> published_from(const Arguments& arguments) {
  std::vector<eval::Published> out;
  if (!arguments.given("published")) return out;
  const auto& all = eval::shipped().published;
  for (const std::string& name : split_commas(arguments.list("published"))) {
    const auto found = std::find_if(all.begin(), all.end(), [&](const eval::Published& p) { return p.model == name; });
    if (found == all.end()) {
      std::string names;
      for (const eval::Published& p : all) names += (names.empty() ? "" : ", ") + p.model;
      return fail(Errc::not_found,
                  fmt::format("there are no published figures of '{}'; there are of {}", printable(name), names));
    }
    out.push_back(*found);
  }
  return out;
}

Result<> seal_evaluation(Sealing& sealing, const EvalSetup& setup, const std::vector<std::string>& models,
                         const Arguments& arguments, Console& console) {
  for (const std::string& model : models) {
    if (upstream::is_gateway(model)) FH_TRY_VOID(refuse_if_sealed(sealing, printable(model)));
    sealing.reads_model(model);
  }
  for (const eval::Task& task : setup.tasks) {
    sealing.reads(task.data.file);
    if (task.shots.from) sealing.reads(task.shots.from->file);
  }
  sealing.reads(arguments, "data");
  for (const char* name : {"html", "items"}) {
    if (arguments.given(name)) sealing.writes_file(std::string(arguments.text(name)));
  }
  return sealing.enter(console);
}

// Whether every model may be given the data, before any of them is.
Result<> check_labels(const std::vector<std::string>& models, const Arguments& arguments) {
  FH_TRY(const guard::Policy policy, own_policy());
  FH_TRY(const std::string label, label_option(arguments, "label", policy));
  for (const std::string& model : models) {
    guard::Resource resource;
    std::string vendor;
    if (upstream::is_gateway(model)) {
      FH_TRY(const upstream::Place place, upstream::find_place(model, from_environment));
      vendor = vendor_name(place);
      resource = {guard::Resource::Kind::vendor, vendor, {}, {}};
    } else {
      FH_TRY(resource, labelled_model(model));
    }
    const guard::Decision may = guard::decide(policy, owner(policy), guard::Action::ask, resource, label);
    if (may.allowed) continue;
    FH_TRY_VOID(record_refusal("eval", model, may));
    return fail(Errc::invalid, fmt::format("nothing was sent to {}: {}", printable(model), may.message));
  }
  return {};
}

Result<> run_eval(const Arguments& arguments, Console& console) {
  catch_interrupts();
  local_user();
  const auto models = split_commas(arguments.list("models"));
  FH_TRY(Sealing sealing, Sealing::begin(arguments));
  FH_TRY(EvalSetup setup, eval_setup(arguments.list("TASKS"), arguments, console));
  FH_TRY_VOID(seal_evaluation(sealing, setup, models, arguments, console));
  FH_TRY_VOID(check_labels(models, arguments));
  setup.fresh = arguments.flag("fresh");
  setup.plan_only = arguments.flag("plan");
  EvalReport report;
  report.costs = arguments.flag("costs");
  FH_TRY(report.published, published_from(arguments));
  FH_TRY_VOID(load_questions(setup, arguments, report, console));
  FH_TRY(auto store, open_results());
  store.label(std::string(arguments.text("label")));
  if (models.empty()) return fail(Errc::invalid, "--models names no model");
  for (const std::string& model : models) {
    const auto evaluate = upstream::is_gateway(model) ? evaluate_gateway : evaluate_model;
    FH_TRY_VOID(evaluate(model, setup, report, store, arguments, console));
  }
  if (setup.plan_only) return {};
  summarise(report, setup.groups);
  for (const std::string& line : groups_without_line(report, setup.groups)) console.note("note: " + line);
  for (const ModelResults& model : report.models) {
    std::size_t shortened = 0, cut = 0;
    for (const TaskResult& task : model.tasks) shortened += task.shortened, cut += task.cut;
    if (shortened > 0)
      console.note(fmt::format("note: {} items lost examples{} to fit into the context of {}", shortened,
                               cut > 0 ? fmt::format(", {} of them the beginning of their own text,", cut) : "",
                               printable(model.name)));
  }
  if (arguments.given("html"))
    FH_TRY_VOID(write_file_atomically(std::string(arguments.text("html")), report_html(report)));
  if (arguments.given("items"))
    FH_TRY_VOID(write_file_atomically(std::string(arguments.text("items")), report_items(report)));
  console.write(arguments.flag("json") ? report_json(report) : report_table(report));
  return {};
}

Result<> run_list(const Arguments& arguments, Console& console) {
  const eval::Shipped& all = eval::shipped();
  std::vector<std::vector<std::string>> rows = {{"TASK", "KIND", "SHOTS", "METRICS", "WHAT"}};
  for (const eval::Task& task : all.tasks.tasks) {
    if (task.name.starts_with("mmlu/") && !arguments.flag("all")) continue;
    std::string metrics;
    for (eval::Metric m : task.metrics) metrics += fmt::format("{}{}", metrics.empty() ? "" : " ", eval::name_of(m));
    rows.push_back(
        {task.name, std::string(eval::name_of(task.kind)), std::to_string(task.shots.count), metrics, task.title});
  }
  for (const eval::Group& group : all.tasks.groups) {
    const auto tasks = all.tasks.expand(group.name);
    rows.push_back({group.name, "group", "", group.by_items ? "mean over items" : "mean of members",
                    fmt::format("{} ({} tasks)", group.title, tasks ? tasks->size() : 0)});
  }
  console.write(as_table(rows, {Align::left, Align::left, Align::right, Align::left, Align::left}));
  return {};
}

Result<> run_fetch(const Arguments& arguments, Console& console) {
  (void)arguments;
  const eval::Shipped& all = eval::shipped();
  console.write(
      "Benchmark data are not part of the program, and it fetches none by itself. Put these into one folder "
      "(--data FOLDER, or\n$FREEHOLD_HOME/bench); every file's SHA-256 is checked before it is used.\n\n");
  for (const eval::DataOrigin& origin : all.origins) {
    console.write(fmt::format("{}/\n  from     {}\n  licence  {}\n", origin.folder, origin.from, origin.licence));
    for (const auto& [file, digest] : all.digests) {
      if (file.starts_with(origin.folder + "/")) console.write(fmt::format("  {}  {}\n", digest, file));
    }
    console.write("\n");
  }
  return {};
}

}  // namespace

Command eval_command() {
  return {
      .name = "eval",
      .summary = "Measure models on benchmarks or on your own questions, and compare them.",
      .details =
          "TASKS are names or groups (freehold eval list), files of tasks (.yaml), or your own questions: a .csv or "
          ".jsonl with --prompt-column and --answer-column. Before a model runs, its tokens, the time and the "
          "difference that so many items can show are said.\n\n"
          "What texts have in common (the examples before every question, a question before its choices) is computed "
          "once. Every result is kept by model, task and item under $FREEHOLD_HOME: an interrupted or killed command "
          "goes on where it was, and the same evaluation again computes nothing. The same model, tasks and options "
          "give "
          "the same bytes.\n\n"
          "A vendor's model is gateway:VENDOR/MODEL; its address is in the environment, as its own client has it "
          "(OPENAI_BASE_URL …), its key there (OPENAI_API_KEY …) or, if not, among those of freehold keys vendor, and "
          "nothing goes to a host that --allow-egress does not name. "
          "Vendors give no log-probabilities of given texts: --method letter makes all models write letters. "
          "Every request that leaves is an event of the record with the vendor's own counts (`freehold cost report`), "
          "on "
          "disk before its answer is used, and is held to the budgets of `freehold cost budget`, in tokens and in "
          "USD.\n\n"
          "Where answers are programs (humaneval, or a task with 'program'), they are run by this machine's python3, "
          "which is "
          "the one thing that such a task needs beside its data, in a process that the kernel keeps from the network, "
          "from "
          "all files but Python's library, and from other processes. Where it cannot, the task is refused before any "
          "model "
          "is loaded or asked.\n\n"
          "Scores come with 95 % intervals. With several models the first is compared with each other one, item by "
          "item: the difference is that of the scores, with McNemar's exact test and exact limits for right and wrong, "
          "random signs and resampled limits otherwise, and Holm's adjustment over all comparisons shown; 'better' or "
          "'worse' is said below an adjusted p of 0.05 only. Published figures are "
          "marks "
          "beside measured ones, never part of them.",
      .positionals = {{.name = "TASKS", .help = "Tasks, groups, or files.", .repeatable = true}},
      .options =
          join(join({{.name = "models",
                      .type = OptionType::text,
                      .value = "A,B,…",
                      .help = "Paths, names of imported models, or gateway:VENDOR/MODEL.",
                      .letter = 'm',
                      .repeatable = true,
                      .required = true},
                     {.name = "allow-egress",
                      .type = OptionType::text,
                      .value = "HOST,…",
                      .help = "Hosts of vendors that questions may be sent to.",
                      .repeatable = true},
                     {.name = "label",
                      .type = OptionType::text,
                      .value = "LABEL",
                      .help = "How much harm the questions could do; a model whose ceiling is lower, and a vendor that "
                              "the policy does not allow it, gets none. The policy's lowest unless given."},
                     {.name = "token-budget",
                      .type = OptionType::integer,
                      .value = "N",
                      .least = 1,
                      .most = 1e15,
                      .help = "Of each vendor's model: no request goes out that might take it past N tokens."},
                     {.name = "parallel",
                      .type = OptionType::integer,
                      .value = "N",
                      .fallback = "4",
                      .least = 1,
                      .most = 64,
                      .help = "Requests to a vendor at the same time."},
                     {.name = "published",
                      .type = OptionType::text,
                      .value = "NAME,…",
                      .help = "Published figures to show as marks: \"Mistral 7B\".",
                      .repeatable = true},
                     {.name = "html",
                      .type = OptionType::file,
                      .value = "FILE",
                      .help = "Write a report with charts and items, in one file without anything from outside."},
                     {.name = "items",
                      .type = OptionType::file,
                      .value = "FILE",
                      .help = "Write every item's results, a line of JSON each."},
                     vendor_master_key_option(),
                     {.name = "fresh", .help = "Compute again what is known."},
                     {.name = "plan", .help = "Say what it would take, and run nothing."},
                     {.name = "costs",
                      .help = "Also what this run cost and what a right answer costs: at a vendor by the price book, "
                              "here by `freehold cost machine`."},
                     {.name = "json", .help = "Print JSON."},
                     sealed_option()},
                    task_options()),
               run_options_with_context()),
      .examples = {{"freehold eval mmlu --data bench -m llama:8b", "One benchmark:"},
                   {"freehold eval commonsense,boolq -m base.gguf,tuned.gguf --html report.html",
                    "Is the tuned model better?"},
                   {"freehold eval my.csv --prompt-column question --answer-column answer -m llama:8b",
                    "On your own questions:"}},
      .run = run_eval,
  };
}

Command eval_list_command() {
  return {
      .name = "eval list",
      .summary = "Show the tasks that come with the program.",
      .options = {{.name = "all", .help = "MMLU's 57 subjects, too."}},
      .examples = {{"freehold eval list", "What can be measured?"}},
      .run = run_list,
  };
}

Command eval_fetch_command() {
  return {
      .name = "eval fetch",
      .summary = "Say where the data of the shipped tasks come from.",
      .details = "Lists each data set's public source, its licence, and the SHA-256 of every file.",
      .examples = {{"freehold eval fetch", "Where to get them:"}},
      .run = run_fetch,
  };
}

}  // namespace freehold::app
