// `guard export`: what somebody has a right to see of what is kept.
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <optional>
#include <set>

#include "app/audit/act.h"
#include "app/commands.h"
#include "app/console.h"
#include "app/erase/left_behind.h"
#include "app/guard/named.h"
#include "app/guard/person.h"
#include "app/json_writer.h"
#include "app/serve/file_store.h"
#include "app/serve/job_store.h"
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
  // `count`: of what it is one.
  Result<> add(const std::string& line, std::uint64_t& count) {
    ++count;
    if (file_) return file_->write(line + "\n");
    console_.write(line + "\n");
    return {};
  }
  Result<> commit() { return file_ ? file_->commit() : Result<>(); }

 private:
  explicit Export(Console& console) : console_(console) {}
  Console& console_;
  std::optional<AtomicFile> file_;
};

struct Written {
  std::uint64_t requests = 0, batch_lines = 0, pseudonyms = 0;
  std::map<std::string, std::uint64_t> naming;  // of the lines of batches: those with the name, by their file
  bool any() const { return requests + batch_lines + pseudonyms > 0; }
};

// The request's entry byte for byte, what was said, and the proof that the entry is in the log.
Result<> export_requests(const fs::path& home, const Person& person, const std::set<std::string>& ids,
                         std::optional<KeptContent>& kept, Export& out, Written& written) {
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
                      return out.add(line, written.requests);
                    });
}

Result<> export_pseudonyms(const Arguments& arguments, const fs::path& home,
                           const std::vector<audit::Subject>& subjects, Export& out, Written& written) {
  if (subjects.empty()) return {};
  FH_TRY(const auto vault, open_vault(home, master_key_of(arguments, home), audit::MasterKey::Make::never));
  for (const audit::Subject& subject : subjects) {
    FH_TRY(const auto entries, vault->entries_of(subject));
    for (const audit::VaultEntry& entry : entries) {
      FH_TRY_VOID(out.add(
          JsonWriter().begin_object().member("pseudonym", entry.token).member("value", entry.value).end_object().take(),
          written.pseudonyms));
    }
  }
  return {};
}

// Lines of batches that name the person, and their answers; of a key those that name nobody.
Result<> export_lines(const fs::path& home, const Person& person, const std::vector<audit::Subject>& subjects,
                      const NameFinder& finder, Export& out, Written& written) {
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
    if (finder.in(line.text)) ++written.naming[line.file];
    return out.add(fmt::format("{{\"batch\":{}}}", batch.take()), written.batch_lines);
  });
}

// Beside what is handed out.
Result<Named> named_elsewhere(const fs::path& home, const Person& person, bool of_key, const NameFinder& finder,
                              const Written& written) {
  Named out;
  out.of_key = of_key;
  out.files = mentions_in_files(home, finder);
  std::vector<std::string> ids;
  for (const Mention& file : out.files) ids.push_back(file.file);
  std::erase_if(out.files, [&](Mention& file) {
    const auto handed_out = written.naming.find(file.file);
    if (handed_out != written.naming.end()) file.lines -= std::min(file.lines, handed_out->second);
    return file.lines == 0 && file.unknown.empty();
  });
  if (JobStore::exists(home)) {
    FH_TRY(const auto jobs, JobStore::look(home, [] { return guard::wall_seconds(); }));
    FH_TRY(out.learned, who_learned(*jobs, ids, of_key ? person.name : ""));
  }
  FH_TRY(const store::Store store, store::Store::open(home));
  FH_TRY(const std::vector<store::Listed> models, store.list());
  FH_TRY_VOID(add_lessons(home, models, finder, out));
  return out;
}

Result<> hand_out(const Arguments& arguments, Console& console) {
  FH_TRY(const fs::path home, store::default_home());
  FH_TRY(const Person person, person_of(arguments));
  FH_TRY(std::optional<KeptContent> kept, open_kept(arguments, home));
  FH_TRY(const auto subjects, subjects_of(kept, person));
  std::set<std::string> ids;
  for (const audit::Subject& subject : subjects) ids.insert(subject.id);
  FH_TRY(Export out, Export::open(arguments, console));
  const bool of_key = person.is_key() && is_id_of_a_key(home, person.name);
  const NameFinder finder = finder_of(person, subjects, of_key);
  Written written;
  FH_TRY_VOID(export_requests(home, person, ids, kept, out, written));
  FH_TRY_VOID(export_lines(home, person, subjects, finder, out, written));
  FH_TRY_VOID(export_pseudonyms(arguments, home, subjects, out, written));
  FH_TRY(const Named named, named_elsewhere(home, person, of_key, finder, written));
  note_who_is_named(named, Right::of_access, console);
  if (!written.any()) {
    return fail(Errc::not_found,
                fmt::format("there is nothing of '{}'{}{}", printable(person.name, 80),
                            named.anywhere() ? " to hand out, but what is named above" : "", what_is_unsure(named)));
  }
  // That somebody's data were handed out is part of the log, too.
  for (const std::string& id : ids) FH_TRY_VOID(record_act("guard.export", id));
  if (ids.empty()) FH_TRY_VOID(record_act("guard.export", ""));  // of somebody whom the log does not know
  FH_TRY_VOID(out.commit());
  if (arguments.given("output")) {
    console.write(fmt::format("{}: requests {}, lines of batches {}, pseudonyms {}\n",
                              printable(arguments.text("output"), 4096), written.requests, written.batch_lines,
                              written.pseudonyms));
  }
  return {};
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
          "On standard error, also where there is nothing to hand out: files in which the subject is named and nothing "
          "says that they are about them, and models that learned from such files, as guard erase lists them. An "
          "answer "
          "to somebody who asks says that, too.\n\n"
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
