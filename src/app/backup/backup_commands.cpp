// `freehold backup`: everything that a home has and does not make again by itself, its keys apart from it.
#include "app/backup/backup_commands.h"

#include <fmt/format.h>

#include "app/audit/act.h"
#include "app/audit/audit_commands.h"
#include "app/backup/create.h"
#include "app/backup/passphrase.h"
#include "app/backup/restore.h"
#include "app/backup/staging.h"
#include "app/console.h"
#include "app/interrupt.h"
#include "app/json_writer.h"
#include "app/progress.h"
#include "base/file.h"
#include "base/utf8.h"
#include "store/store.h"
#include "store/way_back.h"

namespace freehold::app {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kLongestKeysFile = std::uint64_t{1} << 30;

CopyProgress copy_progress(ProgressBar& bar, std::uint64_t total) {
  return [&bar, total, done = std::uint64_t{0}](std::uint64_t bytes) mutable -> Result<> {
    if (interrupted()) return fail(Errc::cancelled, "interrupted: nothing was changed");
    done += bytes;
    bar.update(done, total);
    return {};
  };
}

// A new file of keys: made, without its name, before a passphrase is asked for and hours are spent on the rest.
class KeysFile {
 public:
  static Result<KeysFile> make(const std::string& path) {
    std::error_code ec;
    if (fs::exists(fs::symlink_status(path, ec))) {
      return fail(Errc::invalid, fmt::format("{} is there: name a new file for the keys", printable(path)));
    }
    FH_TRY(AtomicFile file, AtomicFile::create(path, FileAccess::owner));
    return KeysFile(path, std::move(file));
  }
  // Gives the number of keys; the file has its name then.
  Result<std::size_t> write(const fs::path& home, const SecretText& passphrase) {
    FH_TRY(const HomeKeys keys, keys_of_home(home));
    FH_TRY(const std::string text, lock_keys(keys, passphrase.text()));
    FH_TRY_VOID(file_.write(text));
    FH_TRY_VOID(file_.commit());
    written_ = true;
    return keys.size();
  }
  // Of a backup that has not come about.
  void take_back() {
    if (written_) (void)remove_file(path_);
  }

