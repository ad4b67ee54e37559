// The files of $FREEHOLD_HOME/audit (docs/formats/audit.md):
//
//     key, key.pub        the signing key (mode 0600) and its public half
//     entries-NNNNNNNNNNNN  segments: the log itself; the name says the number of the first entry
//     checkpoint          a copy of the latest checkpoint, for mirrors; at most a second old
//     tree/level-00, -08, -16, -24   hashes of the full subtrees of 2^level entries, in order, 32 bytes each
//     tree/index          where each entry's record begins in its segment, 8 bytes each, little-endian
//     lock                held by who writes
//
// What is in tree/ can be made again from the segments.
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "audit/disk.h"
#include "audit/merkle.h"
#include "base/file.h"
#include "base/result.h"

namespace freehold::audit {

std::filesystem::path audit_folder(const std::filesystem::path& home);

struct Files {
  std::filesystem::path folder;
  std::filesystem::path key() const { return folder / "key"; }
  std::filesystem::path public_key() const { return folder / "key.pub"; }
  std::filesystem::path checkpoint() const { return folder / "checkpoint"; }
  std::filesystem::path segment(std::uint64_t first) const;
  std::filesystem::path level(unsigned level) const;
  std::filesystem::path index() const { return folder / "tree" / "index"; }
};

struct Segment {
  std::uint64_t first = 0;
  std::filesystem::path path;
};
// In order. Error: io; not_found if there is no such folder.
Result<std::vector<Segment>> list_segments(const Files& files);

inline constexpr std::array<unsigned, 4> kLevels = {0, 8, 16, 24};

// tree/, as its writer sees it.
class LevelWriter {
 public:
  static Result<LevelWriter> open(const Files& files);
  // What is added next is of entry number `size`, whatever is there from that one on.
  void seek(std::uint64_t size);
  // Of the entry after those that are there; then of the subtrees that it completes. Buffered.
  void add(const Hash& leaf, std::uint64_t offset);
  void add_full(unsigned level, const Hash& hash);
  Result<> write();
  // Cuts off what is behind the last that was written. Only then: readers have these files mapped.
  Result<> trim();
  Result<> sync();

 private:
  struct File {
    Fd fd;
    std::filesystem::path path;
    std::uint64_t size = 0;  // where the buffer goes
    std::string buffer;
  };
  std::vector<File> levels_;
  File index_;
};

// tree/, as its readers see it. What is missing or short is an error of the lookup (corrupt), not of open.
class LevelReader {
 public:
  static Result<LevelReader> open(const Files& files);
  Result<Hash> subtree(unsigned level, std::uint64_t index) const;
  Result<std::uint64_t> offset(std::uint64_t entry) const;
  Subtree lookup() const {
    return [this](unsigned level, std::uint64_t index) { return subtree(level, index); };
  }
  // What tree/ lacks of the end of the log, since its writer was killed before it came to it: the entries from `first`
  // on, which is not behind what is there.
  void complete(std::uint64_t first, std::vector<Hash> leaves, std::vector<std::uint64_t> offsets);
  std::uint64_t entries() const;  // of which all is there
  Bytes level_bytes(std::size_t i) const { return maps_[i].bytes(); }
  Bytes index_bytes() const { return index_.bytes(); }

 private:
  std::array<MappedFile, kLevels.size()> maps_;
  MappedFile index_;
  std::uint64_t first_ = 0;  // of those that were missing
  std::vector<Hash> leaves_;
  std::vector<std::uint64_t> offsets_;
};

}  // namespace freehold::audit
