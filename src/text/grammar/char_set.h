// Sets of Unicode code points (surrogates are never members: no UTF-8 text has one), and their UTF-8 as byte ranges.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace freehold::text::grammar {

struct CharRange {
  std::uint32_t lo = 0;
  std::uint32_t hi = 0;  // inclusive
  bool operator==(const CharRange&) const = default;
};

inline constexpr std::uint32_t kMaxCodePoint = 0x10FFFF;

class CharSet {
 public:
  CharSet() = default;
  static CharSet of(std::uint32_t c) { return range(c, c); }
  static CharSet range(std::uint32_t lo, std::uint32_t hi);
  static CharSet all() { return range(0, kMaxCodePoint); }

  void add(std::uint32_t lo, std::uint32_t hi);
  void add(const CharSet& other);
  CharSet complement() const;
  CharSet intersect(const CharSet& other) const;
  bool contains(std::uint32_t c) const;
  bool empty() const { return ranges().empty(); }
  // Sorted, disjoint, not touching, without surrogates.
  const std::vector<CharRange>& ranges() const;
  bool operator==(const CharSet& other) const { return ranges() == other.ranges(); }

 private:
  void normalise() const;
  mutable std::vector<CharRange> ranges_;
  mutable bool sorted_ = true;
};

// One way to write some code points in UTF-8: byte i in [lo[i], hi[i]].
struct Utf8Sequence {
  std::array<std::uint8_t, 4> lo{};
  std::array<std::uint8_t, 4> hi{};
  std::size_t length = 0;
};

// The sequences that write exactly the members of the set.
std::vector<Utf8Sequence> utf8_sequences(const CharSet& set);

}  // namespace freehold::text::grammar
