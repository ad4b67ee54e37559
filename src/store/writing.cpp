#include "store/writing.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <set>
#include <string>

#include "base/file.h"
#include "base/file_mode.h"
#include "base/utf8.h"
#include "store/blob.h"
#include "store/tree.h"

namespace freehold::store {
namespace {

namespace fs = std::filesystem;

Result<> delete_entry(const fs::path& path) {
  int error = disk_fault_for_tests("unlink");
  std::error_code ec;
  if (error == 0) {
    fs::remove_all(path, ec);
    error = ec.value();
  }
  if (error != 0) {
    return fail(Errc::io, fmt::format("delete {}: {}", printable(path.string()), std::strerror(error)));
  }
  return {};
}

// Calls take(entry) for each entry of a folder; one that is not there has none.
Result<> each_entry(const fs::path& folder, const std::function<Result<>(const fs::directory_entry&)>& take) {
  std::error_code ec;
  for (fs::directory_iterator it(folder, ec), end; !ec && it != end; it.increment(ec)) FH_TRY_VOID(take(*it));
  if (ec && ec != std::errc::no_such_file_or_directory) {
    return fail(Errc::io, fmt::format("{}: {}", printable(folder.string()), ec.message()));
  }
  return {};
}

bool temporary(const fs::path& path) {
  return path.filename().string().starts_with(".tmp-");
}

// Below models/: temporary files go, and folders that became empty.
Result<> tidy_names(const fs::path& folder, int depth = 0) {
  if (depth > 100) return {};  // no name of ours is that deep
  const auto tidy = [&](const fs::directory_entry& entry) -> Result<> {
    std::error_code ec;
    if (!entry.is_directory(ec) || entry.is_symlink(ec)) {
      return temporary(entry.path()) ? delete_entry(entry.path()) : Result<>();
    }
    auto tidied = tidy_names(entry.path(), depth + 1);
    ::rmdir(entry.path().c_str());  // if it is empty
    return tidied;
  };
  return each_entry(folder, tidy);
}

// A blob's name, not a temporary file or something a user has put there.
bool is_blob(const std::string& name) {
  return name.starts_with("sha256-") && Digest::parse("sha256:" + name.substr(7)).has_value();
}

}  // namespace

Result<Store::Writing> Store::Writing::begin(const Store& store, const WriteOptions& options) {
  std::error_code ec;
  if (!fs::exists(store.home_, ec)) {
    FH_TRY_VOID(make_directories(store.home_));
    set_mode(store.home_, 0700);  // conversations and keys will live here as well
  }
  for (const char* folder : {"blobs", "models", "trees"}) FH_TRY_VOID(make_directories(store.home_ / folder));
  FH_TRY(Lock lock, Lock::take(store.home_, options.waiting));
  Writing writing(store, std::move(lock));
  (void)writing.sweep();  // rubbish that stays is no reason to refuse work
  return writing;
}

Store::Writing::~Writing() {
  if (store_ != nullptr && !finished_) (void)sweep();
}

Store::Writing::Writing(Writing&& other) noexcept
    : store_(std::exchange(other.store_, nullptr)), lock_(std::move(other.lock_)), finished_(other.finished_) {}

Result<std::uint64_t> Store::Writing::sweep() const {
  const fs::path& home = store_->home_;
  FH_TRY_VOID(tidy_names(home / "models"));
  const auto delete_temporary = [](const fs::directory_entry& entry) {
    return temporary(entry.path()) ? delete_entry(entry.path()) : Result<>();
  };
  FH_TRY_VOID(each_entry(home / "blobs", delete_temporary));
  FH_TRY_VOID(each_entry(home / "trees", delete_temporary));
  FH_TRY(std::vector<Listed> all, store_->list());
  std::set<std::string> blobs, trees;
  for (const Listed& listed : all) {
    if (!listed.manifest) return std::uint64_t{0};  // what it refers to is unknown: keep everything
    const ModelTuple& model = listed.manifest->model;
    const auto keep = [&](const StoredFile& file) {
      blobs.insert(blob_path("", file.digest).filename().string());
      blobs.insert(blob_path("", file.checks).filename().string());
    };
    for (const StoredFile& file : model.files) keep(file);
    if (listed.manifest->prepared) keep(*listed.manifest->prepared);
    if (model.needs_tree()) trees.insert(tree_path("", model).filename().string());
    if (!model.adapter) continue;
    const ModelTuple adapter = model.adapter_alone();
    for (const StoredFile& file : adapter.files) keep(file);
    if (adapter.needs_tree()) trees.insert(tree_path("", adapter).filename().string());
  }
  std::uint64_t freed = 0;
  const auto delete_blob = [&](const fs::directory_entry& entry) -> Result<> {
    const std::string name = entry.path().filename().string();
    if (!is_blob(name) || blobs.contains(name)) return {};
    std::error_code ec;
    const std::uint64_t size = entry.file_size(ec);
    auto deleted = delete_entry(entry.path());
    if (deleted && !ec) freed += size;
    return deleted;
  };
  const auto delete_tree = [&](const fs::directory_entry& entry) -> Result<> {
    const std::string name = entry.path().filename().string();
    if (!Digest::parse("sha256:" + name) || trees.contains(name)) return {};
    return delete_entry(entry.path());
  };
  FH_TRY_VOID(each_entry(home / "blobs", delete_blob));
  FH_TRY_VOID(each_entry(home / "trees", delete_tree));
  return freed;
}

}  // namespace freehold::store
