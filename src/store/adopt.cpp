// Taking in files that were fetched: their content gets its place among the blobs by a second name for the same file,
// so that a model of many gigabytes is neither copied nor lost when it is refused.
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "base/file.h"
#include "base/utf8.h"
#include "store/blob.h"
#include "store/store.h"
#include "store/writing.h"

namespace freehold::store {
namespace {

namespace fs = std::filesystem;

Unexpected refused(std::string_view what, const fs::path& path, int error) {
  return fail(error == ENOSPC || error == EDQUOT ? Errc::exhausted : Errc::io,
              fmt::format("{} {}: {}", what, printable(path.string()), std::strerror(error)));
}

// Where a file system has no second names.
Result<> copy(const fs::path& home, const Arrived& arrived) {
  FH_TRY(InputFile source, InputFile::open(arrived.path));
  FH_TRY(Blob blob, copy_to_blob(home, std::move(source), [](std::uint64_t) { return Result<>(); }));
  if (blob.digest == arrived.file.digest) return {};
  return fail(Errc::corrupt, fmt::format("{} changed while it was taken in", printable(arrived.path.string())));
}

// Gives the file its name as a blob, replacing one of that name (which has the same content, unless it is damaged).
Result<> link_blob(const fs::path& home, const Arrived& arrived) {
  const fs::path blob = blob_path(home, arrived.file.digest);
  const fs::path temporary = home / "blobs" / fmt::format(".tmp-{}", blob.filename().string());
  std::error_code ec;
  fs::remove(temporary, ec);
  int error = disk_fault_for_tests("link");
  if (error == 0 && ::link(arrived.path.c_str(), temporary.c_str()) != 0) error = errno;
  if (error == EPERM || error == EXDEV || error == EMLINK || error == EOPNOTSUPP || error == ENOSYS) {
    return copy(home, arrived);
  }
  if (error != 0) return refused("link", arrived.path, error);
  // Of two names for one file, renaming one to the other does nothing: the temporary one would stay.
  if (fs::equivalent(temporary, blob, ec) && !ec) {
    fs::remove(temporary, ec);
    return {};
  }
  error = disk_fault_for_tests("rename");
  if (error == 0 && ::rename(temporary.c_str(), blob.c_str()) != 0) error = errno;
  if (error != 0) return refused("rename to", blob, error);
  return {};
}

}  // namespace

Result<std::optional<StoredFile>> Store::find_file(const Digest& digest) const {
  FH_TRY(std::vector<Listed> all, list());
  for (const Listed& listed : all) {
    if (!listed.manifest) continue;
    for (const StoredFile& file : listed.manifest->model.files) {
      std::error_code ec;
      if (file.digest == digest && fs::file_size(blob_path(home_, digest), ec) == file.size && !ec) {
        return std::optional(file);
      }
    }
  }
  return std::optional<StoredFile>();
}

Result<Imported> Store::adopt(const ModelName& name, Kind kind, const std::vector<Arrived>& files, Defaults defaults,
                              Pulled pulled, const WriteOptions& options) const {
  FH_TRY(Writing writing, Writing::begin(*this, options));
  ModelTuple model;
  model.kind = kind;
  model.defaults = std::move(defaults);
  for (const Arrived& arrived : files) {
    const StoredFile& file = arrived.file;
    if (!plain_file_name(file.name)) {
      return fail(Errc::corrupt, fmt::format("'{}' is not a plain file name", printable(file.name)));
    }
    if (arrived.path.empty()) {
      std::error_code ec;
      if (fs::file_size(blob_path(home_, file.digest), ec) != file.size || ec) {
        return fail(Errc::not_found, fmt::format("{} was removed from the store meanwhile: start again", file.name));
      }
    } else {
      FH_TRY_VOID(write_file_atomically(blob_path(home_, file.checks), arrived.checks));
      FH_TRY_VOID(link_blob(home_, arrived));
    }
    model.files.push_back(file);
  }
  FH_TRY_VOID(sync_folder(home_ / "blobs"));
  Provenance origin;
  origin.source = pulled.address + "/" + pulled.reference;
  origin.pulled = std::move(pulled);
  FH_TRY(Imported done, publish(name, std::move(model), std::move(origin), options, true));
  writing.finish();
  return done;
}

}  // namespace freehold::store
