#include "app/serve/own_folder.h"

#include <fmt/format.h>

#include "base/file.h"
#include "base/utf8.h"

namespace freehold::app {
namespace {

constexpr const char* kServers = "servers";  // a folder that holds the lock and nothing else
constexpr double kServersPatience = 5;

}  // namespace

Result<FolderLock> own_folder(const std::filesystem::path& folder, std::string_view what) {
  FH_TRY(FolderLock lock, FolderLock::open(folder, FolderLock::Mode::exclusive));
  FH_TRY(const bool taken, lock.take(0));
  if (taken) return lock;
  return fail(Errc::io, fmt::format("another freehold serve holds {} in {}", what, printable(folder.string())));
}

Result<FolderLock> serve_from(const std::filesystem::path& home) {
  const std::filesystem::path folder = home / kServers;
  FH_TRY_VOID(make_directories(folder));
  FH_TRY(const FolderLock made, FolderLock::open(folder, FolderLock::Mode::exclusive));  // makes the file
  FH_TRY(FolderLock lock, FolderLock::open(folder, FolderLock::Mode::shared));
  FH_TRY(const bool taken, lock.take(kServersPatience));
  if (taken) return lock;
  return fail(Errc::io, fmt::format("{} is being replaced by another process", printable(home.string())));
}

Result<bool> is_served(const std::filesystem::path& home) {
  std::error_code ec;
  if (!std::filesystem::exists(home / kServers / "lock", ec)) return false;
  FH_TRY(FolderLock lock, FolderLock::open(home / kServers, FolderLock::Mode::exclusive));
  FH_TRY(const bool alone, lock.take(0));
  return !alone;
}

}  // namespace freehold::app