 private:
  KeysFile(std::string path, AtomicFile file) : path_(std::move(path)), file_(std::move(file)) {}
  std::string path_;
  AtomicFile file_;
  bool written_ = false;
};

Result<HomeKeys> read_keys(const std::string& path, const Arguments& arguments) {
  FH_TRY(const std::string text, read_file(path, kLongestKeysFile));
  FH_TRY(const SecretText passphrase, passphrase_from(arguments, Passphrase::known));
  auto keys = unlock_keys(text, passphrase.text());
  if (!keys) return in_context(std::move(keys).error(), printable(path));
  return keys;
}

void say_what_is_missing(const BackupManifest& m, bool with_keys, Console& console) {
  if (!m.absent_models.empty()) {
    std::uint64_t bytes = 0;
    for (const auto& one : m.absent_models) bytes += one.bytes;
    console.write(fmt::format("not in it: the files of {} models ({}); --models takes them along\n",
                              m.absent_models.size(), human_bytes(bytes)));
  }
  if (!m.left_out.empty()) {
    std::string names;
    for (const std::string& name : m.left_out) names += (names.empty() ? "" : ", ") + printable(name, 80);
    console.write(fmt::format("not in it: {}\n", names));
  }
  if (!with_keys && (!m.secrets.empty() || m.subject_keys > 0)) {
    console.note(
        fmt::format("the home's {} keys are not in it, and without them what was kept of requests cannot be "
                    "read and the audit log not be continued: freehold backup keys FILE",
                    m.secrets.size() + m.subject_keys));
  }
}

Result<> run_backup_create(const Arguments& arguments, Console& console) {
  FH_TRY(const fs::path home, store::default_home());
  local_user();
  const std::string out(arguments.text("OUT")), keys_path(arguments.text("keys"));
  const bool with_keys = arguments.given("keys");
  SecretText passphrase;
  std::optional<KeysFile> keys_file;
  if (with_keys) {
    if (lies_within(keys_path, out)) {
      return fail(Errc::invalid, fmt::format("{} lies in the backup itself: keys belong elsewhere, so that whoever has "
                                             "one of the two reads nothing",
                                             printable(keys_path)));
    }
    FH_TRY(keys_file, KeysFile::make(keys_path));
    FH_TRY(passphrase, passphrase_from(arguments, Passphrase::fresh));
  } else if (arguments.given("passphrase-file")) {
    return fail(Errc::invalid, "--passphrase-file is for --keys");
  }
  catch_interrupts();
  BackupOptions options;
  options.models = arguments.flag("models");
  ProgressBar bar(console, "copying");
  options.progress = copy_progress(bar, 0);
  options.waiting = [&](int pid) { console.note(fmt::format("waiting for process {}, which is writing models", pid)); };
  options.erasing = [&] { console.note("waiting: somebody is being erased"); };
  std::size_t keys = 0;
  options.last = [&]() -> Result<> {
    if (!keys_file) return {};
    FH_TRY(keys, keys_file->write(home, passphrase));
    return {};
  };
  auto whole = make_backup(home, out, options);
  bar.clear();
  if (!whole && keys_file) keys_file->take_back();
  FH_TRY(const BackupMade made, std::move(whole));
  const BackupManifest& m = made.manifest;
  FH_TRY_VOID(record_act("backup.create", made.digest.name(),
                         audit::Object()
                             .add("folder", printable(out, 300))
                             .add("files", std::uint64_t{m.files.size()})
                             .add("bytes", m.bytes())
                             .add("models", options.models)
                             .add("keys", with_keys)));
  if (arguments.flag("json")) {
    JsonWriter w(true);
    w.begin_object().member("manifest", made.digest.name()).member("files", m.files.size());
    w.member("bytes", m.bytes()).member("keys", keys).member("absent_models", m.absent_models.size()).end_object();
    console.write(w.take() + "\n");
    return {};
  }
  console.write(fmt::format("{}: {} files, {}\nmanifest {}\n", printable(out), m.files.size(), human_bytes(m.bytes()),
                            made.digest.name()));
  if (with_keys) console.write(fmt::format("{}: {} keys, under the passphrase\n", printable(keys_path), keys));
  say_what_is_missing(m, with_keys, console);
  return {};
}

Result<> run_backup_keys(const Arguments& arguments, Console& console) {
  FH_TRY(const fs::path home, store::default_home());
  local_user();
  const std::string path(arguments.text("FILE"));
  FH_TRY(KeysFile file, KeysFile::make(path));
  FH_TRY(const SecretText passphrase, passphrase_from(arguments, Passphrase::fresh));
  FH_TRY(const std::size_t keys, file.write(home, passphrase));
  FH_TRY_VOID(record_act("backup.keys", printable(path, 300), audit::Object().add("keys", std::uint64_t{keys})));
  console.write(fmt::format("{}: {} keys, under the passphrase\n", printable(path), keys));
  return {};
}

Result<> run_backup_verify(const Arguments& arguments, Console& console) {
  const fs::path backup(arguments.text("BACKUP"));
  FH_TRY(const auto key, audit_key_of(arguments));
  FH_TRY(const ReadBackup read, read_backup(backup, key));
  if (arguments.given("keys")) {
    FH_TRY(const HomeKeys keys, read_keys(std::string(arguments.text("keys")), arguments));
    console.write(fmt::format("the file of keys opens: {} keys\n", keys.size()));
  }
  catch_interrupts();
  ProgressBar bar(console, "reading");
  FH_TRY(const auto damages, damages_of(backup, read.manifest, copy_progress(bar, read.manifest.bytes())));
  bar.clear();
  for (const BackupDamage& one : damages)
    console.write(fmt::format("DAMAGED {}: {}\n", printable(one.path, 300), printable(one.what, 500)));
  if (!damages.empty()) {
    return fail(Errc::corrupt,
                fmt::format("{}: {} of {} files are not what was written, the first is {}", printable(backup.string()),
                            damages.size(), read.manifest.files.size(), printable(damages.front().path, 300)));
  }
  const BackupManifest& m = read.manifest;
  console.write(fmt::format("{} files ({}) are what was written at {}\nmanifest {}\n", m.files.size(),
                            human_bytes(m.bytes()), printable(m.made, 40), read.digest.name()));
  if (read.is_signed) {
    console.write(fmt::format("signed by {}\n", printable(m.log_key.substr(0, m.log_key.find('+')), 100)));
  } else {
    console.note("it is not signed: this tells damage, not who made it");
  }
  if (read.is_signed && !key) {
    console.note(
        "the key is the one that the backup names itself; --key with the one that you kept tells forgery, too");
  }
  return {};
}

// What is to be typed for each name of which the backup has no files.
Result<> say_how_models_come_back(const fs::path& home, Console& console) {
  FH_TRY(const store::Store store, store::Store::open(home));
  FH_TRY(const auto all, store.list());
  for (const store::Listed& one : all) {
    if (!one.manifest || store::missing_file(home, one.manifest->model).empty()) continue;
    console.write(fmt::format("the files of {} are not in the backup; to bring them back: {}\n", one.name.text(),
                              store::way_back(one.name, *one.manifest)));
  }
  return {};
}

Result<> run_backup_restore(const Arguments& arguments, Console& console) {
  const fs::path backup(arguments.text("BACKUP"));
  fs::path home(arguments.text("into"));
  if (!arguments.given("into")) {
    FH_TRY(home, store::default_home());
  }
  local_user();
  FH_TRY(const auto key, audit_key_of(arguments));
  FH_TRY(const ReadBackup read, read_backup(backup, key));
  const BackupManifest& m = read.manifest;
  const bool had_keys = !m.secrets.empty() || m.subject_keys > 0;
  if (arguments.given("keys") == arguments.flag("without-keys") && (arguments.given("keys") || had_keys)) {
    return fail(Errc::invalid,
                "say --keys FILE, or --without-keys: then what was kept of requests stays unreadable, and the audit "
                "log can be verified but not continued");
  }
  HomeKeys keys;
  if (arguments.given("keys")) {
    FH_TRY(keys, read_keys(std::string(arguments.text("keys")), arguments));
  }
  catch_interrupts();
  ProgressBar bar(console, "copying");
  RestoreOptions options;
  options.keys = arguments.given("keys") ? &keys : nullptr;
  options.replace = arguments.flag("replace");
  options.progress = copy_progress(bar, m.bytes());
  auto restored = restore_backup(backup, read, home, options);
  bar.clear();
  if (!restored) {
    if (restored.error().code == Errc::invalid && !options.replace && !nothing_at(home))
      console.hint("--replace puts what is there aside, under another name beside it");
    return tl::unexpected(std::move(restored).error());
  }
  console.write(fmt::format("{}: {} files ({}) as they were at {}\n", printable(home.string()), m.files.size(),
                            human_bytes(m.bytes()), printable(m.made, 40)));
  if (restored->aside) {
    console.write(fmt::format("what was there before is in {}\n", printable(restored->aside->string())));
  }
  FH_TRY_VOID(say_how_models_come_back(home, console));
  if (restored->subjects_without_key > 0) {
    console.note(fmt::format("{} subjects have no key in the file of keys: what was kept of them stays unreadable",
                             restored->subjects_without_key));
  }
  if (!restored->recorded) {
    console.note(
        "the audit log lacks its key: put it at audit/key to continue the log, or move the folder audit away "
        "to begin another");
  }
  return {};
}

Option backup_keys_option(std::string_view help) {
  return {.name = "keys", .type = OptionType::file, .value = "FILE", .help = help};
}

}  // namespace

