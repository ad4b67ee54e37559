// A file that is being fetched: $FREEHOLD_HOME/pulls/<SHA-256 it must have>.part, with what it is beside it (….json).
// Whatever ends a fetch, what had arrived is there for the next one, which hashes it again before it goes on.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "base/file.h"
#include "base/hash.h"
#include "base/result.h"
#include "store/pieces.h"

namespace freehold::pull {

class PartFile {
 public:
  // Opens or makes it, for this holder alone: as long as another one (of this process or not) has it, `waiting` is
  // called several times a second; false ends the wait with Errc::cancelled.
  static Result<PartFile> open(const std::filesystem::path& folder, const Digest& digest,
                               const std::function<bool()>& waiting);
  PartFile(PartFile&& other) noexcept;
  PartFile& operator=(PartFile&&) = delete;
  ~PartFile();

  // Hashes what is there, but no more than `most` bytes, which are all that stay. `done` is told how far it is.
  Result<> resume(std::uint64_t most, const std::function<Result<>(std::uint64_t)>& done);
  std::uint64_t size() const { return size_; }
  // Errors: exhausted (the disk is full), io. What was there before stays.
  Result<> append(Bytes bytes);
  // Empties it.
  Result<> restart();
  // Puts on disk what it is, for people who find it.
  Result<> describe(std::string_view json) const;

  struct Whole {
    Digest digest;
    std::string checks;  // the list of store/pieces.h
  };
  // Synced. Nothing may be appended afterwards, unless it is emptied.
  Result<Whole> finish();
  const std::filesystem::path& path() const { return path_; }
  // Deletes it and its description.
  void remove();

 private:
  PartFile(std::filesystem::path path, int fd) : path_(std::move(path)), fd_(fd) {}
  std::filesystem::path description() const;
  std::filesystem::path path_;
  int fd_ = -1;
  std::uint64_t size_ = 0;
  Sha256 hash_;
  store::PieceChecker checks_;
};

// Deletes parts that nobody has touched for `days`.
void forget_old_parts(const std::filesystem::path& folder, int days);

}  // namespace freehold::pull
