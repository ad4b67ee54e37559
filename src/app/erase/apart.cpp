#include "app/erase/apart.h"

namespace freehold::app {
namespace {

constexpr double kPatience = 600;

std::filesystem::path lock_folder(const std::filesystem::path& home) {
  return home / "holds" / "backups";
}

}  // namespace

Result<FolderLock> no_backup(const std::filesystem::path& home, const std::function<void()>& waiting) {
  return taken_folder_lock(lock_folder(home), FolderLock::Mode::exclusive, kPatience, waiting);
}

Result<FolderLock> no_erasure(const std::filesystem::path& home, const std::function<void()>& waiting) {
  return taken_folder_lock(lock_folder(home), FolderLock::Mode::shared, kPatience, waiting);
}

}  // namespace freehold::app
