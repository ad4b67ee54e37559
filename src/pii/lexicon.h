// What is known of single words (names, places, ordinary words, titles, cues) and of pairs of them that are cues, as
// one hash table.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>
#include <vector>

#include "pii/word.h"

namespace freehold::pii {

class Lexicon {
 public:
  struct Entry {
    std::uint32_t hash = 0;
    std::uint16_t flags = 0;  // WordFlag
    Cue cue = Cue::none;
    std::uint8_t roles = 0;  // which of the sets of roles
  };
  Lexicon();
  // Nothing (flags 0) for unknown words. Two words share a hash once in 10^5.
  const Entry& find(std::uint32_t hash) const {
    for (std::uint32_t at = hash * 0x9E3779B1u >> kShift;; at = (at + 1) & kMask) {
      const Entry& entry = table_[at];
      if (entry.hash == hash || entry.hash == 0) return entry;  // an empty one knows nothing
    }
  }
  std::uint16_t roles(const Entry& entry) const { return role_sets_[entry.roles]; }  // WordRole
  // The cues that words `first` and `second` are together, or `second` alone: any number of them.
  template <typename Each>
  void each_cue(std::uint32_t first, const Word& second, Each each) const {
    if (second.cue != Cue::none) each_under(second.hash, each);
    each_under(pair(first, second.hash), each);
  }

 private:
  static constexpr unsigned kShift = 15, kMask = (1u << 17) - 1;
  struct CueEntry {
    std::uint32_t hash = 0;
    Cue cue = Cue::none;
  };
  static std::uint32_t pair(std::uint32_t first, std::uint32_t second) { return first * 31 + second; }
  template <typename Each>
  void each_under(std::uint32_t hash, Each each) const {
    const std::uint32_t bit = hash * 0x9E3779B1u >> kBitShift;
    if ((cue_bits_[bit / 64] >> bit % 64 & 1) == 0) return;
    for (std::uint32_t at = hash * 0x9E3779B1u >> kCueShift; cues_[at].hash != 0; at = (at + 1) & kCueMask) {
      if (cues_[at].hash == hash) each(cues_[at].cue);
    }
  }
  static constexpr unsigned kBitShift = 16;
  static constexpr unsigned kCueShift = 18, kCueMask = (1u << 14) - 1;
  Entry& slot(std::uint32_t hash);
  void add_cue(std::uint32_t hash, Cue cue);
  void add_phrase(std::string_view phrase, Cue cue);
  void add_compounds(std::string_view phrase, Cue cue);
  std::uint8_t role_set(unsigned roles);
  void add_words(std::string_view words, std::uint16_t flag, std::uint16_t role = 0);

  std::vector<Entry> table_;
  std::vector<CueEntry> cues_;
  std::vector<std::uint16_t> role_sets_{0};                // all that words have, the first none
  std::array<std::uint64_t, (1u << 16) / 64> cue_bits_{};  // hashes that cues_ may hold: most pairs of words are none
};

// Made at the first call, 3 ms; shared by all threads.
inline const Lexicon& lexicon() {
  static const Lexicon shared;
  return shared;
}

}  // namespace freehold::pii
