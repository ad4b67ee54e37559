#include "app/backup/staging.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <utility>

#include "base/file.h"
#include "base/random_id.h"
#include "base/utf8.h"

namespace freehold::app {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kMarker = "unfinished";  // a file in it as long as it is

Unexpected staging_refused(std::string_view what, const fs::path& path, int error) {
  return fail(error == ENOSPC || error == EDQUOT ? Errc::exhausted : Errc::io,
              fmt::format("cannot {} {}: {}", what, printable(path.string()), std::strerror(error)));
}

std::string staging_prefix(const fs::path& final_path) {
  return fmt::format(".{}.unfinished-", final_path.filename().string());
}

// What killed processes have left: with the marker, and with nobody who holds its lock.
void clear_abandoned(const fs::path& final_path) {
  std::error_code ec;
  const std::string prefix = staging_prefix(final_path);
  for (fs::directory_iterator it(final_path.parent_path(), ec), end; !ec && it != end; it.increment(ec)) {
    std::error_code ignored;
    if (!it->path().filename().string().starts_with(prefix) || !fs::exists(it->path() / kMarker, ignored)) continue;
    auto lock = FolderLock::open(it->path(), FolderLock::Mode::exclusive);
    if (!lock) continue;
    const auto taken = lock->take(0);
    if (taken && *taken) fs::remove_all(it->path(), ignored);
  }
}

Result<> rename_folder(const fs::path& from, const fs::path& to, unsigned flags) {
  int error = disk_fault_for_tests("rename");
  if (error == 0 && ::renameat2(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), flags) != 0) error = errno;
  if (error == 0) return {};
  if (error == EXDEV || error == EBUSY) {
    return fail(Errc::io, fmt::format("{} is where a disk is mounted, and is not replaced as a whole: name a folder in "
                                      "it",
                                      printable(to.string())));
  }
  if (error == EINVAL || error == ENOSYS) {
    return fail(Errc::unsupported, fmt::format("the file system of {} cannot exchange two folders in one step: move it "
                                               "away first",
                                               printable(to.string())));
  }
  return staging_refused("rename to", to, error);
}

}  // namespace

bool nothing_at(const fs::path& path) {
  std::error_code ec;
  const auto status = fs::symlink_status(path, ec);
  if (status.type() == fs::file_type::not_found) return true;
  return status.type() == fs::file_type::directory && fs::is_empty(path, ec) && !ec;
}

StagingFolder::StagingFolder(fs::path path, fs::path final_path, FolderLock lock)
    : path_(std::move(path)), final_path_(std::move(final_path)), lock_(std::move(lock)) {}
StagingFolder::StagingFolder(StagingFolder&& other) noexcept
    : path_(std::exchange(other.path_, {})), final_path_(std::move(other.final_path_)), lock_(std::move(other.lock_)) {}

StagingFolder::~StagingFolder() {
  std::error_code ec;
  if (!path_.empty()) fs::remove_all(path_, ec);
}

Result<StagingFolder> StagingFolder::create(const fs::path& wanted) {
  std::error_code ec;
  fs::path final_path = fs::absolute(wanted, ec).lexically_normal();
  if (!final_path.has_filename()) final_path = final_path.parent_path();
  if (ec || !final_path.has_filename() || final_path == final_path.root_path()) {
    return fail(Errc::invalid, fmt::format("'{}' is no name of a folder", printable(wanted.string())));
  }
  FH_TRY_VOID(make_directories(final_path.parent_path()));
  clear_abandoned(final_path);
  const fs::path path = final_path.parent_path() / (staging_prefix(final_path) + random_id());
  int error = disk_fault_for_tests("open");
  if (error == 0 && ::mkdir(path.c_str(), 0700) != 0) error = errno;
  if (error != 0) return staging_refused("create the folder", path, error);
  // Nobody takes it for abandoned: the marker comes after the lock.
  auto lock = FolderLock::open(path, FolderLock::Mode::exclusive);
  if (!lock) {
    fs::remove_all(path, ec);
    return tl::unexpected(std::move(lock).error());
  }
  StagingFolder out(path, std::move(final_path), std::move(*lock));
  FH_TRY(const bool taken, out.lock_.take(0));
  if (!taken) return fail(Errc::internal, "the lock of a folder that was just made is held");
  FH_TRY_VOID(write_file_atomically(path / kMarker, "", FileAccess::owner));
  return out;
}

// Everything in it is on the disk before its name changes.
Result<> StagingFolder::complete() {
  std::error_code ec;
  for (fs::recursive_directory_iterator it(path_, ec), end; !ec && it != end; it.increment(ec)) {
    if (it->is_directory(ec) && !it->is_symlink(ec)) FH_TRY_VOID(sync_folder(it->path()));
  }
  if (ec) return staging_refused("read", path_, ec.value());
  FH_TRY_VOID(remove_file(path_ / kMarker));
  return remove_file(lock_.path());  // it has done its work: who clears away asks for the marker first
}

Result<> StagingFolder::publish() {
  if (!nothing_at(final_path_)) {
    return fail(Errc::invalid, fmt::format("{} is there, with something in it", printable(final_path_.string())));
  }
  FH_TRY_VOID(complete());
  FH_TRY_VOID(rename_folder(path_, final_path_, 0));
  path_.clear();
  return sync_folder(final_path_.parent_path());
}

Result<fs::path> StagingFolder::publish_in_place_of_old() {
  FH_TRY_VOID(complete());
  FH_TRY_VOID(rename_folder(path_, final_path_, RENAME_EXCHANGE));
  // From here on it is the old one that has our name, and it is not ours to delete.
  const fs::path old = std::exchange(path_, {});
  FH_TRY_VOID(sync_folder(final_path_.parent_path()));
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  const fs::path aside =
      final_path_.parent_path() / fmt::format("{}.replaced-{}", final_path_.filename().string(),
                                              std::chrono::duration_cast<std::chrono::seconds>(now).count());
  FH_TRY_VOID(rename_folder(old, aside, RENAME_NOREPLACE));
  FH_TRY_VOID(sync_folder(final_path_.parent_path()));
  return aside;
}

}  // namespace freehold::app
