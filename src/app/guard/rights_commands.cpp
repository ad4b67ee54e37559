// `guard erase` and `guard export`: what somebody has a right to see of what is kept, and to have destroyed.
#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "app/audit/act.h"
#include "app/audit/kept.h"
#include "app/commands.h"
#include "app/console.h"
#include "app/json_writer.h"
#include "app/sealing.h"
#include "app/serve/file_store.h"
#include "audit/entry.h"
#include "audit/folder.h"
#include "audit/reader.h"
#include "base/file.h"
#include "base/utf8.h"
#include "guard/keys.h"
#include "store/store.h"

namespace freehold::app {
namespace {

namespace fs = std::filesystem;

// Whom a command is about: a name as clients send it, a key's id for what its clients asked for nobody in particular,
// or "sub_…" as entries have it.
struct Person {
  std::string name;
  std::optional<std::string> key;  // --key: within this key's alone

  bool is(const audit::Subject& subject) const {
    return (subject.name == name || subject.id == name) && (!key || subject.tenant == *key);
  }
  // Files and batches belong to keys.
  bool is_key() const { return !key || *key == name; }
};

Person person_of(const Arguments& arguments) {
  Person out{std::string(arguments.text("SUBJECT")), {}};
  if (arguments.given("key")) out.key = std::string(arguments.text("key"));
  return out;
}

// Those whose keys are there. None if nothing was ever kept.
Result<std::vector<audit::Subject>> subjects_of(const std::optional<KeptContent>& kept, const Person& person) {
  if (!kept) return std::vector<audit::Subject>();
  FH_TRY(std::vector<audit::Subject> all, kept->subjects().list());
  std::erase_if(all, [&](const audit::Subject& subject) { return !person.is(subject); });
  return all;
}

Result<std::optional<KeptContent>> open_kept(const Arguments& arguments, const fs::path& home) {
  std::error_code ec;
  if (!fs::exists(audit::content_folder(home) / "master-id", ec)) return std::optional<KeptContent>();
  FH_TRY(KeptContent kept, KeptContent::open(home, master_key_of(arguments, home)));
  return std::optional(std::move(kept));
}

// Each entry of a request of these, in order.
Result<> each_entry(const fs::path& home, const std::set<std::string>& subjects, const std::string& key,
                    const std::function<Result<>(std::string_view text, const Members& entry)>& visit) {
  auto reader = audit::Reader::open(audit::audit_folder(home));
  if (!reader && reader.error().code == Errc::not_found) return {};
  if (!reader) return tl::unexpected(std::move(reader).error());
  Result<> result;
  FH_TRY_VOID(reader->each(0, [&](std::uint64_t number, std::string_view text) {
    const auto entry = audit::members_of(text);
    if (!entry) {
      result = in_context(entry.error(), fmt::format("entry {}", number));
      return false;
    }
    const std::string subject = member_of(*entry, "subject");
    const bool of_key = !key.empty() && subject.empty() && member_of(*entry, "key") == key;
    if (member_of(*entry, "kind") != "request" || (!subjects.contains(subject) && !of_key)) return true;
    result = visit(text, *entry);
    return result.has_value();
  }));
  return result;
}

// The files of a key, also those that batches have written. What a batch under way reads goes when it is over.
Result<std::size_t> erase_files(const fs::path& home, const std::string& tenant) {
  if (!FileStore::exists(home)) return std::size_t{0};
  FH_TRY(const auto store, FileStore::open(home, [] { return guard::wall_seconds(); }));
  api::openai::Page page;
  page.limit = 1'000'000;  // more than a key may keep
  FH_TRY(const auto list, store->list(tenant, page));
  std::size_t erased = 0;
  for (const auto& file : list.items) {
    FH_TRY(const bool was_there, store->erase(tenant, file.id));
    erased += was_there ? 1 : 0;
  }
  return erased;
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
  std::size_t destroyed = 0;
  std::vector<std::string> ids;
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
  if (person.is_key()) {
    auto erased = erase_files(home, person.name);
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
  std::vector<Option> out = {{.name = "key",
                              .type = OptionType::text,
                              .value = "ID",
                              .help = "Only what clients with this key sent; by default whatever the key."},
                             master_key_option()};
  out.insert(out.end(), more);
  return out;
}

Positional subject() {
  return {.name = "SUBJECT",
          .help =
              "Whom it is about: as clients name the user, a key's id for what was asked for nobody in particular, "
              "or sub_… as the log has it.",
          .is_file = false};
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
          "not run then.\n\n"
          "What this does not reach, because nothing there says whom it is about: files and batches in which somebody "
          "else's key names the subject (they belong to the key), data sets of fine-tuning and what was trained on "
          "them, backups made before. Of these the files of keys are to be destroyed, for a new one that freehold "
          "backup keys "
          "writes; and, where files were deleted, the backups themselves. Kept prefixes, stored "
          "responses and threads of a running server are in its memory only, and go with the key (freehold keys "
          "revoke) or when it stops.",
      .positionals = {subject()},
      .options = person_options({{.name = "json", .help = "Print JSON."}, sealed_option()}),
      .examples = {{"freehold guard erase patient-4711", "Whoever asked for this patient:"},
                   {"freehold guard erase k7m2xw9q --key k7m2xw9q",
                    "What a key asked for nobody in particular, and its files:"}},
      .run = run_erase,
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
      .positionals = {subject()},
      .options = person_options({{.name = "output",
                                  .type = OptionType::file,
                                  .value = "FILE",
                                  .help = "Where to; by default to standard output.",
                                  .letter = 'o'}}),
      .examples = {{"freehold guard export patient-4711 -o patient-4711.jsonl",
                    "For somebody who asks what is known (GDPR, Article 15):"}},
      .run = run_export,
  };
}

}  // namespace freehold::app
