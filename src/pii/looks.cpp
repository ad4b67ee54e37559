#include "pii/looks.h"

#include <algorithm>
#include <array>
#include <string>

#include "pii/shipped.h"

namespace freehold::pii {
namespace {

std::uint8_t step_of(int score) {
  // The trainer scales the weights so that a score is 64 on average, one way or the other.
  constexpr int kWidth = 32;
  return static_cast<std::uint8_t>(std::clamp((score + 3 * kWidth) / kWidth, 0, Look::kSteps - 1));
}

}  // namespace

Look look_of(const Text& text, const Word& word) {
  const std::span<const signed char> weights = shipped_looks();
  std::string folded = "^";
  fold(text.part(word.begin, word.end), folded);
  folded += '$';
  int person = 0, place = 0;
  for (std::size_t i = 0; i + 1 < folded.size(); ++i) {
    std::uint32_t hash = hash_on(kHashStart, static_cast<unsigned char>(folded[i]));
    const std::size_t end = std::min(i + 4, folded.size());
    for (std::size_t k = i + 1; k < end; ++k) {
      hash = hash_on(hash, static_cast<unsigned char>(folded[k]));
      const std::size_t bucket = hash * 0x9E3779B1u >> (32 - kLookBits);
      person += weights[bucket * kLooks];
      place += weights[bucket * kLooks + 1];
    }
  }
  return {step_of(person), step_of(place)};
}

}  // namespace freehold::pii
