#include "base/large_pages.h"

#include <fcntl.h>

#include <algorithm>
#include <charconv>
#include <fstream>
#include <string>

#include "base/fd.h"

namespace freehold {
namespace {

constexpr std::size_t kPiece = std::size_t{32} << 20;       // that is tried; in whole large pages
constexpr std::size_t kLeastFile = std::size_t{128} << 20;  // smaller ones are not worth it
constexpr std::size_t kLargePage = std::size_t{2} << 20;

// proc(5), smaps: an area's line begins with its addresses; those behind it tell of it.
bool begins_at(const std::string& line, std::uintptr_t begin, std::uintptr_t end) {
  std::uintptr_t first = 0, last = 0;
  const auto [at, error] = std::from_chars(line.data(), line.data() + line.size(), first, 16);
  if (error != std::errc() || at == line.data() + line.size() || *at != '-') return false;
  std::from_chars(at + 1, line.data() + line.size(), last, 16);
  return first < end && last > begin;
}

bool is_area(const std::string& line) {
  const std::size_t dash = line.find_first_not_of("0123456789abcdef");
  return dash != std::string::npos && dash > 0 && line[dash] == '-';
}

}  // namespace

std::optional<std::uint64_t> bytes_in_large_pages(const MappedFile& file) {
  std::ifstream smaps("/proc/self/smaps");
  if (!smaps) return std::nullopt;
  const auto begin = reinterpret_cast<std::uintptr_t>(file.bytes().data());
  constexpr std::string_view kMember = "FilePmdMapped:";
  std::optional<std::uint64_t> sum;
  bool ours = false;
  for (std::string line; std::getline(smaps, line);) {
    if (is_area(line)) {
      ours = begins_at(line, begin, begin + file.size());
      continue;
    }
    if (!ours || !line.starts_with(kMember)) continue;
    std::uint64_t kib = 0;
    const std::size_t digits = std::min(line.find_first_not_of(' ', kMember.size()), line.size());
    std::from_chars(line.data() + digits, line.data() + line.size(), kib);
    sum = sum.value_or(0) + kib * 1024;
  }
  return sum;
}

bool make_room_for_large_pages(const MappedFile& file, const std::filesystem::path& path) {
  if (file.size() < kLeastFile) return false;
  // Behind the first large page, so that what begins the file, and may be in use, is not in it.
  file.populate(kLargePage, kPiece);
  const auto before = bytes_in_large_pages(file);
  if (!before || *before >= kPiece / 2) return false;
  const Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!fd) return false;
  file.forget(file.bytes().subspan(kLargePage, kPiece));  // what is mapped stays in the cache
  if (::posix_fadvise(fd.get(), kLargePage, kPiece, POSIX_FADV_DONTNEED) != 0) return false;
  file.populate(kLargePage, kPiece);
  const auto after = bytes_in_large_pages(file);
  if (!after || *after < kPiece / 2) return false;
  file.forget(file.bytes());
  return ::posix_fadvise(fd.get(), 0, 0, POSIX_FADV_DONTNEED) == 0;
}

}  // namespace freehold
