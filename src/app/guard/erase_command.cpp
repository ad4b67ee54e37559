// `guard erase`: what somebody has a right to have destroyed.
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <iostream>

#include "app/audit/act.h"
#include "app/commands.h"
#include "app/console.h"
#include "app/erase/apart.h"
#include "app/erase/left_behind.h"
#include "app/guard/named.h"
#include "app/guard/person.h"
#include "app/json_writer.h"
#include "app/sealing.h"
#include "app/serve/blob_uploads.h"
#include "app/serve/file_store.h"
#include "app/serve/job_store.h"
#include "app/serve/made_models.h"
#include "app/serve/own_folder.h"
#include "audit/entry.h"
#include "audit/kept_files.h"
#include "audit/vault.h"
#include "base/utf8.h"
#include "guard/hold_book.h"
#include "guard/keys.h"
#include "guard/policy.h"
#include "store/store.h"

namespace freehold::app {
namespace {

namespace fs = std::filesystem;

constexpr std::chrono::seconds kServerPatience{120};  // a server ends batches and jobs, and may be loading a model

// A legal hold on any of it: then nothing of it is erased.
struct HeldBack {
  const fs::path& home;
  const guard::Policy policy;
  const std::vector<guard::Hold> holds;

  static Result<HeldBack> open(const fs::path& home) {
    FH_TRY(guard::Policy policy, guard::load_policy(home));
    FH_TRY(auto holds, guard::HoldBook(home).all());
    return HeldBack{home, std::move(policy), std::move(holds)};
  }
  std::string_view carried(std::string_view label) const { return label.empty() ? policy.lowest() : label; }

