#include "app/serve/own_folder.h"

#include <fmt/format.h>

#include "base/utf8.h"

namespace freehold::app {

Result<FolderLock> own_folder(const std::filesystem::path& folder, std::string_view what) {
  FH_TRY(FolderLock lock, FolderLock::open(folder, FolderLock::Mode::exclusive));
  FH_TRY(const bool taken, lock.take(0));
  if (taken) return lock;
  return fail(Errc::io, fmt::format("another freehold serve holds {} in {}", what, printable(folder.string())));
}

}  // namespace freehold::app
