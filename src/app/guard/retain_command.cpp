// `guard retain`: the policy's retention, applied now.
#include <fmt/format.h>

#include <algorithm>

#include "app/audit/act.h"
#include "app/commands.h"
#include "app/console.h"
#include "app/interrupt.h"
#include "app/json_writer.h"
#include "app/labelling.h"
#include "app/moment.h"
#include "app/retain/retain.h"
#include "app/sealing.h"
#include "app/serve/own_folder.h"
#include "app/table.h"
#include "audit/note.h"
#include "base/utf8.h"
#include "guard/keys.h"
#include "store/store.h"

namespace freehold::app {
namespace {

namespace fs = std::filesystem;

std::string retain_json(const RetainReport& report, bool dry) {
  JsonWriter out;
  out.begin_object().member("dry_run", dry).key("rows").begin_array();
  for (const auto& [of, counts] : report.rows) {
    out.begin_object().member("place", of.first).key("label");
    of.second.empty() ? out.null() : out.value(of.second);
    out.member("items", counts.items).member("oldest", show_moment(counts.oldest));
    out.member("dropped", counts.dropped).member("deleted", counts.deleted);
    out.member("held", counts.held).member("unknown_label", counts.unknown).end_object();
  }
  out.end_array().member("removed", report.removed()).member("subject_keys", report.subject_keys);
  out.key("notes").begin_array();
  for (const std::string& note : report.notes) out.value(note);
  return out.end_array().end_object().take() + "\n";
}

std::string retain_table(const RetainReport& report, bool dry) {
  std::vector<std::vector<std::string>> rows = {
      {"PLACE", "LABEL", "ITEMS", "OLDEST", dry ? "TO DROP" : "DROPPED", dry ? "TO DELETE" : "DELETED", "HELD BACK"}};
  for (const auto& [of, counts] : report.rows) {
    rows.push_back({of.first, of.second.empty() ? "-" : printable(of.second, 40), std::to_string(counts.items),
                    show_moment(counts.oldest), std::to_string(counts.dropped), std::to_string(counts.deleted),
                    std::to_string(counts.held)});
  }
  if (rows.size() == 1) return "nothing is kept here\n";
  return as_table(rows,
                  {Align::left, Align::left, Align::right, Align::left, Align::right, Align::right, Align::right});
}

// Models and adapters of the store that were made of labelled data which the policy lets go by now. What they learned
// cannot be taken out, and nothing here deletes them: somebody has to decide.
Result<std::vector<std::string>> overdue_models(const fs::path& home, const guard::Policy& policy, std::int64_t now) {
  std::vector<std::string> out;
  FH_TRY(const store::Store store, store::Store::open(home));
  FH_TRY(const auto models, store.list());
  FH_TRY(const guard::LabelBook book, label_book());
  for (const store::Listed& one : models) {
    if (!one.manifest) continue;  // `models verify` tells
    const auto since = audit::utc_from_text(one.manifest->from.imported);
    if (!since) continue;
    FH_TRY(const guard::Bounds known, book.bounds("", contents_of(*one.manifest)));
    const auto due = std::find_if(known.labels.begin(), known.labels.end(), [&](const std::string& label) {
      return policy.rank(label) && fate_of(policy.retention.of(label), *since, now) == guard::Fate::remove;
    });
    if (due == known.labels.end()) continue;
    out.push_back(
        fmt::format("{} was made of data labelled {}, and is here since {}: the policy lets such data go by "
                    "now (freehold models rm)",
                    printable(one.name.text(), 80), *due, show_moment(*since)));
  }
  return out;
}

Result<> run_retain(const Arguments& arguments, Console& console) {
  FH_TRY(const std::filesystem::path home, store::default_home());
  local_user();
  FH_TRY(Sealing sealing, Sealing::begin(arguments));
  FH_TRY_VOID(sealing.enter(console));
  FH_TRY(const guard::Policy policy, guard::load_policy(home));
  const guard::HoldBook holds(home);
  catch_interrupts();
  RetainOptions options{.home = home, .policy = &policy, .holds = &holds, .now = guard::wall_seconds()};
  options.dry = arguments.flag("dry-run");
  options.trust_clock = arguments.flag("clock-is-right");
  options.begins = [] { return record_act("guard.retention.begin", {}); };
  options.go_on = [] { return !interrupted(); };
  FH_TRY(options.served, is_served(home));
  FH_TRY(RetainReport report, retain(options));
  // What has gone is said and logged whatever comes of this.
  if (auto overdue = overdue_models(home, policy, options.now)) {
    report.notes.insert(report.notes.end(), overdue->begin(), overdue->end());
  } else {
    report.notes.push_back("the models of the store were not looked at: " + overdue.error().what);
  }
  // A dry run changes nothing, also not the log.
  if (!options.dry) FH_TRY_VOID(record_act("guard.retain", {}, retain_details(report)));
  const bool dry = options.dry || !report.clock.empty();
  console.write(arguments.flag("json") ? retain_json(report, dry) : retain_table(report, dry));
  for (const std::string& note : report.notes) console.note("note: " + note);
  const bool unknown =
      std::any_of(report.rows.begin(), report.rows.end(), [](const auto& row) { return row.second.unknown > 0; });
  if (unknown) console.note("note: what has a label that the policy does not name stays until the policy names it");
  if (policy.retention.keeps_all())
    console.note("note: the policy says of nothing that it is to go (policy.yaml, retention)");
  if (report.failure) return tl::unexpected(*report.failure);
  if (report.ended) return fail(Errc::cancelled, "interrupted: what has gone has gone; call it again for the rest");
  if (report.clock.empty() || options.dry) return {};
  console.hint("if the clock is right: freehold guard retain --clock-is-right");
  return fail(Errc::invalid, fmt::format("nothing was deleted: {}", report.clock));
}

}  // namespace

Command guard_retain_command() {
  return {
      .name = "guard retain",
      .summary = "Let go of what was kept for as long as the policy says.",
      .details =
          "The section `retention` of policy.yaml says by label after which time what people said is dropped, and "
          "after "
          "which time what is known of it is deleted. This applies it now, to kept requests and answers, pseudonyms, "
          "files, batches, fine-tuning jobs, evaluations and the history of chats; freehold serve does the same when "
          "it "
          "starts and once a day. Entries of the audit log are never removed. What a legal hold is on stays (freehold "
          "guard hold). Models and adapters stay, too; those of the store that were made of labelled data which would "
          "go "
          "by now are named.\n\n"
          "Shown are, for each place and label, how many there were, the oldest, how many of them went, and how many a "
          "hold kept that would have gone; what is held and not due yet is not among these (guard holds lists what is "
          "held). Each run is an act in the audit log. If the clock has gone backwards, or is far beyond the newest "
          "entry of the audit "
          "log, nothing is deleted; behind a gap in the log of more than a day and a half, not before the log has gone "
          "on for a day. While a server runs, files, batches and jobs are its own.",
      .options = {{.name = "dry-run", .help = "Only show what would go."},
                  {.name = "json", .help = "Print JSON."},
                  {.name = "clock-is-right", .help = "Believe this machine's clock, whatever the audit log says."},
                  sealed_option()},
      .examples = {{"freehold guard retain --dry-run", "What would go today:"}},
      .run = run_retain,
      .acts = true,
  };
}

}  // namespace freehold::app
