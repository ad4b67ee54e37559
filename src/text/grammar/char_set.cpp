#include "text/grammar/char_set.h"

#include <algorithm>
#include <string>

#include "base/utf8.h"

namespace freehold::text::grammar {

CharSet CharSet::range(std::uint32_t lo, std::uint32_t hi) {
  CharSet set;
  set.add(lo, hi);
  return set;
}

void CharSet::add(std::uint32_t lo, std::uint32_t hi) {
  hi = std::min(hi, kMaxCodePoint);
  if (lo > hi) return;
  // Around the surrogates.
  if (lo < 0xD800 && hi >= 0xD800) {
    ranges_.push_back({lo, 0xD7FF});
    if (hi > 0xDFFF) ranges_.push_back({0xE000, hi});
  } else {
    lo = lo >= 0xD800 && lo <= 0xDFFF ? 0xE000 : lo;
    if (lo <= hi) ranges_.push_back({lo, hi});
  }
  sorted_ = false;
}

void CharSet::add(const CharSet& other) {
  ranges_.insert(ranges_.end(), other.ranges_.begin(), other.ranges_.end());
  sorted_ = false;
}

const std::vector<CharRange>& CharSet::ranges() const {
  normalise();
  return ranges_;
}

void CharSet::normalise() const {
  if (sorted_) return;
  std::sort(ranges_.begin(), ranges_.end(), [](auto& a, auto& b) { return a.lo < b.lo; });
  std::size_t kept = 0;
  for (std::size_t i = 0; i < ranges_.size(); ++i) {
    // D7FF and E000 are neighbours in no text, so such ranges stay apart.
    if (kept > 0 && ranges_[i].lo <= ranges_[kept - 1].hi + 1) {
      ranges_[kept - 1].hi = std::max(ranges_[kept - 1].hi, ranges_[i].hi);
    } else {
      ranges_[kept++] = ranges_[i];
    }
  }
  ranges_.resize(kept);
  sorted_ = true;
}

CharSet CharSet::complement() const {
  CharSet out;
  std::uint32_t next = 0;
  for (const CharRange& r : ranges()) {
    if (r.lo > next) out.add(next, r.lo - 1);
    next = r.hi + 1;
  }
  if (next <= kMaxCodePoint) out.add(next, kMaxCodePoint);
  return out;
}

CharSet CharSet::intersect(const CharSet& other) const {
  CharSet out;
  const auto& a = ranges();
  const auto& b = other.ranges();
  for (std::size_t i = 0, j = 0; i < a.size() && j < b.size();) {
    std::uint32_t lo = std::max(a[i].lo, b[j].lo);
    std::uint32_t hi = std::min(a[i].hi, b[j].hi);
    if (lo <= hi) out.add(lo, hi);
    if (a[i].hi < b[j].hi) {
      ++i;
    } else {
      ++j;
    }
  }
  return out;
}

bool CharSet::contains(std::uint32_t c) const {
  const auto& r = ranges();
  auto after = std::upper_bound(r.begin(), r.end(), c, [](std::uint32_t v, const CharRange& x) { return v < x.lo; });
  return after != r.begin() && c <= std::prev(after)->hi;
}

std::vector<Utf8Sequence> utf8_sequences(const CharSet& set) {
  std::vector<Utf8Sequence> out;
  std::vector<CharRange> todo(set.ranges().rbegin(), set.ranges().rend());
  while (!todo.empty()) {
    const std::uint32_t lo = todo.back().lo, hi = todo.back().hi;
    todo.pop_back();
    // Cut where the length changes, then where a trailing byte does not run over its whole range.
    bool cut = false;
    auto split = [&](std::uint32_t at) {  // [lo, at] and [at + 1, hi]
      todo.push_back({at + 1, hi});
      todo.push_back({lo, at});
      cut = true;
    };
    for (std::uint32_t last : {0x7Fu, 0x7FFu, 0xFFFFu}) {
      if (!cut && lo <= last && hi > last) split(last);
    }
    for (unsigned bits = 6; !cut && lo >= 0x80 && bits <= 18; bits += 6) {
      std::uint32_t mask = (1u << bits) - 1;
      if ((lo & ~mask) == (hi & ~mask)) break;
      if ((lo & mask) != 0) {
        split(lo | mask);
      } else if ((hi & mask) != mask) {
        split((hi & ~mask) - 1);
      }
    }
    if (cut) continue;
    std::string a, b;
    append_utf8(a, lo);
    append_utf8(b, hi);
    Utf8Sequence s;
    s.length = a.size();
    for (std::size_t i = 0; i < a.size(); ++i) {
      s.lo[i] = static_cast<std::uint8_t>(a[i]);
      s.hi[i] = static_cast<std::uint8_t>(b[i]);
    }
    out.push_back(s);
  }
  return out;
}

}  // namespace freehold::text::grammar
