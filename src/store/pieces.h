// Piece checks: a 32-bit check of every 4 KiB of a blob, so that `verify` can say where a damaged blob is damaged.
// Whether it is damaged at all is SHA-256's business; the checks only locate, so they need not withstand an adversary.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/file.h"
#include "base/result.h"

namespace freehold::store {

inline constexpr std::uint64_t kPieceBytes = 4096;

// Takes a file's bytes in order, in parts of any size.
class PieceChecker {
 public:
  void update(Bytes bytes);
  // The list as it is stored: "FHCHECK1", then one little-endian u32 a piece. Ends the list.
  std::string finish();

 private:
  void end_piece();
  std::string list_ = "FHCHECK1";
  std::uint64_t hash_ = 0;
  std::uint64_t in_piece_ = 0;  // bytes
  std::uint64_t word_ = 0;      // the bytes that do not yet fill eight
  unsigned word_bytes_ = 0;
};

struct ByteRange {
  std::uint64_t begin = 0;
  std::uint64_t end = 0;
  bool operator==(const ByteRange&) const = default;
};

// The ranges of a file of `size` bytes whose checks differ between two lists, neighbours joined; at most `limit`.
// Errors: Errc::corrupt if `stored` is not a list for a file of that size.
Result<std::vector<ByteRange>> differing_pieces(std::string_view stored, std::string_view found, std::uint64_t size,
                                                std::size_t limit = 100);

}  // namespace freehold::store