Command backup_group() {
  return {
      .name = "backup",
      .summary = "Copy everything that is kept, verify the copy, and put it back.",
      .details =
          "A backup is a folder with a signed list of its files. It is made while the server runs. Keys are never in "
          "it: they go to a file of their own, under a passphrase, which belongs somewhere else.",
  };
}

Command backup_create_command() {
  return {
      .name = "backup create",
      .summary = "Copy everything below $FREEHOLD_HOME that is not made again by itself.",
      .details =
          "Databases are copied as of one moment, the audit log up to its last checkpoint, and all else so that what "
          "is "
          "pointed to is there; the server may run. OUT appears when it is complete.\n\n"
          "Adapters are taken along, and models are not: their names are, and where each came from; --models takes "
          "their files, too. Left out are the chat's history of lines, published data of evaluations, what is being "
          "fetched or was sent by clients for models, and temporary files.\n\n"
          "No key is in it: not those that sign the log and wrap what was kept of requests, not those of subjects, TLS "
          "or this command line. --keys writes them to a file under a passphrase (Argon2id, XChaCha20-Poly1305). Keep "
          "it apart: whoever has the backup alone cannot read what was kept of requests. A master key outside "
          "$FREEHOLD_HOME (--master-key) stays yours to keep. Uploaded files, results of batches and records of usage "
          "are in the backup as they are in the home, not encrypted.\n\n"
          "After guard erase, a backup made later has nothing of the subject: neither is begun while the other is "
          "under "
          "way. What was kept of requests is unreadable "
          "in those made before, too, once files of keys made before are destroyed: freehold backup keys writes a new "
          "one. Files of a key that was erased are in backups made before: destroy these.",
      .positionals = {{.name = "OUT", .help = "A folder that is not there yet, best on another disk."}},
      .options = {backup_keys_option("Write the home's keys to this new file outside of OUT, under a passphrase."),
                  passphrase_file_option(),
                  {.name = "models", .help = "Take along the files of all models, not of adapters alone."},
                  {.name = "json", .help = "Print JSON."}},
      .examples = {{"freehold backup create /mnt/backup/monday --keys /media/stick/monday.keys",
                    "Data and keys, in two places:"}},
      .run = run_backup_create,
      .acts = true,
  };
}

