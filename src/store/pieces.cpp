#include "store/pieces.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

namespace freehold::store {
namespace {

constexpr std::string_view kMagic = "FHCHECK1";
constexpr std::uint64_t kSeed = 0x9E3779B97F4A7C15;

// One-to-one in the hash and in the word, so a change of one word always changes the 64 bits.
std::uint64_t mix(std::uint64_t hash, std::uint64_t word) {
  hash = (hash ^ word) * 0xD6E8FEB86659FD93;
  return hash ^ hash >> 32;
}

std::uint64_t pieces_of(std::uint64_t size) {
  return size / kPieceBytes + (size % kPieceBytes != 0 ? 1 : 0);
}

}  // namespace

void PieceChecker::update(Bytes bytes) {
  std::uint64_t hash = hash_;
  while (!bytes.empty()) {
    if (in_piece_ == 0) hash = kSeed;
    Bytes part = bytes.first(std::min<std::uint64_t>(bytes.size(), kPieceBytes - in_piece_));
    bytes = bytes.subspan(part.size());
    in_piece_ += part.size();
    std::size_t at = 0;
    while (at < part.size()) {
      if (word_bytes_ == 0 && part.size() - at >= 8) {
        std::uint64_t word = 0;
        std::memcpy(&word, part.data() + at, 8);
        hash = mix(hash, word);
        at += 8;
        continue;
      }
      word_ |= std::to_integer<std::uint64_t>(part[at++]) << 8 * word_bytes_;
      if (++word_bytes_ == 8) {
        hash = mix(hash, word_);
        word_ = 0;
        word_bytes_ = 0;
      }
    }
    hash_ = hash;
    if (in_piece_ == kPieceBytes) end_piece();
  }
}

void PieceChecker::end_piece() {
  std::uint64_t hash = hash_;
  if (word_bytes_ > 0) hash = mix(hash, word_);
  hash = mix(hash, in_piece_);
  for (int i = 0; i < 4; ++i) list_ += static_cast<char>(hash >> 8 * i & 0xFF);
  in_piece_ = 0;
  word_ = 0;
  word_bytes_ = 0;
}

std::string PieceChecker::finish() {
  if (in_piece_ > 0) end_piece();
  return std::move(list_);
}

Result<std::vector<ByteRange>> differing_pieces(std::string_view stored, std::string_view found, std::uint64_t size,
                                                std::size_t limit) {
  const std::uint64_t pieces = pieces_of(size);
  const auto fits = [&](std::string_view list) {
    return list.starts_with(kMagic) && (list.size() - kMagic.size()) % 4 == 0;
  };
  if (!fits(stored) || (stored.size() - kMagic.size()) / 4 != pieces || !fits(found)) {
    return fail(Errc::corrupt, fmt::format("it is not a list of checks of {} pieces", pieces));
  }
  std::vector<ByteRange> out;
  for (std::uint64_t i = 0; i < pieces; ++i) {
    const std::size_t at = kMagic.size() + 4 * i;
    if (at + 4 <= found.size() && stored.substr(at, 4) == found.substr(at, 4)) continue;
    const ByteRange range{i * kPieceBytes, std::min(size, (i + 1) * kPieceBytes)};
    if (!out.empty() && out.back().end == range.begin) {
      out.back().end = range.end;
    } else if (out.size() < limit) {
      out.push_back(range);
    } else {
      break;
    }
  }
  return out;
}

}  // namespace freehold::store
