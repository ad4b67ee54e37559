// `guard erase` and `guard export`: what somebody has a right to see of what is kept, and to have destroyed.
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <iostream>
#include <set>

#include "app/audit/act.h"
#include "app/commands.h"
#include "app/console.h"
#include "app/guard/person.h"
#include "app/json_writer.h"
#include "app/sealing.h"
#include "app/serve/file_store.h"
#include "audit/entry.h"
#include "audit/kept_files.h"
#include "audit/vault.h"
#include "base/file.h"
#include "base/utf8.h"
#include "guard/hold_book.h"
#include "guard/keys.h"
#include "guard/policy.h"
#include "store/store.h"

namespace freehold::app {
namespace {

namespace fs = std::filesystem;

// The files of a key, also those that batches have written. What a batch under way reads goes when it is over.
Result<std::size_t> erase_files(FileStore& store, const std::string& tenant) {
  FH_TRY(const auto files, store.all_files());
  std::size_t erased = 0;
  for (const auto& file : files) {
    if (file.tenant != tenant) continue;
    FH_TRY(const bool was_there, store.erase(tenant, file.id));
    erased += was_there ? 1 : 0;
  }
  return erased;
}

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

  Result<> check(const std::string& whose, const guard::Holdable& thing) const {
    const guard::Hold* hold = hold_on(holds, thing);
    if (hold == nullptr) return {};
    guard::Decision denied;
    denied.rule = hold->id;
    denied.message = "what is held is not erased";
    FH_TRY_VOID(record_refusal("guard erase", whose, denied));
    return fail(Errc::invalid, fmt::format("nothing of {} is erased: {}", whose, why_held(*hold)));
  }
  // With the labels of its requests; pseudonyms have none, so any hold on a label holds them.
  Result<> check(const audit::Subject& subject) const {
    FH_TRY_VOID(check(subject.id, {"", subject.tenant, subject.id}));
    std::error_code ec;
    if (fs::exists(audit::vault_folder(home) / subject.id, ec)) {
      FH_TRY_VOID(check(subject.id, {std::nullopt, subject.tenant, subject.id}));
    }
    return each_entry(home, {subject.id}, {}, [&](std::string_view, const Members& entry) {
      return check(subject.id, {carried(member_of(entry, "label")), subject.tenant, subject.id});
    });
  }
  Result<> check_files(FileStore& store, const std::string& tenant) const {
    FH_TRY(const auto files, store.all_files());
    for (const auto& file : files) {
      if (file.tenant == tenant) FH_TRY_VOID(check("files of " + tenant, {carried(file.label), tenant, ""}));
    }
    return {};
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

Result<> run_erase(const Arguments& arguments, Console& console) {
  FH_TRY(const fs::path home, store::default_home());
  local_user();
  FH_TRY(Sealing sealing, Sealing::begin(arguments));
  sealing.reads(arguments, "master-key");
  FH_TRY_VOID(sealing.enter(console));
  const Person person = person_of(arguments);
  FH_TRY(const std::optional<KeptContent> kept, open_kept(arguments, home));
  FH_TRY(const auto subjects, subjects_of(kept, person));
  FH_TRY_VOID(confirm_erasure(arguments, person, console));
  // No hold is made from here on until all has gone.
  FH_TRY(const FolderLock standing, guard::HoldBook(home).stand());
  FH_TRY(const HeldBack held, HeldBack::open(home));
  for (const audit::Subject& subject : subjects) FH_TRY_VOID(held.check(subject));
  std::unique_ptr<FileStore> store;
  std::optional<Error> no_files;  // why they cannot be erased
  if (person.is_key() && FileStore::exists(home)) {
    auto opened = FileStore::open(
        home, [] { return guard::wall_seconds(); }, {},
        [&held]() -> Result<FileStore::Standing> {
          return FileStore::Standing{{nullptr, held.holds}, held.policy.lowest()};  // as `standing`
        });
    if (opened) {
      store = std::move(*opened);
      FH_TRY_VOID(held.check_files(*store, person.name));
    } else {
      no_files = std::move(opened).error();
    }
  }
  std::size_t destroyed = 0;
  std::vector<std::string> ids;
  FH_TRY_VOID(audit::finish_removals(home));
  for (const audit::Subject& subject : subjects) {
    std::uint64_t entries = 0;
    FH_TRY_VOID(each_entry(home, {subject.id}, {}, [&](std::string_view, const Members&) -> Result<> {
      ++entries;
      return {};
    }));
    FH_TRY_VOID(kept->subjects().destroy(subject));
    FH_TRY_VOID(audit::Vault::remove(home, subject.id).map([](auto) {}));  // unreadable by now
    // By the name that entries know: whose it was, nobody can tell from here on.
    FH_TRY_VOID(
        record_act("guard.erase", subject.id, audit::Object().add("key", subject.tenant).add("entries", entries)));
    ids.push_back(subject.id);
    ++destroyed;
  }
  std::size_t files = 0;
  if (store || no_files) {
    auto erased = no_files ? Result<std::size_t>(tl::unexpected(*no_files)) : erase_files(*store, person.name);
    if (!erased) {
      if (destroyed > 0) console.note(fmt::format("{} keys of subjects are destroyed", destroyed));
      console.hint("stop the server and call this again, or delete the files through it (DELETE /v1/files/ID)");
      return in_context(std::move(erased).error(), "the files of this key are not erased");
    }
    files = *erased;
    if (files > 0) {
      FH_TRY_VOID(
          record_act("guard.erase", "files of " + person.name, audit::Object().add("files", std::uint64_t{files})));
    }
  }
  if (arguments.flag("json")) {
    JsonWriter out;
    out.begin_object().key("subjects").begin_array();
    for (const std::string& id : ids) out.value(id);
    out.end_array().member("files", files).end_object();
    console.write(out.take() + "\n");
  }
  if (destroyed + files == 0) {
    return fail(Errc::not_found, fmt::format("nothing is kept of '{}'{}", printable(person.name, 80),
                                             person.key ? " within this key" : ""));
  }
  if (!arguments.flag("json")) {
    for (const std::string& id : ids) console.write(fmt::format("{}: its key is destroyed\n", id));
    if (files > 0) console.write(fmt::format("{} files are deleted\n", files));
  }
  if (destroyed > 0) {
    console.note(
        "backups made before: destroy their files of keys (freehold backup keys writes a new one), and what they have "
        "of this cannot be read either");
  }
  if (files > 0) console.note("backups made before have the deleted files as they were: destroy these backups");
  return {};
}

std::string readable_json(const Result<audit::Parts>& parts) {
  if (parts) return content_json(*parts);
  return JsonWriter().begin_object().member("unreadable", parts.error().what).end_object().take();
}

Result<> run_export(const Arguments& arguments, Console& console) {
  FH_TRY(const fs::path home, store::default_home());
  const Person person = person_of(arguments);
  FH_TRY(std::optional<KeptContent> kept, open_kept(arguments, home));
  FH_TRY(const auto subjects, subjects_of(kept, person));
  std::set<std::string> ids;
  for (const audit::Subject& subject : subjects) ids.insert(subject.id);
  std::optional<AtomicFile> file;
  if (arguments.given("output")) {
    FH_TRY(file, AtomicFile::create(std::string(arguments.text("output")), FileAccess::owner));
  }
  std::uint64_t lines = 0;
  FH_TRY_VOID(each_entry(home, ids, person.is_key() ? person.name : "",
                         [&](std::string_view text, const Members& entry) -> Result<> {
                           std::string line = fmt::format("{{\"entry\":{}", text);
                           if (kept && !member_of(entry, "content").empty()) {
                             line += ",\"content\":" + readable_json(kept->of(entry));
                           }
                           line += "}\n";
                           ++lines;
                           if (file) return file->write(line);
                           console.write(line);
                           return {};
                         }));
  if (!subjects.empty()) {
    FH_TRY(const auto vault, open_vault(home, master_key_of(arguments, home), audit::MasterKey::Make::never));
    for (const audit::Subject& subject : subjects) {
      FH_TRY(const auto entries, vault->entries_of(subject));
      for (const audit::VaultEntry& entry : entries) {
        JsonWriter out;
        out.begin_object().member("pseudonym", entry.token).member("value", entry.value).end_object();
        ++lines;
        if (file) {
          FH_TRY_VOID(file->write(out.take() + "\n"));
        } else {
          console.write(out.take() + "\n");
        }
      }
    }
  }
  if (lines == 0) return fail(Errc::not_found, fmt::format("there is nothing of '{}'", printable(person.name, 80)));
  // That somebody's data were handed out is part of the log, too.
  for (const std::string& id : ids) FH_TRY_VOID(record_act("guard.export", id));
  return file ? file->commit() : Result<>();
}

std::vector<Option> person_options(std::initializer_list<Option> more) {
  std::vector<Option> out = {subject_key_option(), master_key_option()};
  out.insert(out.end(), more);
  return out;
}

}  // namespace

Command guard_erase_command() {
  return {
      .name = "guard erase",
      .summary = "Destroy the key that everything kept of somebody is under.",
      .details =
          "With `freehold serve --keep-content` requests and answers are kept under a key for each subject: OpenAI's "
          "`user` (or safety_identifier), Anthropic's metadata.user_id, otherwise the API key. The key is overwritten, "
          "synced and removed; what was under it stays where it is, unreadable, so that the log and its proofs remain "
          "as they were. The act is written to the log under the subject's random name: whose it was, the log does not "
          "say. What pseudonyms in the subject's requests stand for (see guard reveal) goes with the key. If SUBJECT "
          "is a key's id, its files and the results of its batches are deleted, too; the server must "
          "not run then. What a legal hold is on (freehold guard hold) is not erased: nothing goes, and the error says "
          "which hold it is. In a terminal the subject has to be typed again first, unless --yes is given.\n\n"
          "What this does not reach, because nothing there says whom it is about: files and batches in which somebody "
          "else's key names the subject (they belong to the key), data sets of fine-tuning and what was trained on "
          "them, backups made before. Of these the files of keys are to be destroyed, for a new one that freehold "
          "backup keys "
          "writes; and, where files were deleted, the backups themselves. Kept prefixes, stored "
          "responses and threads of a running server are in its memory only, and go with the key (freehold keys "
          "revoke) or when it stops.",
      .positionals = {subject_positional()},
      .options = person_options({{.name = "yes", .help = "Do not ask; without a terminal nobody is asked."},
                                 {.name = "json", .help = "Print JSON."},
                                 sealed_option()}),
      .examples = {{"freehold guard erase patient-4711", "Whoever asked for this patient:"},
                   {"freehold guard erase k7m2xw9q --key k7m2xw9q",
                    "What a key asked for nobody in particular, and its files:"}},
      .run = run_erase,
      .acts = true,
  };
}

Command guard_export_command() {
  return {
      .name = "guard export",
      .summary = "Write everything that is kept of somebody.",
      .details =
          "JSON lines, one a request, in the order of the log: its entry byte for byte, and what was asked and "
          "answered. After these a line for each value of the subject's requests that has a pseudonym (see guard "
          "reveal). That it was handed out is written to the log.",
      .positionals = {subject_positional()},
      .options = person_options({{.name = "output",
                                  .type = OptionType::file,
                                  .value = "FILE",
                                  .help = "Where to; by default to standard output.",
                                  .letter = 'o'}}),
      .examples = {{"freehold guard export patient-4711 -o patient-4711.jsonl",
                    "For somebody who asks what is known (GDPR, Article 15):"}},
      .run = run_export,
      .acts = true,
  };
}

}  // namespace freehold::app