Command backup_keys_command() {
  return {
      .name = "backup keys",
      .summary = "Write the home's keys to a file, under a passphrase.",
      .details =
          "For backups that are there: after guard erase, replace older files of keys by a new one and destroy them. "
          "The new one lacks the key of who was erased, and opens all else in every backup.",
      .positionals = {{.name = "FILE", .help = "A file that is not there yet."}},
      .options = {passphrase_file_option()},
      .examples = {{"freehold backup keys /media/stick/after-erasure.keys", "After somebody was erased:"}},
      .run = run_backup_keys,
      .acts = true,
  };
}

Command backup_verify_command() {
  return {
      .name = "backup verify",
      .summary = "Read a whole backup and say what in it is not what was written.",
      .details =
          "Every file against its SHA-256 in the manifest, the manifest against its signature, the audit log by its "
          "own "
          "rules and against the checkpoint in the manifest. Every damaged, missing or added file is named.",
      .positionals = {{.name = "BACKUP", .help = "The folder that backup create has made."}},
      .options = {audit_key_option(), backup_keys_option("Also whether this file of keys opens."),
                  passphrase_file_option()},
      .examples = {{"freehold backup verify /mnt/backup/monday", "From time to time:"}},
      .run = run_backup_verify,
  };
}

Command backup_restore_command() {
  return {
      .name = "backup restore",
      .summary = "Make a home of a backup.",
      .details =
          "Every file is checked while it is copied. The home appears in one step when all of it is there; until then, "
          "and if anything is wrong, what was there before stays. The restoring is written to its audit log, which "
          "goes on from the backup's last checkpoint: who holds a later checkpoint will see that what came after is "
          "not in it, and what --replace puts aside is the evidence of that.\n\n"
          "For each model whose files are not in the backup (backup create without --models) the command is said that "
          "brings them back. Until then models list calls them missing, and whoever runs the model is told the same, "
          "with exit status 3.",
      .positionals = {{.name = "BACKUP", .help = "The folder that backup create has made."}},
      .options =
          {{.name = "into", .type = OptionType::file, .value = "HOME", .help = "Where to; by default $FREEHOLD_HOME."},
           backup_keys_option("The file of keys that belongs to the home."),
           passphrase_file_option(),
           {.name = "without-keys", .help = "Restore data alone."},
           {.name = "replace",
            .help = "Also where something is: it is put aside under another name, in the same step."},
           audit_key_option()},
      .examples = {{"freehold backup restore /mnt/backup/monday --keys /media/stick/monday.keys", "On a new machine:"},
                   {"freehold backup restore /mnt/backup/monday --into /tmp/look --without-keys",
                    "To look into it elsewhere:"}},
      .run = run_backup_restore,
  };
}

}  // namespace freehold::app
