#include "store/tree.h"

#include <fmt/format.h>
#include <stdlib.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string>

#include "base/file.h"
#include "base/utf8.h"
#include "store/blob.h"

namespace freehold::store {
namespace {

namespace fs = std::filesystem;

Unexpected refused_here(std::string_view what, const fs::path& path, int error) {
  return fail(error == ENOSPC ? Errc::exhausted : Errc::io,
              fmt::format("{} {}: {}", what, printable(path.string()), std::strerror(error)));
}

fs::path link_target(const StoredFile& file) {
  return fs::path("../..") / blob_path("", file.digest);
}

Result<> fill(const fs::path& folder, const ModelTuple& model) {
  for (const StoredFile& file : model.files) {
    const fs::path link = folder / file.name;
    int error = disk_fault_for_tests("symlink");
    if (error == 0 && ::symlink(link_target(file).c_str(), link.c_str()) != 0) error = errno;
    if (error != 0) return refused_here("link", link, error);
  }
  return sync_folder(folder);
}

}  // namespace

fs::path tree_path(const fs::path& home, const ModelTuple& model) {
  return home / "trees" / model.tree().hex();
}

fs::path run_path(const fs::path& home, const ModelTuple& model) {
  if (!model.needs_tree()) return blob_path(home, model.files.front().digest);
  const fs::path tree = tree_path(home, model);
  return model.kind == Kind::gguf ? tree / model.files.front().name : tree;
}

Result<> make_tree(const fs::path& home, const ModelTuple& model) {
  if (check_tree(home, model)) return {};
  const fs::path place = tree_path(home, model);
  std::string temporary = (home / "trees" / ".tmp-XXXXXX").string();
  int error = disk_fault_for_tests("mkdir");
  if (error == 0 && ::mkdtemp(temporary.data()) == nullptr) error = errno;
  if (error != 0) return refused_here("create a folder in", home / "trees", error);
  auto made = fill(temporary, model);
  std::error_code ec;
  if (made) {
    fs::remove_all(place, ec);
    error = disk_fault_for_tests("rename");
    if (error == 0 && ::rename(temporary.c_str(), place.c_str()) != 0) error = errno;
    made = error != 0 ? Result<>(refused_here("rename to", place, error)) : sync_folder(home / "trees");
  }
  if (!made) fs::remove_all(temporary, ec);
  return made;
}

Result<> check_tree(const fs::path& home, const ModelTuple& model) {
  const fs::path place = tree_path(home, model);
  for (const StoredFile& file : model.files) {
    std::error_code ec;
    const fs::path target = fs::read_symlink(place / file.name, ec);
    if (ec || target != link_target(file)) {
      return fail(Errc::corrupt, fmt::format("{} does not lead to its blob: import the model again",
                                             printable((place / file.name).string())));
    }
  }
  return {};
}

}  // namespace freehold::store
