// A few words by their hashes: whether another is among them, where nearly always it is not.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <string_view>
#include <vector>

#include "pii/word.h"

namespace freehold::pii {

class WordSet {
 public:
  // Folded words with a blank between.
  explicit WordSet(std::string_view words) {
    while (!words.empty()) {
      const std::size_t end = std::min(words.find(' '), words.size());
      const std::uint32_t hash = hash_folded(words.substr(0, end));
      hashes_.push_back(hash);
      bits_[hash % kBits / 64] |= std::uint64_t{1} << hash % 64;
      words.remove_prefix(std::min(end + 1, words.size()));
    }
    std::sort(hashes_.begin(), hashes_.end());
  }
  bool has(std::uint32_t hash) const {
    return (bits_[hash % kBits / 64] >> hash % 64 & 1) != 0 && std::binary_search(hashes_.begin(), hashes_.end(), hash);
  }

  const std::vector<std::uint32_t>& hashes() const { return hashes_; }

 private:
  static constexpr std::uint32_t kBits = 4096;
  std::vector<std::uint32_t> hashes_;
  std::array<std::uint64_t, kBits / 64> bits_{};
};

// The same for up to 128 words, made when the program is built: asking costs less.
class FewWords {
 public:
  explicit consteval FewWords(std::string_view words) {
    while (!words.empty()) {
      const std::size_t end = std::min(words.find(' '), words.size());
      const std::uint32_t hash = hash_folded(words.substr(0, end));
      std::uint32_t at = place(hash);
      while (slots_[at] != 0 && slots_[at] != hash) at = (at + 1) % kSlots;
      slots_[at] = hash;
      words.remove_prefix(std::min(end + 1, words.size()));
    }
  }
  constexpr bool has(const PastWord& word) const {
    for (std::uint32_t at = place(word.hash); slots_[at] != 0; at = (at + 1) % kSlots) {
      if (slots_[at] == word.hash) return word.letters != 0;
    }
    return false;
  }

 private:
  static constexpr std::uint32_t kSlots = 512;  // a quarter full at most
  static constexpr std::uint32_t place(std::uint32_t hash) { return hash * 0x9E3779B1u >> 23; }
  std::array<std::uint32_t, kSlots> slots_{};
};

}  // namespace freehold::pii