  static Result<> refuse(const std::string& whose, const std::string& why, const std::string& rule) {
    guard::Decision denied;
    denied.rule = rule;
    denied.message = "what is held is not erased";
    FH_TRY_VOID(record_refusal("guard erase", whose, denied));
    return fail(Errc::invalid, fmt::format("nothing of {} is erased: {}", whose.empty() ? "it" : whose, why));
  }
  Result<> check(const std::string& whose, const guard::Holdable& thing) const {
    const guard::Hold* hold = hold_on(holds, thing);
    return hold == nullptr ? Result<>() : refuse(whose, why_held(*hold), hold->id);
  }
  // With the labels of its requests; pseudonyms have none, so any hold on a label holds them.
  Result<> check(const audit::Subject& subject) const {
    FH_TRY_VOID(check(subject.id, {"", subject.tenant, subject.id}));
    std::error_code ec;
    if (fs::exists(audit::vault_folder(home) / subject.id, ec)) {
      FH_TRY_VOID(check(subject.id, {std::nullopt, subject.tenant, subject.id}));
    }
    return each_entry(home, {subject.id}, {}, [&](std::uint64_t, std::string_view, const Members& entry) {
      return check(subject.id, {carried(member_of(entry, "label")), subject.tenant, subject.id});
    });
  }
};

// In a terminal somebody is asked to type whom he means: what goes does not come back.
Result<> confirm_erasure(const Arguments& arguments, const Person& person, Console& console) {
  if (arguments.flag("yes") || ::isatty(STDIN_FILENO) != 1 || !console.err_is_terminal()) return {};
  console.write_error_stream(
      fmt::format("This destroys what is kept of '{0}', for ever. Type {0} to go on: ", printable(person.name, 200)));
  std::string typed;
  if (!std::getline(std::cin, typed) || typed != person.name) {
    console.hint("--yes does not ask");
    return fail(Errc::cancelled, "nothing is erased: what was typed is not the subject");
  }
  return {};
}

ErasureOrder order_about(const Person& person, const std::vector<audit::Subject>& subjects) {
  ErasureOrder order = new_order();
  order.whole_key = person.is_key();
  order.add(person.key.value_or(""), person.name);
  for (const audit::Subject& subject : subjects) order.add(subject.tenant, subject.name);
  return order;
}

// The stores of a home that no server works on.
Result<> erase_here(const HeldBack& held, const ErasureOrder& order, Erased& erased) {
  StoresOfKeys stores;
  std::unique_ptr<FileStore> files;
  std::unique_ptr<JobStore> jobs;
  MadeModels made;
  BlobUploads blobs;
  const auto clock = [] { return guard::wall_seconds(); };
  if (FileStore::exists(held.home)) {
    FH_TRY(files, FileStore::open(held.home, clock, {}, [&held]() -> Result<FileStore::Standing> {
             return FileStore::Standing{{nullptr, held.holds}, held.policy.lowest()};  // as the caller holds them
           }));
  }
  if (JobStore::exists(held.home)) {
    FH_TRY(jobs, JobStore::open(held.home, clock));
  }
  FH_TRY_VOID(made.open(held.home));
  blobs.look_at(held.home);
  stores.files = files.get();
  stores.jobs = jobs.get();
  stores.made = &made;
  stores.blobs = &blobs;
  FH_TRY(const auto left, left_by_keys(stores));
  FH_TRY(const auto hold, hold_on_left_behind(stores, order, left, held.holds, held.policy.lowest()));
  if (hold) {
    say_held(*hold, erased);
    return {};
  }
  return erase_left_behind(stores, order, left, erased);
}

// What is not under a subject's key: by the servers that have it, or here. What one of them holds lets none begin.
Result<Erased> erase_beside_keys(const HeldBack& held, const ErasureOrder& order) {
  ErasureOrder look = order;
  look.id = new_order().id;
  look.only_look = true;
  FH_TRY(const Erased looked, ask_servers(held.home, look, kServerPatience));
  if (!looked.held_by.empty()) return looked;
  FH_TRY(Erased erased, ask_servers(held.home, order, kServerPatience));
  if (!erased.held_by.empty()) return erased;
  FH_TRY(const bool served, is_served(held.home));
  if (served) return erased;
  if (auto done = erase_here(held, order, erased); !done) {
    if (erased.failed.empty()) erased.failed = std::move(done).error().what;
  }
  return erased;
}

// The random names of subjects whose keys are destroyed, and how many requests each is about.
using Destroyed = std::vector<std::pair<std::string, std::uint64_t>>;

audit::Object details_of(const Erased& erased) {
  audit::Object out;
  each_count(erased, [&](std::string_view name, std::uint64_t count) {
    if (count > 0) out.add(std::string(name), count);
  });
  return out;
}

void write_json(const Destroyed& destroyed, const Erased& erased, const Named& named, Console& console) {
  JsonWriter out;
  out.begin_object().key("subjects").begin_array();
  for (const auto& [id, own] : destroyed) out.value(id);
  out.end_array();
  std::uint64_t requests = 0;
  for (const auto& [id, own] : destroyed) requests += own;
  out.member("requests", requests);
  each_count(erased, [&](std::string_view name, std::uint64_t count) { out.member(name, count); });
  out.key("learned").begin_array();
  for (const std::string& name : named.learned) out.value(name);
  out.end_array().key("named_in").begin_array();
  for (const Mention& file : named.files) {
    out.begin_object().member("file", file.file).member("lines", file.lines);
    if (!file.unknown.empty()) out.member("unknown", file.unknown);
    out.end_object();
  }
  out.end_array().key("learned_from").begin_array();
  for (const Lesson& lesson : named.lessons) {
    out.begin_object().member("model", lesson.model).member("file", lesson.file).member("lines", lesson.lines);
    if (!lesson.unknown.empty()) out.member("unknown", lesson.unknown);
    if (!lesson.folder.empty()) out.member("folder", lesson.folder);
    out.end_object();
  }
  out.end_array().end_object();
  console.write(out.take() + "\n");
}

void write_text(const Destroyed& destroyed, const Erased& erased, Console& console) {
  for (const auto& [id, requests] : destroyed) {
    console.write(fmt::format("{}: its key is destroyed; requests that were under it: {}\n", id, requests));
  }
  each_count(erased, [&](std::string_view name, std::uint64_t count) {
    if (count > 0) console.write(fmt::format("{} deleted: {}\n", name, count));
  });
}

void note_what_is_left(bool keys, const Erased& erased, Console& console) {
  if (keys) {
    console.note(
        "backups made before: destroy their files of keys (freehold backup keys writes a new one), and what they have "
        "of this cannot be read either");
  }
  if (erased.files + erased.lines + erased.batches + erased.jobs + erased.models > 0) {
    console.note("backups made before have what was deleted as it was: destroy these backups");
  }
}

// The keys of subjects, and what pseudonyms stand for. By the name that entries know: whose it was, nobody can tell
// from here on.
Result<> destroy_keys(const fs::path& home, const KeptContent& kept, const std::vector<audit::Subject>& subjects,
                      Destroyed& destroyed) {
  FH_TRY_VOID(audit::finish_removals(home));
  for (const audit::Subject& subject : subjects) {
    std::uint64_t entries = 0;
    FH_TRY_VOID(each_entry(home, {subject.id}, {}, [&](std::uint64_t, std::string_view, const Members&) -> Result<> {
      ++entries;
      return {};
    }));
    FH_TRY_VOID(kept.subjects().destroy(subject));
    FH_TRY_VOID(audit::Vault::remove(home, subject.id).map([](auto) {}));  // unreadable by now
    FH_TRY_VOID(
        record_act("guard.erase", subject.id, audit::Object().add("key", subject.tenant).add("entries", entries)));
    destroyed.emplace_back(subject.id, entries);
  }
  return {};
}

// A key's id is nobody's name; anybody else's the log does not say: it has a random one for whom something is kept of.
std::string name_for_the_log(const Person& person, const std::vector<audit::Subject>& subjects, bool of_key) {
  if (of_key) return person.name;
  return subjects.empty() ? std::string() : subjects.front().id;
}

Result<> run_erase(const Arguments& arguments, Console& console) {
  FH_TRY(const fs::path home, store::default_home());
  local_user();
  FH_TRY(Sealing sealing, Sealing::begin(arguments));
  sealing.reads(arguments, "master-key");
  FH_TRY(const store::Store store, store::Store::open(home));
  FH_TRY(const std::vector<store::Listed> models, store.list());
  for (const fs::path& file : lesson_files(models)) sealing.reads(file);
  FH_TRY_VOID(sealing.enter(console));
  FH_TRY(const Person person, person_of(arguments));
  FH_TRY(const std::optional<KeptContent> kept, open_kept(arguments, home));
  std::vector<Error> unreadable;  // keys of whoever's
  FH_TRY(const auto subjects, subjects_of(kept, person, &unreadable));
  FH_TRY_VOID(confirm_erasure(arguments, person, console));
  FH_TRY(const FolderLock apart,
         no_backup(home, [&] { console.note("waiting: a backup is being made, or somebody else is erased"); }));
  // No hold is made from here on until all has gone.
  FH_TRY(const FolderLock standing, guard::HoldBook(home).stand());
  FH_TRY(const HeldBack held, HeldBack::open(home));
  for (const audit::Subject& subject : subjects) FH_TRY_VOID(held.check(subject));
  ErasureOrder order = order_about(person, subjects);
  const bool of_key = person.is_key() && is_id_of_a_key(home, person.name);
  const NameFinder finder = finder_of(person, subjects, of_key);
  for (const Mention& file : mentions_in_files(home, finder)) order.named_in.push_back(file.file);
  // Before anything goes, whatever ends it.
  FH_TRY_VOID(record_act("guard.erase.begin", name_for_the_log(person, subjects, of_key),
                         audit::Object().add("subjects", std::uint64_t{subjects.size()})));
  auto beside = erase_beside_keys(held, order);
  if (!beside) {
    console.hint(
        "call this again when the server has answered, or stop it first; other servers may have let go of what they "
        "had, and no subject's key is destroyed yet");
    return tl::unexpected(std::move(beside).error());
  }
  Erased& erased = *beside;
  const std::string logged = name_for_the_log(person, subjects, of_key);
  if (!erased.held_by.empty()) return HeldBack::refuse(logged, erased.held, erased.held_by);
  Destroyed destroyed;
  if (!subjects.empty()) FH_TRY_VOID(destroy_keys(home, *kept, subjects, destroyed));
  if (erased.count() > 0) {
    FH_TRY_VOID(record_act("guard.erase", of_key ? person.name : std::string(), details_of(erased)));
  }
  if (!unreadable.empty() && erased.failed.empty()) erased.failed = unreadable.front().what;
  // As it is now: lines that were about the subject have gone.
  Named named{mentions_in_files(home, finder), std::move(erased.learned), {}, of_key};
  if (auto told = add_lessons(home, models, finder, named); !told && erased.failed.empty()) {
    erased.failed = std::move(told).error().what;
  }
  if (arguments.flag("json")) write_json(destroyed, erased, named, console);
  if (!erased.failed.empty()) {
    if (!arguments.flag("json")) write_text(destroyed, erased, console);
    note_who_is_named(named, Right::to_erasure, console);
    console.hint("call this again; what has gone is gone");
    return fail(Errc::io, "not all is erased: " + erased.failed);
  }
  if (subjects.empty() && erased.count() == 0 && !named.anywhere()) {
    note_who_is_named(named, Right::to_erasure, console);
    return fail(Errc::not_found, fmt::format("nothing is kept of '{}'{}{}", printable(person.name, 80),
                                             person.key ? " within this key" : "", what_is_unsure(named)));
  }
  if (!arguments.flag("json")) write_text(destroyed, erased, console);
  note_what_is_left(!subjects.empty(), erased, console);
  note_who_is_named(named, Right::to_erasure, console);
  return {};
}

}  // namespace

Command guard_erase_command() {
  return {
      .name = "guard erase",
      .summary = "Destroy the key that everything kept of somebody is under.",
      .details =
          "With `freehold serve --keep-content` requests and answers are kept under a key for each subject: OpenAI's "
          "`user` (or safety_identifier), Anthropic's metadata.user_id, the header Freehold-User where the body names "
          "nobody; "
          "otherwise the API key. The key is overwritten, "
          "synced and removed; what was under it stays where it is, unreadable, so that the log and its proofs remain "
          "as they were. The act is written to the log under the subject's random name: whose it was, the log does not "
          "say. What pseudonyms in the subject's requests stand for (see guard reveal) goes with the key. A pseudonym "
          "is the same for the same value within an API key, though: if another subject's request brought the value, "
          "or "
          "brings it later, guard reveal tells it by that, and what the erased subject's pseudonym stood for is "
          "known again.\n\n"
          "Beside that go the lines of batches that name the subject, with their answers; and what a server that runs "
          "has in memory: stored responses and threads, kept prefixes. What is under way when this is called is "
          "answered, and not kept. If SUBJECT is a key's id, all that the key has left goes: its files and batches, "
          "also those that have not ended; its fine-tuning jobs, models made with create and copy, and blobs.\n\n"
          "What stays is listed: models that learned from the key's files, or from files that name the subject, a "
          "server's and those that the store was told of (`tune` writes down what a model learned from, `models "
          "import` reads it): they stay until they are deleted, and are to be tuned again; so does what their runs "
          "wrote "
          "outside of the store, adapters and checkpoints. Of a file that has gone or is another one by now it is said "
          "that it cannot be told, whatever else is kept. So is every file of "
          "another key that names the subject, as a word of its own. What a "
          "legal hold is on (freehold guard hold) is not erased: nothing goes, and the error says which hold it is. In "
          "a terminal the subject has to be typed again first, unless --yes is given.\n\n"
          "What this does not reach, because nothing there says whom it is about: other files in which somebody else's "
          "key names the subject, and answers of batches whose file of requests was deleted before; data sets of "
          "fine-tuning outside of the server and what was trained on them; backups made before. Of these the files of "
          "keys are to be destroyed, for a new one that freehold backup keys writes; and, where anything was deleted, "
          "the backups themselves.",
      .positionals = {subject_positional()},
      .options = person_options({{.name = "yes", .help = "Do not ask; without a terminal nobody is asked."},
                                 {.name = "json", .help = "Print JSON."},
                                 sealed_option()}),
      .examples = {{"freehold guard erase patient-4711", "Whoever asked for this patient:"},
                   {"freehold guard erase k7m2xw9q --key k7m2xw9q",
                    "What a key asked for nobody in particular, and all that it has left:"}},
      .run = run_erase,
      .acts = true,
  };
}

}  // namespace freehold::app
