// `models promote` and `models rollback`: a name is moved to another model when that has shown what a gate asks for,
// and back.
//
// What the name led to is kept under NAME:TAG.previous, so that it stays in the store and rollback is a change of
// names. promotion.h has the order that makes every moment safe.
#include <fmt/format.h>

#include "app/audit/act.h"
#include "app/commands.h"
#include "app/eval/evaluation.h"
#include "app/eval/gate.h"
#include "app/eval/promotion.h"
#include "app/interrupt.h"
#include "app/json_writer.h"
#include "app/models_commands.h"
#include "app/moment.h"
#include "app/open_model.h"
#include "base/file.h"
#include "base/utf8.h"
#include "guard/keys.h"

namespace freehold::app {
namespace {

// What a promotion was judged by, beside the gate's own words.
struct JudgedBy {
  std::string_view method, fit;
  std::int64_t context = 0;  // tokens; 0: the model's own
};

std::string evidence(std::string_view action, const Moved& moved, std::string_view gate,
                     const std::vector<GateFinding>& findings, const EvalReport& report, const JudgedBy& by,
                     bool passed) {
  JsonWriter w;
  w.begin_object()
      .member("time", show_moment(guard::wall_seconds()))
      .member("action", action)
      .member("name", moved.name.text());
  w.key("from");
  moved.from ? w.value(moved.from->name()) : w.null();
  w.member("to", moved.to.name()).member("passed", passed);
  if (!gate.empty()) w.member("gate_sha256", sha256(gate).hex());
  w.key("findings").begin_array();
  for (const GateFinding& f : findings)
    w.begin_object().member("name", f.name).member("passed", f.passed).member("what", f.what).end_object();
  w.end_array();
  w.member("method", by.method).member("fit", by.fit).member("context", by.context);
  w.key("tasks").begin_array();
  for (std::size_t t = 0; t < report.tasks.size(); ++t) {
    const eval::Questions& q = report.tasks[t];
    w.begin_object().member("name", q.task->name).member("digest", q.digest.hex()).member("items", q.questions.size());
    w.member("metric", eval::name_of(q.task->metrics.front())).member("shots", q.task->shots.count);
    // What --fit has taken away, of each model's items.
    w.key("shortened_items").begin_array();
    for (const ModelResults& m : report.models) w.value(m.tasks[t].shortened);
    w.end_array().key("cut_items").begin_array();
    for (const ModelResults& m : report.models) w.value(m.tasks[t].cut);
    w.end_array().end_object();
  }
  w.end_array().key("identities").begin_array();
  for (const ModelResults& m : report.models) w.value(m.identity);
  w.end_array();
  w.end_object();
  return w.take();
}

std::string evidence_of_rollback(const Moved& moved, const std::optional<Judged>& undone) {
  JsonWriter w;
  w.begin_object().member("time", show_moment(guard::wall_seconds())).member("action", "rollback");
  w.member("name", moved.name.text()).key("from");
  moved.from ? w.value(moved.from->name()) : w.null();
  w.member("to", moved.to.name()).member("passed", true).key("undoes");
  if (undone) {
    w.begin_object().member("time", undone->time).member("gate_sha256", undone->gate_sha256);
    w.member("method", undone->method).member("fit", undone->fit).end_object();
  } else {
    w.null();
  }
  w.end_object();
  return w.take();
}

// Before a name is looked at: what a killed command left of it.
Result<> settle_name(const store::Store& store, const store::ModelName& name, Console& console) {
  StoreProgress progress(console);
  FH_TRY(const Recovered what, recover(store, name, progress.options(false)));
  progress.clear();
  if (what != Recovered::nothing) {
    console.note(fmt::format("note: a command that moved {} was killed {}; that is settled now", name.text(),
                             what == Recovered::undone ? "before it had" : "after it had"));
  }
  return {};
}

// What the gate says about its own measurement is not changed beside it: nobody would see it in the gate.
Result<> only_the_gates(const Arguments& arguments) {
  for (const std::string_view option : {"limit", "shots", "seed", "chat"}) {
    if (arguments.given(option))
      return fail(Errc::invalid, fmt::format("--{0} is for the gate to say: write '{0}' into {1}", option,
                                             printable(arguments.text("gate"))));
  }
  return {};
}

Result<> run_promote(const Arguments& arguments, Console& console) {
  catch_interrupts();
  FH_TRY_VOID(only_the_gates(arguments));
  FH_TRY(store::Store store, open_store());
  Moved moved;
  FH_TRY(moved.name, store::ModelName::parse_given(arguments.text("NAME")));
  FH_TRY_VOID(can_be_moved(moved.name));
  FH_TRY(const OpenModel candidate, open_model(arguments.text("to"), console));
  if (!candidate.manifest)
    return fail(Errc::invalid, fmt::format("{} is not in the store: import it first", printable(arguments.text("to"))));
  moved.to = candidate.manifest->model.id();
  {
    FH_TRY(const FolderLock lock, lock_promotions(store));
    FH_TRY_VOID(settle_name(store, moved.name, console));
  }
  FH_TRY(moved.from, id_of(store, moved.name));
  if (moved.from == moved.to) {
    console.note(fmt::format("{} leads to this model already", moved.name.text()));
    return {};
  }
  FH_TRY(const std::string yaml, read_file(std::string(arguments.text("gate"))));
  FH_TRY(const Gate gate, parse_gate(yaml, arguments.text("gate")));
  FH_TRY(EvalSetup setup, eval_setup(gate.tasks, arguments, console));
  setup.options.seed = gate.seed;
  setup.options.chat = gate.chat;
  if (gate.limit) setup.options.limit = *gate.limit;
  for (eval::Task& task : setup.tasks) {
    if (gate.shots) eval::set_shots(task, *gate.shots);
  }
  EvalReport report;
  FH_TRY_VOID(load_questions(setup, arguments, report, console));
  FH_TRY_VOID(check_gate(gate, arguments.text("gate"), lines_of(report, setup.groups)));
  FH_TRY(auto results, open_results());
  if (moved.from) FH_TRY_VOID(evaluate_model(moved.from->name(), setup, report, results, arguments, console));
  FH_TRY_VOID(evaluate_model(moved.to.name(), setup, report, results, arguments, console));
  summarise(report, setup.groups);
  FH_TRY(const auto findings, judge(gate, report));
  if (findings.empty())
    console.note(
        fmt::format("note: {} led to no model, and the gate has no 'least': nothing was judged", moved.name.text()));
  bool passed = true;
  for (const GateFinding& f : findings) {
    passed = passed && f.passed;
    console.write(fmt::format("{}  {}: {}\n", f.passed ? "passed" : "FAILED", printable(f.name), f.what));
  }
  FH_TRY(const FolderLock lock, lock_promotions(store));
  FH_TRY_VOID(settle_name(store, moved.name, console));
  // Somebody may have moved the name while we measured; then the comparison was with something else.
  FH_TRY(const auto now, id_of(store, moved.name));
  if (now != moved.from)
    return fail(Errc::invalid, fmt::format("{} was moved meanwhile: nothing was changed", moved.name.text()));
  const std::string line =
      evidence("promote", moved, yaml, findings, report,
               {arguments.text("method"), arguments.text("fit"), arguments.integer("context")}, passed);
  if (!passed) {
    FH_TRY_VOID(record_promotion(store, line));
    return fail(Errc::invalid, fmt::format("{} was not moved: the gate {} is not passed", moved.name.text(),
                                           printable(arguments.text("gate"))));
  }
  StoreProgress progress(console);
  FH_TRY_VOID(move_name(store, moved, line, progress.options(true)));
  progress.clear();
  audit::Object details;
  details.add("to", moved.to.name()).add("gate", arguments.text("gate"));
  if (moved.from) details.add("from", moved.from->name());
  FH_TRY_VOID(record_act("models.promote", moved.name.text(), details));
  console.write(fmt::format("{} leads to {} now\n", moved.name.text(), short_digest(moved.to)));
  if (moved.from)
    console.note(
        fmt::format("freehold models rollback {} goes back to {}", moved.name.text(), short_digest(*moved.from)));
  return {};
}

Result<> run_rollback(const Arguments& arguments, Console& console) {
  FH_TRY(store::Store store, open_store());
  Moved moved;
  FH_TRY(moved.name, store::ModelName::parse(arguments.text("NAME")));
  FH_TRY(const FolderLock lock, lock_promotions(store));
  FH_TRY_VOID(settle_name(store, moved.name, console));
  FH_TRY(moved.from, id_of(store, moved.name));
  FH_TRY(const auto previous, id_of(store, previous_of(moved.name)));
  if (!previous) {
    return fail(Errc::not_found, fmt::format("{} was never promoted, or what it led to before is gone ({})",
                                             moved.name.text(), previous_of(moved.name).text()));
  }
  if (moved.from == previous) {
    return fail(Errc::not_found, fmt::format("{} leads to what {} does already: there is nothing to go back to",
                                             moved.name.text(), previous_of(moved.name).text()));
  }
  moved.to = *previous;
  FH_TRY(const std::optional<Judged> undone, undone_by(store, moved));
  StoreProgress progress(console);
  FH_TRY_VOID(move_name(store, moved, evidence_of_rollback(moved, undone), progress.options(true)));
  progress.clear();
  FH_TRY_VOID(record_act("models.rollback", moved.name.text(), audit::Object().add("to", moved.to.name())));
  console.write(fmt::format("{} leads to {} again\n", moved.name.text(), short_digest(moved.to)));
  if (undone && !undone->method.empty()) {
    console.note(fmt::format("this undoes the promotion of {} (method {}, fit {}, gate sha256:{})", undone->time,
                             undone->method, undone->fit, undone->gate_sha256.substr(0, 12)));
  }
  return {};
}

}  // namespace

Command models_promote_command() {
  return {
      .name = "models promote",
      .summary = "Move a name to another model if that passes a gate.",
      .details =
          "Runs the evaluations that the gate names on the model that NAME leads to and on the other one, and refuses "
          "if a score falls by more than the gate tolerates. Limit, shots, seed and chat are the gate's: as options "
          "they "
          "are refused. What was found is recorded in "
          "$FREEHOLD_HOME/promotions.jsonl, passed or not, with --method and --fit. What NAME led to is kept as "
          "NAME:TAG.previous. A command that was killed is brought to an end, or taken back, by the next one.",
      .positionals = {{.name = "NAME", .help = "The name to move, name:tag.", .is_file = false}},
      .options = join(join({{.name = "to",
                             .type = OptionType::text,
                             .value = "MODEL",
                             .help = "A name or digest of the store.",
                             .required = true},
                            {.name = "gate",
                             .type = OptionType::file,
                             .value = "FILE",
                             .help = "What it must show, as YAML: version, tasks, tolerance (points that a score may "
                                     "fall), least, judge (score or interval), limit, shots, seed, chat.",
                             .required = true}},
                           task_options()),
                      run_options_with_context()),
      .examples = {{"freehold models promote support-bot:prod --to sha256:1f2e3d4c --gate gate.yaml",
                    "An update that cannot change behaviour unseen:"}},
      .run = run_promote,
      .acts = true,
  };
}

Command models_rollback_command() {
  return {
      .name = "models rollback",
      .summary = "Move a name back to what it led to before it was promoted.",
      .details = "Nothing is measured. A second rollback undoes the first.",
      .positionals = {{.name = "NAME", .help = "The name, name:tag.", .is_file = false}},
      .examples = {{"freehold models rollback support-bot:prod", "At once:"}},
      .run = run_rollback,
      .acts = true,
  };
}

}  // namespace freehold::app
