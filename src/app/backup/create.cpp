#include "app/backup/create.h"

#include <fmt/format.h>

#include <chrono>
#include <map>
#include <set>

#include "app/backup/home_files.h"
#include "app/backup/staging.h"
#include "app/erase/apart.h"
#include "app/moment.h"
#include "app/version.h"
#include "audit/folder.h"
#include "audit/reader.h"
#include "audit/writer.h"
#include "base/utf8.h"
#include "sql/copy.h"
#include "store/blob.h"
#include "store/lock.h"
#include "store/store.h"
#include "store/tree.h"

namespace freehold::app {
namespace {

namespace fs = std::filesystem;

class BackupMaker {
 public:
  BackupMaker(fs::path home, fs::path data, const BackupOptions& options)
      : home_(std::move(home)), data_(std::move(data)), options_(options) {}

  Result<> take_files_and_databases();
  Result<> take_log();
  Result<> take_records();
  Result<> take_models();
  Result<> list_secrets();
  BackupManifest manifest();
  // The log's key, if it is there to sign with.
  Result<std::optional<audit::SigningKey>> signing_key() const;

 private:
  // What is gone by now is left out.
  Result<> take_file(const std::string& path, const fs::path& from,
                     std::uint64_t limit = std::numeric_limits<std::uint64_t>::max());
  Result<> take_database(const std::string& path, const fs::path& from);
  Result<> take_made(const std::string& path);  // is in the backup already
  void forget(const std::string& path);
  Result<> take_model(const store::ModelTuple& model);
  Result<> take_blob(const Digest& digest);

