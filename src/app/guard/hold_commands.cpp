// `guard hold`, `guard holds` and `guard release`: what has to stay although its time is over or its owner would have
// it erased. Whoever owns the home may; over HTTP nobody can.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <set>

#include "app/audit/act.h"
#include "app/commands.h"
#include "app/console.h"
#include "app/guard/person.h"
#include "app/json_writer.h"
#include "app/labelling.h"
#include "app/moment.h"
#include "app/serve/file_store.h"
#include "app/table.h"
#include "audit/entry.h"
#include "audit/folder.h"
#include "audit/reader.h"
#include "base/utf8.h"
#include "guard/hold_book.h"
#include "guard/keys.h"
#include "guard/policy.h"
#include "store/store.h"

namespace freehold::app {
namespace {

namespace fs = std::filesystem;

// Whether the log knows a key by this id: of one that was given by hand there is no list.
Result<bool> is_in_log(const fs::path& home, const std::string& key) {
  auto reader = audit::Reader::open(audit::audit_folder(home));
  if (!reader && reader.error().code == Errc::not_found) return false;
  if (!reader) return tl::unexpected(std::move(reader).error());
  bool known = false;
  FH_TRY_VOID(reader->each(0, [&](std::uint64_t, std::string_view text) {
    if (text.find(key) == std::string_view::npos) return true;
    const auto entry = audit::members_of(text);
    known = entry && member_of(*entry, "key") == key;
    return !known;
  }));
  return known;
}

// The keys that have lines of batches about somebody who is known from these alone.
Result<std::set<std::string>> keys_with_lines(const fs::path& home, const Person& person) {
  std::set<std::string> out;
  if (!FileStore::exists(home)) return out;
  FH_TRY(const auto store, FileStore::look(home, [] { return guard::wall_seconds(); }));
  const std::string name = audit::subject_name(person.name);
  FH_TRY(const auto about, store->files_about([&](const std::string& tenant, std::string_view named) {
    return !named.empty() && audit::subject_name(named) == name && (!person.key || *person.key == tenant);
  }));
  for (const FileStore::Left& file : about) out.insert(file.tenant);
  return out;
}

// Ids only: names of people stand in no file as they are (docs/adr/0045).
Result<std::vector<std::string>> ids_of(const Arguments& arguments, const fs::path& home, const Person& person) {
  std::vector<std::string> out;
  auto keys = guard::Keys::open(home, guard::OpenKeys::existing);
  if (!keys && keys.error().code != Errc::not_found) return tl::unexpected(std::move(keys).error());
  if (keys && person.is_key()) {
    FH_TRY(const auto all, keys->list());
    const bool known = std::any_of(all.begin(), all.end(), [&](const auto& key) { return key.id == person.name; });
    if (known) out.push_back(person.name);
  }
  FH_TRY(const auto kept, open_kept(arguments, home));
  FH_TRY(const auto subjects, subjects_of(kept, person));
  for (const audit::Subject& subject : subjects) {
    out.push_back(subject.id);
    // Of a key that was given by hand there is no list; what it asked for nobody in particular has its name.
    if (subject.name == subject.tenant && subject.tenant == person.name) out.push_back(subject.tenant);
  }
  std::sort(out.begin(), out.end());
  out.erase(std::unique(out.begin(), out.end()), out.end());
  if (!out.empty()) return out;
  if (person.is_key()) {
    FH_TRY(const bool known, is_in_log(home, person.name));
    if (known) return std::vector<std::string>{person.name};
  }
  FH_TRY(const auto senders, keys_with_lines(home, person));
  if (!senders.empty()) {
    std::string also;
    for (auto it = std::next(senders.begin()); it != senders.end(); ++it) also += ", and " + *it;
    return fail(Errc::not_found,
                fmt::format("'{}' is named in lines of batches alone, and has no id that a hold could be on: hold what "
                            "the key has that sent them (freehold guard hold {} --reason TEXT{})",
                            printable(person.name, 80), *senders.begin(), also));
  }
  return fail(Errc::not_found, fmt::format("nothing is kept of '{}'{}, and no key has this id",
                                           printable(person.name, 80), person.key ? " within this key" : ""));
}

std::string whom(const guard::Hold& hold) {
  return hold.label.empty() ? fmt::format("{}", fmt::join(hold.subjects, ", ")) : "label " + hold.label;
}

Result<> run_hold(const Arguments& arguments, Console& console) {
  FH_TRY(const fs::path home, store::default_home());
  if (arguments.given("SUBJECT") == arguments.given("label")) {
    return fail(Errc::invalid, "say whom it is about (SUBJECT), or --label");
  }
  guard::Hold hold;
  FH_TRY(hold.reason, reason_of(arguments));
  if (arguments.given("label")) {
    FH_TRY(const guard::Policy policy, guard::load_policy(home));
    FH_TRY(hold.label, label_option(arguments, "label", policy));
  } else {
    FH_TRY(const Person person, person_of(arguments));
    FH_TRY(hold.subjects, ids_of(arguments, home, person));
  }
  hold.by = local_user().name;
  hold.since = guard::wall_seconds();
  const auto waiting = [&console] {
    console.note("waiting for what is being erased or let go at this moment: it goes by what was held before");
  };
  FH_TRY(hold, guard::HoldBook(home).add(std::move(hold), waiting));
  if (arguments.given("SUBJECT")) {
    FH_TRY(const Person person, person_of(arguments));
    if (!ids_of(arguments, home, person)) {
      console.note("what was kept of them has been erased before the hold stood: there is nothing left that it holds");
    }
  }
  FH_TRY_VOID(record_act("guard.hold", hold.id,
                         audit::Object()
                             .add("label", hold.label)
                             .add("reason", hold.reason)
                             .add("subjects", fmt::format("{}", fmt::join(hold.subjects, " ")))));
  if (arguments.flag("json")) {
    console.write(JsonWriter().begin_object().member("id", hold.id).end_object().take() + "\n");
  } else {
    console.write(fmt::format("{}: {} is held\n", hold.id, whom(hold)));
  }
  return {};
}

Result<> run_holds(const Arguments& arguments, Console& console) {
  FH_TRY(const fs::path home, store::default_home());
  FH_TRY(const auto all, guard::HoldBook(home).all());
  if (arguments.flag("json")) {
    JsonWriter out;
    out.begin_array();
    for (const guard::Hold& hold : all) {
      out.begin_object().member("id", hold.id).key("subjects").begin_array();
      for (const std::string& subject : hold.subjects) out.value(subject);
      out.end_array().member("label", hold.label).member("reason", hold.reason).member("by", hold.by);
      out.member("since", show_moment(hold.since)).key("released");
      hold.released ? out.value(show_moment(*hold.released)) : out.null();
      out.member("release_reason", hold.release_reason).member("released_by", hold.released_by).end_object();
    }
    console.write(out.end_array().take() + "\n");
    return {};
  }
  std::vector<std::vector<std::string>> rows = {{"ID", "OF", "SINCE", "RELEASED", "BY", "REASON"}};
  for (const guard::Hold& hold : all) {
    rows.push_back({hold.id, printable(whom(hold), 200), show_moment(hold.since),
                    hold.released ? show_moment(*hold.released) : "-", printable(hold.by, 40),
                    printable(hold.reason, 200)});
  }
  console.write(rows.size() == 1 ? "nothing is held\n" : as_table(rows, std::vector<Align>(6, Align::left)));
  return {};
}

Result<> run_release(const Arguments& arguments, Console& console) {
  FH_TRY(const fs::path home, store::default_home());
  FH_TRY(const std::string reason, reason_of(arguments));
  FH_TRY(const guard::Hold hold, guard::HoldBook(home).release(std::string(arguments.text("ID")), reason,
                                                               local_user().name, guard::wall_seconds()));
  FH_TRY_VOID(record_act("guard.release", hold.id, audit::Object().add("reason", reason)));
  console.write(fmt::format("{}: {} is not held by it any more\n", hold.id, whom(hold)));
  return {};
}

}  // namespace

Command guard_hold_command() {
  Positional subject = subject_positional();
  subject.required = false;
  return {
      .name = "guard hold",
      .summary = "Keep what there is of somebody, or what has a label, whatever would have it gone.",
      .details =
          "A legal hold: what it is on does not expire by the policy's retention or by the time that a client gave a "
          "file, guard erase refuses it, and clients that delete it (DELETE) get 409. It holds as soon as the command "
          "has ended, for servers that run as well, until guard release.\n\n"
          "Held of a SUBJECT are its kept requests and answers and its pseudonyms; of a key's id whatever came with "
          "that key, its files, batches and stored responses. Written down are the random ids of the log, not the "
          "name: what the same name sends with another key later needs a hold of its own, and of whom only lines of "
          "batches are there the key that sent them has to be held. With --label, what carries exactly this label; "
          "pseudonyms have none, so any such hold "
          "holds them. Stored responses and threads are in a server's memory only, and end with it.",
      .positionals = {subject},
      .options = {{.name = "label",
                   .type = OptionType::text,
                   .value = "LABEL",
                   .help = "Instead of somebody: what carries this label."},
                  reason_option(),
                  subject_key_option(),
                  master_key_option(),
                  {.name = "json", .help = "Print JSON."}},
      .examples = {{"freehold guard hold patient-4711 --reason \"case 12/27\"", "What is known of a patient:"},
                   {"freehold guard hold --label health --reason \"audit 2027\"", "Everything that is labelled so:"}},
      .run = run_hold,
      .acts = true,
  };
}

Command guard_holds_command() {
  return {
      .name = "guard holds",
      .summary = "List legal holds, also those that were released.",
      .options = {{.name = "json", .help = "Print JSON."}},
      .examples = {{"freehold guard holds", "What may not go, and why:"}},
      .run = run_holds,
  };
}

Command guard_release_command() {
  return {
      .name = "guard release",
      .summary = "End a legal hold.",
      .details =
          "What it held goes by the policy again, with the next run of the retention. The hold stays in the list.",
      .positionals = {{.name = "ID", .help = "Of the hold, as guard holds shows it.", .is_file = false}},
      .options = {reason_option()},
      .examples = {{"freehold guard release hold_0123456789abcdef01234567 --reason \"case closed\"",
                    "When it is over:"}},
      .run = run_release,
      .acts = true,
  };
}

}  // namespace freehold::app
