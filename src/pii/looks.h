// What a word that no list holds looks like: a person's name, a place's or an ordinary word, by its letters two, three
// and four at a time. A linear model over the lexicon's words, trained by tools/pii/make_looks.py.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "pii/word.h"

namespace freehold::pii {

inline constexpr unsigned kLookBits = 14;
inline constexpr std::size_t kLookBuckets = std::size_t{1} << kLookBits;
inline constexpr std::size_t kLooks = 2;  // person, place: against an ordinary word

struct Look {
  static constexpr int kSteps = 6;
  std::uint8_t person = 0, place = 0;  // 0 to kSteps - 1: the more, the rather
  // Both as one number, from 1.
  std::uint32_t fine() const { return 1u + person * kSteps + place; }
  // Of neither, unsure, of a person's, of a place's: 0 to 3.
  std::uint32_t coarse() const {
    if (person <= 1 && place <= 1) return 0;
    if (person >= 4 && person >= place) return 2;
    return place >= 4 ? 3 : 1;
  }
};

// Of `word`, which was read from `text`.
Look look_of(const Text& text, const Word& word);

}  // namespace freehold::pii
