#include "store/blob.h"

#include <utility>
#include <vector>

namespace freehold::store {
namespace {

constexpr std::size_t kBuffer = std::size_t{1} << 20;

// Feeds a file's bytes to `take` in order.
Result<std::uint64_t> read_all(InputFile& file, const std::function<Result<>(Bytes)>& take,
                               const std::function<Result<>(std::uint64_t)>& done) {
  std::vector<std::byte> buffer(kBuffer);
  std::uint64_t total = 0;
  while (true) {
    FH_TRY(std::size_t n, file.read(buffer));
    if (n == 0) return total;
    FH_TRY_VOID(take(Bytes(buffer).first(n)));
    total += n;
    FH_TRY_VOID(done(total));
  }
}

}  // namespace

std::filesystem::path blob_path(const std::filesystem::path& home, const Digest& digest) {
  return home / "blobs" / ("sha256-" + digest.hex());
}

Result<BlobWriter> BlobWriter::create(const std::filesystem::path& home) {
  FH_TRY(AtomicFile file, AtomicFile::create(home / "blobs" / "new"));
  return BlobWriter(home, std::move(file));
}

void BlobWriter::observe(Bytes bytes) {
  hash_.update(bytes);
  checks_.update(bytes);
  size_ += bytes.size();
}

Result<> BlobWriter::write(Bytes bytes) {
  observe(bytes);
  return file_.write(bytes);
}

Result<Blob> BlobWriter::commit() {
  const std::string checks = checks_.finish();
  Blob blob{.digest = hash_.finish(), .checks = sha256(checks), .size = size_};
  FH_TRY_VOID(write_file_atomically(blob_path(home_, blob.checks), checks));
  FH_TRY_VOID(file_.commit_as(blob_path(home_, blob.digest)));
  return blob;
}

Result<Blob> copy_to_blob(const std::filesystem::path& home, InputFile source,
                          const std::function<Result<>(std::uint64_t)>& done) {
  FH_TRY(BlobWriter writer, BlobWriter::create(home));
  FH_TRY(bool shared, writer.file_.clone(source));
  if (shared) {
    // What we own is hashed, not the source, which may change meanwhile.
    FH_TRY(InputFile own, InputFile::open(writer.file_.temporary()));
    auto observe = [&](Bytes bytes) -> Result<> {
      writer.observe(bytes);
      return {};
    };
    FH_TRY(std::uint64_t total, read_all(own, observe, done));
    (void)total;
  } else {
    FH_TRY(std::uint64_t total, read_all(
                                    source, [&](Bytes bytes) { return writer.write(bytes); }, done));
    (void)total;
  }
  return writer.commit();
}

Result<HashedFile> hash_file(const std::filesystem::path& path, const std::function<Result<>(std::uint64_t)>& done) {
  FH_TRY(InputFile file, InputFile::open(path));
  Sha256 hash;
  PieceChecker checks;
  auto observe = [&](Bytes bytes) -> Result<> {
    hash.update(bytes);
    checks.update(bytes);
    return {};
  };
  HashedFile out;
  FH_TRY(out.size, read_all(file, observe, done));
  out.digest = hash.finish();
  out.checks = checks.finish();
  return out;
}

}  // namespace freehold::store
