// `guard export`: what somebody has a right to see of what is kept.
#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <set>

#include "app/audit/act.h"
#include "app/commands.h"
#include "app/console.h"
#include "app/guard/person.h"
#include "app/json_writer.h"
#include "app/serve/file_store.h"
#include "audit/entry.h"
#include "audit/folder.h"
#include "audit/reader.h"
#include "audit/vault.h"
#include "base/file.h"
#include "base/utf8.h"
#include "guard/keys.h"
#include "store/store.h"

namespace freehold::app {
namespace {

namespace fs = std::filesystem;

std::string readable_json(const Result<audit::Parts>& parts) {
  if (parts) return content_json(*parts);
  return JsonWriter().begin_object().member("unreadable", parts.error().what).end_object().take();
}

// Where the lines go: a file that is there when all of it is, or standard output.
class Export {
 public:
  static Result<Export> open(const Arguments& arguments, Console& console) {
    Export out(console);
    if (arguments.given("output")) {
      FH_TRY(out.file_, AtomicFile::create(std::string(arguments.text("output")), FileAccess::owner));
    }
    return out;
  }
  Result<> add(const std::string& line) {
    ++lines_;
    if (file_) return file_->write(line + "\n");
    console_.write(line + "\n");
    return {};
  }
  Result<> commit() { return file_ ? file_->commit() : Result<>(); }
  std::uint64_t lines() const { return lines_; }

 private:
  explicit Export(Console& console) : console_(console) {}
  Console& console_;
  std::optional<AtomicFile> file_;
  std::uint64_t lines_ = 0;
};

// The request's entry byte for byte, what was said, and the proof that the entry is in the log.
Result<> export_requests(const fs::path& home, const Person& person, const std::set<std::string>& ids,
                         std::optional<KeptContent>& kept, Export& out) {
  std::optional<audit::Reader> log;
  return each_entry(home, ids, person.is_key() ? person.name : "",
                    [&](std::uint64_t number, std::string_view text, const Members& entry) -> Result<> {
                      if (!log) {
                        FH_TRY(log, audit::Reader::open(audit::audit_folder(home)));
                      }
                      std::string line = fmt::format("{{\"entry\":{}", text);
                      if (kept && !member_of(entry, "content").empty()) {
                        line += ",\"content\":" + readable_json(kept->of(entry));
                      }
                      FH_TRY(const std::string proof, log->prove(number));
                      line += fmt::format(",\"proof\":{}}}", JsonWriter().value(proof).take());
                      return out.add(line);
                    });
}

Result<> export_pseudonyms(const Arguments& arguments, const fs::path& home,
                           const std::vector<audit::Subject>& subjects, Export& out) {
  if (subjects.empty()) return {};
  FH_TRY(const auto vault, open_vault(home, master_key_of(arguments, home), audit::MasterKey::Make::never));
  for (const audit::Subject& subject : subjects) {
    FH_TRY(const auto entries, vault->entries_of(subject));
    for (const audit::VaultEntry& entry : entries) {
      FH_TRY_VOID(out.add(JsonWriter()
                              .begin_object()
                              .member("pseudonym", entry.token)
                              .member("value", entry.value)
                              .end_object()
                              .take()));
    }
  }
  return {};
}

// Lines of batches that name the person, and their answers; of a key those that name nobody.
Result<> export_lines(const fs::path& home, const Person& person, const std::vector<audit::Subject>& subjects,
                      Export& out) {
  if (!FileStore::exists(home)) return {};
  FH_TRY(const auto store, FileStore::look(home, [] { return guard::wall_seconds(); }));
  const auto is_about = [&](const std::string& tenant, std::string_view named) {
    const std::string name = audit::subject_name(named.empty() ? tenant : named);
    if (named.empty() && !person.is_key()) return false;
    if (name == audit::subject_name(person.name) && (!person.key || *person.key == tenant)) return true;
    return std::any_of(subjects.begin(), subjects.end(),
                       [&](const audit::Subject& subject) { return subject.tenant == tenant && subject.name == name; });
  };
  return store->each_line_about(is_about, [&](const FileStore::Line& line) {
    JsonWriter batch;
    batch.begin_object().member("file", line.file).member("key", line.tenant);
    batch.member(line.answer ? "answer" : "request", replace_invalid_utf8(line.text)).end_object();
    return out.add(fmt::format("{{\"batch\":{}}}", batch.take()));
  });
}

Result<> hand_out(const Arguments& arguments, Console& console) {
  FH_TRY(const fs::path home, store::default_home());
  FH_TRY(const Person person, person_of(arguments));
  FH_TRY(std::optional<KeptContent> kept, open_kept(arguments, home));
  FH_TRY(const auto subjects, subjects_of(kept, person));
  std::set<std::string> ids;
  for (const audit::Subject& subject : subjects) ids.insert(subject.id);
  FH_TRY(Export out, Export::open(arguments, console));
  FH_TRY_VOID(export_requests(home, person, ids, kept, out));
  FH_TRY_VOID(export_lines(home, person, subjects, out));
  FH_TRY_VOID(export_pseudonyms(arguments, home, subjects, out));
  if (out.lines() == 0)
    return fail(Errc::not_found, fmt::format("there is nothing of '{}'", printable(person.name, 80)));
  // That somebody's data were handed out is part of the log, too.
  for (const std::string& id : ids) FH_TRY_VOID(record_act("guard.export", id));
  if (ids.empty()) FH_TRY_VOID(record_act("guard.export", ""));  // of somebody whom the log does not know
  return out.commit();
}

}  // namespace

Command guard_export_command() {
  return {
      .name = "guard export",
      .summary = "Write everything that is kept of somebody.",
      .details =
          "JSON lines, one a request, in the order of the log: its entry byte for byte; what was asked and answered, "
          "with what it went on from (`earlier`); and the proof that the entry is in the log, which freehold audit "
          "verify --proof checks, also when the subject has been erased since. After these a line for each line of a "
          "batch that names the subject, and for its answer, and one for each value of the subject's requests that has "
          "a pseudonym (see guard reveal). That it was handed out is written to the log.\n\n"
          "What a server that runs has in memory only, stored responses and threads, is the client's to ask for.",
      .positionals = {subject_positional()},
      .options = person_options({{.name = "output",
                                  .type = OptionType::file,
                                  .value = "FILE",
                                  .help = "Where to; by default to standard output.",
                                  .letter = 'o'}}),
      .examples = {{"freehold guard export patient-4711 -o patient-4711.jsonl",
                    "For somebody who asks what is known (GDPR, Article 15):"}},
      .run = hand_out,
      .acts = true,
  };
}

}  // namespace freehold::app
