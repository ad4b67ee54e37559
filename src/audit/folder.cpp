#include "audit/folder.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <charconv>
#include <cstring>

#include "base/utf8.h"

namespace freehold::audit {
namespace fs = std::filesystem;

namespace {

constexpr std::string_view kPrefix = "entries-";
static_assert(std::endian::native == std::endian::little, "tree/index is written as it is in memory");

std::string_view bytes_of(const Hash& hash) {
  return as_text(hash.bytes);
}

// A file that is not there yet is as good as an empty one.
Result<MappedFile> map_if_there(const fs::path& path) {
  auto map = MappedFile::open(path);
  if (!map && map.error().code == Errc::not_found) return MappedFile();
  return map;
}

}  // namespace

fs::path audit_folder(const fs::path& home) {
  return home / "audit";
}

fs::path Files::segment(std::uint64_t first) const {
  return folder / fmt::format("{}{:012}", kPrefix, first);
}

fs::path Files::level(unsigned level) const {
  return folder / "tree" / fmt::format("level-{:02}", level);
}

Result<std::vector<Segment>> list_segments(const Files& files) {
  std::vector<Segment> out;
  std::error_code ec;
  for (fs::directory_iterator it(files.folder, ec), end; !ec && it != end; it.increment(ec)) {
    const std::string name = it->path().filename().string();
    if (!name.starts_with(kPrefix)) continue;
    Segment segment{0, it->path()};
    const char* const last = name.data() + name.size();
    const auto [at, error] = std::from_chars(name.data() + kPrefix.size(), last, segment.first);
    if (error != std::errc() || at != last || files.segment(segment.first) != segment.path) {
      return fail(Errc::corrupt, fmt::format("{} is no name of a segment", printable(it->path().string())));
    }
    out.push_back(std::move(segment));
  }
  if (ec == std::errc::no_such_file_or_directory) {
    return fail(Errc::not_found, fmt::format("there is no audit log in {}", printable(files.folder.string())));
  }
  if (ec) return fail(Errc::io, fmt::format("cannot list {}: {}", printable(files.folder.string()), ec.message()));
  std::sort(out.begin(), out.end(), [](const Segment& a, const Segment& b) { return a.first < b.first; });
  return out;
}

Result<LevelWriter> LevelWriter::open(const Files& files) {
  FH_TRY_VOID(make_directories(files.folder / "tree"));
  LevelWriter out;
  const auto file = [](const fs::path& path) -> Result<File> {
    FH_TRY(Fd fd, open_file(path, Make::if_missing));
    FH_TRY(const std::uint64_t size, size_of(fd, path));
    return File{std::move(fd), path, size, {}};
  };
  for (const unsigned level : kLevels) {
    FH_TRY(File opened, file(files.level(level)));
    out.levels_.push_back(std::move(opened));
  }
  FH_TRY(out.index_, file(files.index()));
  return out;
}

void LevelWriter::seek(std::uint64_t size) {
  for (std::size_t i = 0; i < kLevels.size(); ++i) {
    levels_[i].size = (size >> kLevels[i]) * 32;
    levels_[i].buffer.clear();
  }
  index_.size = size * 8;
  index_.buffer.clear();
}

Result<> LevelWriter::trim() {
  const auto trim = [](const File& file) -> Result<> {
    FH_TRY(const std::uint64_t now, size_of(file.fd, file.path));
    return now > file.size ? cut_file(file.fd, file.size, file.path) : Result<>();
  };
  for (const File& file : levels_) FH_TRY_VOID(trim(file));
  return trim(index_);
}

void LevelWriter::add(const Hash& leaf, std::uint64_t offset) {
  levels_[0].buffer += bytes_of(leaf);
  char bytes[8];
  std::memcpy(bytes, &offset, sizeof bytes);
  index_.buffer.append(bytes, sizeof bytes);
}

void LevelWriter::add_full(unsigned level, const Hash& hash) {
  for (std::size_t i = 1; i < kLevels.size(); ++i) {
    if (kLevels[i] == level) levels_[i].buffer += bytes_of(hash);
  }
}

Result<> LevelWriter::write() {
  const auto write = [](File& file) -> Result<> {
    if (file.buffer.empty()) return {};
    FH_TRY_VOID(write_at(file.fd, file.size, file.buffer, file.path));
    file.size += file.buffer.size();
    file.buffer.clear();
    return {};
  };
  for (File& file : levels_) FH_TRY_VOID(write(file));
  return write(index_);
}

Result<> LevelWriter::sync() {
  for (const File& file : levels_) FH_TRY_VOID(sync_data(file.fd, file.path));
  return sync_data(index_.fd, index_.path);
}

Result<LevelReader> LevelReader::open(const Files& files) {
  LevelReader out;
  for (std::size_t i = 0; i < kLevels.size(); ++i) {
    FH_TRY(out.maps_[i], map_if_there(files.level(kLevels[i])));
  }
  FH_TRY(out.index_, map_if_there(files.index()));
  return out;
}

std::uint64_t LevelReader::entries() const {
  return std::min(maps_[0].bytes().size() / 32, index_.bytes().size() / 8);
}

void LevelReader::complete(std::uint64_t first, std::vector<Hash> leaves, std::vector<std::uint64_t> offsets) {
  first_ = first;
  leaves_ = std::move(leaves);
  offsets_ = std::move(offsets);
}

Result<Hash> LevelReader::subtree(unsigned level, std::uint64_t index) const {
  for (std::size_t i = 0; i < kLevels.size(); ++i) {
    if (kLevels[i] != level) continue;
    if (level == 0 && index >= first_ && index - first_ < leaves_.size()) return leaves_[index - first_];
    const Bytes all = maps_[i].bytes();
    if (index >= all.size() / 32) {
      if (level > 0 && !leaves_.empty()) break;
      return fail(Errc::corrupt, fmt::format("level {} of tree/ is too short", level));
    }
    Hash hash;
    std::memcpy(hash.bytes.data(), all.data() + index * 32, 32);
    return hash;
  }
  FH_TRY(const Hash left, subtree(level - 1, 2 * index));
  FH_TRY(const Hash right, subtree(level - 1, 2 * index + 1));
  return node_hash(left, right);
}

Result<std::uint64_t> LevelReader::offset(std::uint64_t entry) const {
  if (entry >= first_ && entry - first_ < offsets_.size()) return offsets_[entry - first_];
  const Bytes all = index_.bytes();
  if (entry >= all.size() / 8) return fail(Errc::corrupt, "the index of tree/ is too short");
  std::uint64_t value = 0;
  std::memcpy(&value, all.data() + entry * 8, 8);
  return value;
}

}  // namespace freehold::audit
