#include "app/backup/restore.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "app/audit/act.h"
#include "app/backup/home_files.h"
#include "app/backup/staging.h"
#include "app/serve/own_folder.h"
#include "audit/folder.h"
#include "base/disk_space.h"
#include "base/file.h"
#include "base/file_mode.h"
#include "base/utf8.h"

namespace freehold::app {
namespace {

namespace fs = std::filesystem;

// A server, or a command that writes models, would go on in a folder that is no home any more.
Result<> nobody_works_in(const fs::path& home) {
  FH_TRY(bool works, is_served(home));
  std::error_code ec;
  if (!works && fs::exists(home / "lock", ec)) {
    FH_TRY(FolderLock store, FolderLock::open(home, FolderLock::Mode::exclusive));
    FH_TRY(const bool alone, store.take(0));
    works = !alone;
  }
  if (!works) return {};
  return fail(Errc::invalid, fmt::format("somebody works in {}: stop the server first", printable(home.string())));
}

// That the keys are of the log that is restored: with another one it could not be continued.
Result<> check_keys(const HomeKeys& keys, const BackupManifest& m) {
  const auto found = keys.find("audit/key");
  if (m.log_key.empty() || found == keys.end()) return {};
  FH_TRY(const auto key, audit::SigningKey::parse(found->second.text()));
  if (key.verifier().text() == m.log_key) return {};
  return fail(Errc::invalid,
              fmt::format("these keys are of another home: the log of the backup is of {}, and theirs is {}",
                          m.log_key.substr(0, m.log_key.find('+')), key.verifier().name()));
}

Result<> put_file(const fs::path& backup, const fs::path& home, const BackupManifest::File& file,
                  const CopyProgress& progress) {
  const fs::path from = backup / kBackupData / file.path;
  const auto damaged = [&](std::string_view why) {
    return fail(Errc::corrupt, fmt::format("{} is not what was written ({}): nothing was restored; freehold backup "
                                           "verify names all that is damaged",
                                           printable(from.string()), why));
  };
  std::error_code ec;
  if (fs::is_symlink(fs::symlink_status(from, ec))) return damaged("a link");
  auto copied = copy_file_hashed(from, home / file.path, progress);
  if (!copied && copied.error().code == Errc::not_found) return damaged("it is missing");
  if (!copied) return tl::unexpected(std::move(copied).error());
  if (copied->size != file.size) return damaged(fmt::format("{} bytes, not {}", copied->size, file.size));
  if (copied->digest != file.digest) return damaged("its digest");
  return {};
}

Result<> put_link(const fs::path& home, const BackupManifest::Link& link) {
  const fs::path path = home / link.path;
  FH_TRY_VOID(make_directories(path.parent_path()));
  int error = disk_fault_for_tests("symlink");
  if (error == 0 && ::symlink(link.target.c_str(), path.c_str()) != 0) error = errno;
  if (error == 0) return {};
  return fail(Errc::io, fmt::format("link {}: {}", printable(path.string()), std::strerror(error)));
}

// Of those that the manifest has and does not have: whoever made the file of keys had more, or fewer, subjects.
Result<> put_keys(const fs::path& home, const HomeKeys& keys) {
  for (const auto& [path, bytes] : keys) {
    const HomePart part = part_by_name(path);
    if (part == HomePart::left_out || part == HomePart::log) {
      return fail(Errc::corrupt, fmt::format("the file of keys has '{}', which is no key", printable(path, 200)));
    }
    std::error_code ec;
    if (fs::exists(home / path, ec)) {
      return fail(Errc::corrupt, fmt::format("the file of keys has '{}', which the backup has", printable(path, 200)));
    }
    FH_TRY_VOID(make_directories((home / path).parent_path()));
    FH_TRY_VOID(write_file_atomically(home / path, bytes.text(), FileAccess::owner));
  }
  return {};
}

// As those who make them do.
void close_folders(const fs::path& home) {
  for (const std::string_view name : {"audit", "content", "content/subjects", "keys", "tls"}) {
    std::error_code ec;
    if (fs::is_directory(home / name, ec)) set_mode(home / name, 0700);
  }
}

std::uint64_t subject_keys_in(const HomeKeys* keys) {
  if (keys == nullptr) return 0;
  return static_cast<std::uint64_t>(std::count_if(
      keys->begin(), keys->end(), [](const auto& one) { return part_by_name(one.first) == HomePart::subject; }));
}

}  // namespace

Result<Restored> restore_backup(const fs::path& backup, const ReadBackup& read, const fs::path& home,
                                const RestoreOptions& options) {
  const BackupManifest& m = read.manifest;
  const bool fresh = nothing_at(home);
  if (!fresh && !options.replace) {
    return fail(Errc::invalid, fmt::format("{} is there, with something in it", printable(home.string())));
  }
  std::error_code ec;
  if (!fresh && !fs::is_directory(fs::symlink_status(home, ec))) {
    return fail(Errc::invalid, fmt::format("{} is no folder", printable(home.string())));
  }
  if (!fresh) FH_TRY_VOID(nobody_works_in(home));
  if (options.keys != nullptr) FH_TRY_VOID(check_keys(*options.keys, m));
  FH_TRY_VOID(expect_space(home, m.bytes(), "the backup has"));
  FH_TRY(StagingFolder staging, StagingFolder::create(home));
  for (const auto& file : m.files) FH_TRY_VOID(put_file(backup, staging.path(), file, options.progress));
  for (const auto& link : m.links) FH_TRY_VOID(put_link(staging.path(), link));
  if (options.keys != nullptr) FH_TRY_VOID(put_keys(staging.path(), *options.keys));
  close_folders(staging.path());
  FH_TRY_VOID(check_restored_log(staging.path(), m));
  Restored out;
  const std::uint64_t subjects = subject_keys_in(options.keys);
  out.subjects_without_key = m.subject_keys > subjects ? m.subject_keys - subjects : 0;
  // Without its key a log cannot be continued; where there was none, one begins.
  if (m.log_key.empty() || fs::exists(audit::Files{audit::audit_folder(staging.path())}.key(), ec)) {
    FH_TRY_VOID(record_act_in(staging.path(), "backup.restore", read.digest.name(),
                              audit::Object()
                                  .add("made", m.made)
                                  .add("files", std::uint64_t{m.files.size()})
                                  .add("keys", options.keys != nullptr)
                                  .add("replaced", !fresh)));
    out.recorded = true;
  }
  if (fresh) {
    FH_TRY_VOID(staging.publish());
  } else {
    FH_TRY_VOID(nobody_works_in(home));  // again: copying takes long
    FH_TRY(out.aside, staging.publish_in_place_of_old());
  }
  return out;
}

}  // namespace freehold::app
