// Writing and reading blobs: files named by the SHA-256 of their content, blobs/sha256-<64 hexadecimal digits>. They
// are never changed; a blob is hashed before it gets its name.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>

#include "base/file.h"
#include "base/hash.h"
#include "base/result.h"
#include "store/pieces.h"

namespace freehold::store {

struct Blob {
  Digest digest;
  Digest checks;  // of the blob that holds the piece checks
  std::uint64_t size = 0;
};

// The name is made from a digest only, never from text (SECURITY: T9).
std::filesystem::path blob_path(const std::filesystem::path& home, const Digest& digest);

// A new blob whose content arrives in order. Destroyed without commit, nothing is left behind.
class BlobWriter {
 public:
  static Result<BlobWriter> create(const std::filesystem::path& home);

  Result<> write(Bytes bytes);
  // Writes the checks, then gives the file its name (and replaces one of the same name: it has the same content, unless
  // it was damaged).
  Result<Blob> commit();

 private:
  friend Result<Blob> copy_to_blob(const std::filesystem::path&, InputFile,
                                   const std::function<Result<>(std::uint64_t)>&);
  explicit BlobWriter(std::filesystem::path home, AtomicFile file) : home_(std::move(home)), file_(std::move(file)) {}
  void observe(Bytes bytes);
  std::filesystem::path home_;
  AtomicFile file_;
  Sha256 hash_;
  PieceChecker checks_;
  std::uint64_t size_ = 0;
};

// Copies a file (or shares its blocks, where the file system can) and hashes it in the same pass. `done` is told the
// bytes done so far and may cancel.
Result<Blob> copy_to_blob(const std::filesystem::path& home, InputFile source,
                          const std::function<Result<>(std::uint64_t)>& done);

struct HashedFile {
  Digest digest;
  std::uint64_t size = 0;
  std::string checks;  // the list
};
Result<HashedFile> hash_file(const std::filesystem::path& path, const std::function<Result<>(std::uint64_t)>& done);

}  // namespace freehold::store
