#include "app/backup/copy_file.h"

#include <algorithm>
#include <vector>

#include "base/file.h"

namespace freehold::app {
namespace {

constexpr std::size_t kCopyBuffer = std::size_t{1} << 20;

// Reads on, hashing; `take`, if it is there, gets the bytes.
Result<CopiedFile> read_hashed(InputFile& file, const CopyProgress& progress, std::uint64_t limit,
                               const std::function<Result<>(Bytes)>& take) {
  std::vector<std::byte> buffer(static_cast<std::size_t>(std::min<std::uint64_t>(limit, kCopyBuffer)));
  Sha256 hash;
  CopiedFile out;
  while (out.size < limit) {
    const auto want = static_cast<std::size_t>(std::min<std::uint64_t>(limit - out.size, buffer.size()));
    FH_TRY(const std::size_t n, file.read(std::span(buffer).first(want)));
    if (n == 0) break;
    const Bytes bytes = Bytes(buffer).first(n);
    hash.update(bytes);
    out.size += n;
    if (take) FH_TRY_VOID(take(bytes));
    if (progress) FH_TRY_VOID(progress(n));
  }
  out.digest = hash.finish();
  return out;
}

}  // namespace

Result<CopiedFile> copy_file_hashed(const std::filesystem::path& from, const std::filesystem::path& to,
                                    const CopyProgress& progress, std::uint64_t limit) {
  FH_TRY(InputFile source, InputFile::open(from));
  FH_TRY_VOID(make_directories(to.parent_path()));
  FH_TRY(AtomicFile copy, AtomicFile::create(to, FileAccess::owner));
  CopiedFile out;
  FH_TRY(const bool shared, limit < source.size() ? Result<bool>(false) : copy.clone(source));
  if (shared) {  // what we own is hashed, not the source, which may change meanwhile
    FH_TRY(InputFile own, InputFile::open(copy.temporary()));
    FH_TRY(out, read_hashed(own, progress, std::numeric_limits<std::uint64_t>::max(), {}));
  } else {
    FH_TRY(out, read_hashed(source, progress, limit, [&](Bytes bytes) { return copy.write(bytes); }));
  }
  FH_TRY_VOID(copy.commit());
  return out;
}

Result<CopiedFile> hash_of_file(const std::filesystem::path& path, const CopyProgress& progress) {
  FH_TRY(InputFile file, InputFile::open(path));
  return read_hashed(file, progress, std::numeric_limits<std::uint64_t>::max(), {});
}

}  // namespace freehold::app