  const fs::path home_, data_;
  const BackupOptions& options_;  // owner: the caller
  std::map<std::string, BackupManifest::File> files_;
  BackupManifest manifest_;
};

Result<> BackupMaker::take_file(const std::string& path, const fs::path& from, std::uint64_t limit) {
  auto copied = copy_file_hashed(from, data_ / path, options_.progress, limit);
  if (!copied && copied.error().code == Errc::not_found) {
    forget(path);
    return {};
  }
  if (!copied) return tl::unexpected(std::move(copied).error());
  files_.insert_or_assign(path, BackupManifest::File{path, copied->size, copied->digest});
  return {};
}

Result<> BackupMaker::take_made(const std::string& path) {
  FH_TRY(const CopiedFile made, hash_of_file(data_ / path, options_.progress));
  files_.insert_or_assign(path, BackupManifest::File{path, made.size, made.digest});
  return {};
}

Result<> BackupMaker::take_database(const std::string& path, const fs::path& from) {
  FH_TRY_VOID(make_directories((data_ / path).parent_path()));
  auto copied = sql::copy_database(from, data_ / path);
  if (!copied && copied.error().code == Errc::not_found) return {};
  if (!copied) return copied;
  return take_made(path);
}

void BackupMaker::forget(const std::string& path) {
  std::error_code ec;
  fs::remove(data_ / path, ec);
  files_.erase(path);
}

Result<> BackupMaker::take_files_and_databases() {
  FH_TRY(const auto before, files_of_home(home_));
  for (const auto& [path, file] : before) {
    if (file.part == HomePart::file) FH_TRY_VOID(take_file(path, file.path));
  }
  for (const auto& [path, file] : before) {
    if (file.part == HomePart::database) FH_TRY_VOID(take_database(path, file.path));
  }
  FH_TRY(const auto now, files_of_home(home_));
  for (const auto& [path, file] : before) {
    if (file.part == HomePart::file && !now.contains(path)) forget(path);
  }
  for (const auto& [path, file] : now) {
    const auto known = before.find(path);
    if (known != before.end() && known->second == file) continue;
    if (file.part == HomePart::file) FH_TRY_VOID(take_file(path, file.path));
    if (file.part == HomePart::database && known == before.end()) FH_TRY_VOID(take_database(path, file.path));
  }
  return {};
}

Result<std::optional<audit::SigningKey>> BackupMaker::signing_key() const {
  const audit::Files log{audit::audit_folder(home_)};
  std::error_code ec;
  if (!fs::exists(log.key(), ec)) return std::optional<audit::SigningKey>();
  FH_TRY(std::string read, read_file(log.key(), 4096));
  const SecretText text(std::move(read));
  FH_TRY(audit::SigningKey key, audit::SigningKey::parse(text.text()));
  return std::optional(std::move(key));
}

Result<> BackupMaker::take_log() {
  const fs::path folder = audit::audit_folder(home_);
  const audit::Files from{folder}, to{audit::audit_folder(data_)};
  std::error_code ec;
  if (!fs::exists(from.public_key(), ec)) return {};
  // Whoever opens it to write cuts off what a killed process has not ended.
  if (fs::exists(from.key(), ec)) {
    FH_TRY(const audit::Writer writer, audit::Writer::open(folder));
  }
  FH_TRY(const audit::Reader reader, audit::Reader::open(folder));
  manifest_.log_key = reader.key().text();
  manifest_.log_checkpoint = reader.note();
  const auto take = [&](const fs::path& file, std::uint64_t limit) {
    return take_file("audit/" + file.lexically_relative(folder).generic_string(), file, limit);
  };
  constexpr auto kAll = std::numeric_limits<std::uint64_t>::max();
  FH_TRY_VOID(take(from.public_key(), kAll));
  const auto& segments = reader.segments();
  for (std::size_t i = 0; i < segments.size(); ++i) {
    FH_TRY_VOID(take(segments[i].path, i + 1 < segments.size() ? kAll : reader.end()));
  }
  if (reader.size() == 0) return {};
  // Of what only grows, the part that belongs to the checkpoint.
  for (const unsigned level : audit::kLevels) FH_TRY_VOID(take(from.level(level), (reader.size() >> level) * 32));
  FH_TRY_VOID(take(from.index(), reader.size() * 8));
  FH_TRY_VOID(write_file_atomically(to.checkpoint(), reader.note(), FileAccess::owner));
  return take_made("audit/checkpoint");
}

Result<> BackupMaker::take_records() {
  FH_TRY(const auto all, files_of_home(home_));
  for (const auto& [path, file] : all) {
    if (file.part == HomePart::records) FH_TRY_VOID(take_file(path, file.path));
  }
  return {};
}

Result<> BackupMaker::take_blob(const Digest& digest) {
  const std::string path = store::blob_path("", digest).generic_string();
  if (files_.contains(path)) return {};
  return take_file(path, home_ / path);
}

Result<> BackupMaker::take_model(const store::ModelTuple& model) {
  for (const store::StoredFile& file : model.files) {
    FH_TRY_VOID(take_blob(file.digest));
    FH_TRY_VOID(take_blob(file.checks));
  }
  if (!model.needs_tree()) return {};
  FH_TRY_VOID(make_directories(data_ / "trees"));
  FH_TRY_VOID(store::make_tree(data_, model));
  const std::string folder = store::tree_path("", model).generic_string();
  for (const store::StoredFile& file : model.files) {
    manifest_.links.push_back(
        {folder + "/" + file.name, (fs::path("../..") / store::blob_path("", file.digest)).generic_string()});
  }
  return {};
}

Result<> BackupMaker::take_models() {
  std::error_code ec;
  if (!fs::exists(home_ / "models", ec)) return {};
  FH_TRY(const store::Lock lock, store::Lock::take(home_, options_.waiting));
  // The names that lead to these contents: those that there are now.
  FH_TRY(const auto all, files_of_home(home_));
  const std::set<std::string> known = [&] {
    std::set<std::string> out;
    for (const auto& [path, file] : files_) out.insert(path);
    return out;
  }();
  for (const std::string& path : known) {
    if (path.starts_with("models/") && !all.contains(path)) forget(path);
  }
  for (const auto& [path, file] : all) {
    if (path.starts_with("models/") && file.part == HomePart::file) FH_TRY_VOID(take_file(path, file.path));
  }
  FH_TRY(const store::Store store, store::Store::open(home_));
  FH_TRY(const auto listed, store.list());
  std::set<std::string> trees;
  const auto take = [&](const store::ModelTuple& model) -> Result<> {
    if (!trees.insert(model.tree().hex()).second) return {};
    return take_model(model);
  };
  for (const store::Listed& one : listed) {
    if (!one.manifest) {
      return fail(Errc::corrupt, fmt::format("the model {} cannot be read, so which files are its is not known: "
                                             "freehold models verify tells more ({})",
                                             one.name.text(), one.manifest.error().what));
    }
    const store::ModelTuple& model = one.manifest->model;
    const bool whole = options_.models || store::is_adapter(model.kind);
    if (whole) FH_TRY_VOID(take(model.adapter ? model.base() : model));
    if (model.adapter) FH_TRY_VOID(take(model.adapter_alone()));
    if (whole) continue;
    const auto& from = one.manifest->from;
    std::uint64_t bytes = 0;
    for (const store::StoredFile& file : model.files) bytes += file.size;
    manifest_.absent_models.push_back(
        {one.name.text(), bytes, from.pulled ? from.pulled->address + "/" + from.pulled->reference : from.source});
  }
  return {};
}

Result<> BackupMaker::list_secrets() {
  FH_TRY(const auto all, files_of_home(home_));
  for (const auto& [path, file] : all) {
    if (file.part == HomePart::secret) manifest_.secrets.push_back(path);
    if (file.part == HomePart::subject) ++manifest_.subject_keys;
  }
  manifest_.left_out = left_out_of_home(home_);
  return {};
}

BackupManifest BackupMaker::manifest() {
  for (auto& [path, file] : files_) manifest_.files.push_back(std::move(file));
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  manifest_.made = show_moment(std::chrono::duration_cast<std::chrono::seconds>(now).count());
  manifest_.program = version();
  return std::move(manifest_);
}

}  // namespace

bool lies_within(const fs::path& inner, const fs::path& outer) {
  std::error_code ec;
  // Absolute first: of what is not there at all, the canonical form stays relative.
  const auto whole = [&](const fs::path& path) { return fs::weakly_canonical(fs::absolute(path, ec), ec); };
  const auto relative = whole(inner).lexically_relative(whole(outer));
  return !ec && !relative.empty() && *relative.begin() != "..";
}

Result<BackupMade> make_backup(const fs::path& home, const fs::path& out, const BackupOptions& options) {
  std::error_code ec;
  if (!fs::is_directory(home, ec))
    return fail(Errc::not_found, fmt::format("there is nothing at {} yet", printable(home.string())));
  if (lies_within(out, home)) {
    return fail(Errc::invalid,
                fmt::format("{} lies in the home itself: a backup belongs elsewhere, best on another disk",
                            printable(out.string())));
  }
  if (!nothing_at(out)) {
    return fail(Errc::invalid,
                fmt::format("{} is there, with something in it: name a new folder", printable(out.string())));
  }
  FH_TRY(const FolderLock apart, no_erasure(home, options.erasing));
  FH_TRY(StagingFolder staging, StagingFolder::create(out));
  const fs::path data = staging.path() / kBackupData;
  FH_TRY_VOID(make_directories(data));
  BackupMaker maker(home, data, options);
  FH_TRY_VOID(maker.take_files_and_databases());
  FH_TRY_VOID(maker.take_log());
  FH_TRY_VOID(maker.take_records());
  FH_TRY_VOID(maker.take_models());
  FH_TRY_VOID(maker.list_secrets());
  FH_TRY(const auto key, maker.signing_key());
  BackupMade made{maker.manifest(), {}};
  const std::string text = backup_manifest_json(made.manifest);
  made.digest = sha256(text);
  FH_TRY_VOID(write_file_atomically(staging.path() / kManifestName, text, FileAccess::owner));
  const bool sign = key && !made.manifest.log_key.empty();
  FH_TRY_VOID(write_file_atomically(staging.path() / kManifestNoteName, backup_note(text, sign ? &*key : nullptr),
                                    FileAccess::owner));
  if (options.last) FH_TRY_VOID(options.last());
  FH_TRY_VOID(staging.publish());
  return made;
}

Result<HomeKeys> keys_of_home(const fs::path& home) {
  FH_TRY(const auto all, files_of_home(home));
  HomeKeys out;
  for (const auto& [path, file] : all) {
    if (file.part != HomePart::secret && file.part != HomePart::subject) continue;
    auto bytes = read_file(file.path);
    if (!bytes && bytes.error().code == Errc::not_found) continue;  // a subject that was erased just now
    if (!bytes) return tl::unexpected(std::move(bytes).error());
    out.emplace(path, SecretText(std::move(*bytes)));
  }
  return out;
}

}  // namespace freehold::app
