#include "base/disk_space.h"

#include <fmt/format.h>
#include <sys/statvfs.h>

#include "base/utf8.h"

namespace freehold {
namespace {

std::string shown(std::uint64_t bytes) {
  const double n = static_cast<double>(bytes);
  return n < 1e9 ? fmt::format("{:.1f} MB", n / 1e6) : fmt::format("{:.1f} GB", n / 1e9);
}

}  // namespace

Result<> expect_space(const std::filesystem::path& path, std::uint64_t bytes, std::string_view what) {
  std::error_code ec;
  std::filesystem::path place = std::filesystem::absolute(path, ec);
  if (ec) return {};
  struct statvfs disk = {};
  while (::statvfs(place.c_str(), &disk) != 0) {
    if (!place.has_relative_path()) return {};  // then writing will tell
    place = place.parent_path();
  }
  const std::uint64_t free = std::uint64_t{disk.f_bavail} * disk.f_frsize;
  if (bytes <= free) return {};
  return fail(Errc::exhausted, fmt::format("{} {}, but only {} are free at {}", what, shown(bytes), shown(free),
                                           printable(place.string())));
}

}  // namespace freehold
