#include "format/cursor.h"

#include <fmt/format.h>

namespace freehold::format {

Result<> Cursor::expect_room(std::uint64_t count, std::uint64_t minimal, std::string_view what) const {
  if (count <= left() / minimal) return {};
  return fail(Errc::corrupt, fmt::format("{} {} need at least {} bytes each, but only {} bytes are left", count, what,
                                         minimal, left()));
}

Unexpected Cursor::short_read(std::uint64_t n, std::string_view what) const {
  if (bytes_.size() < whole_bytes_) {
    return fail(Errc::corrupt, fmt::format("byte {}: {} leads beyond the first {} bytes, the most a header may take",
                                           position_, what, bytes_.size()));
  }
  return fail(Errc::corrupt,
              fmt::format("byte {}: {} takes {} bytes, but the file ends after {}", position_, what, n, left()));
}

}  // namespace freehold::format
