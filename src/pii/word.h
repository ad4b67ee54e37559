// A word of text: its letters folded (marks and case dropped) and hashed on the way, how it is written, and what the
// lexicon knows of it.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "pii/cues.h"
#include "pii/text.h"

namespace freehold::pii {

// What the lexicon says, as bits.
enum WordFlag : std::uint16_t {
  kGiven = 1,  // given name
  kSurname = 2,
  kPlace = 4,      // place of one word
  kPlacePart = 8,  // part of a place's name: "New", "Santa"
  kCommon = 16,    // ordinary word
  kProper = 32,    // written with a capital, but no name: "English"
  kTitle = 64,     // "Mr", "Dr", "Frau"
  kMonth = 128,
  kStreet = 256,         // "Street", "Avenue": after a street's name
  kStreetFirst = 512,    // "rue", "Calle", "Via": before it
  kState = 1024,         // a state of the USA or its two letters
  kParticle = 2048,      // "de", "van", "bin": within names
  kOrganisation = 4096,  // "Inc", "GmbH", "University"
  kWeekday = 8192,
  kFiller = 16384,  // little words that are no distance: "is", "number", "the"
};

// Little groups of words that recognisers ask for by name, as bits; the words stand in lexicon.cpp. To add one: a bit
// here, its words there.
enum WordRole : std::uint16_t {
  kAnd = 1,              // "und", "y": between names that are two as often as one
  kNameParticle = 2,     // little words that stand in names only, or nearly: "van", "bin"
  kCapitalParticle = 4,  // with a capital, parts of surnames: "Al Harbi", "Mac Giolla", "De La Cruz"
  kFormOfAddress = 8,    // before a name and of nothing else: "Mrs", "Herr", "dott."
  kUserWord = 16,        // "user", in six languages
};

enum class Shape : std::uint8_t { lower, capital, upper, mixed, initial };

// What is remembered of a word that went by.
struct PastWord {
  std::uint32_t hash = 0;  // of the folded letters
  std::uint16_t flags = 0;
  std::uint8_t letters = 0;  // at most 255
  Shape shape = Shape::lower;
  Cue cue = Cue::none;      // the word alone
  std::uint16_t roles = 0;  // WordRole
};

struct Word : PastWord {
  std::uint32_t suffix = 0;  // of the last three of the folded letters
  std::size_t begin = 0, end = 0;
};

// The hash of no letters, and of one more folded letter.
inline constexpr std::uint32_t kHashStart = 0x811C9DC5u;
constexpr std::uint32_t hash_on(std::uint32_t hash, unsigned char c) {
  return (hash ^ c) * 0x01000193u;
}
constexpr std::uint32_t hash_folded(std::string_view folded) {
  std::uint32_t hash = kHashStart;
  for (const char c : folded) hash = hash_on(hash, static_cast<unsigned char>(c));
  return hash;
}

// Bytes of the letter at `i`, 0 if there is none. Letters: ASCII, and whatever UTF-8 has that is neither a sign nor a
// blank.
std::size_t letter_beyond_ascii(const Text& text, std::size_t i);
inline std::size_t letter_at(const Text& text, std::size_t i) {
  const unsigned char c = text[i];
  if ((kByteKinds[c] & kLetterByte) != 0) return 1;
  return c < 0x80 && c != '\\' ? 0 : letter_beyond_ascii(text, i);
}
// Bytes of the blank (a space, a tab, a no-break space, U+2000 to U+200B, U+202F, U+205F) at `i`, 0 if there is none.
std::size_t blank_beyond_ascii(const Text& text, std::size_t i);
inline std::size_t blank_at(const Text& text, std::size_t i) {
  const unsigned char c = text[i];
  if (c == ' ' || c == '\t') return 1;
  return c < 0x80 ? 0 : blank_beyond_ascii(text, i);
}
// Bytes of the dash ('-', U+2010 to U+2015, U+2212) at `i`, 0 if there is none.
std::size_t dash_beyond_ascii(const Text& text, std::size_t i);
inline std::size_t dash_at(const Text& text, std::size_t i) {
  const unsigned char c = text[i];
  if (c < 0x80) return c == '-' ? 1 : 0;
  return dash_beyond_ascii(text, i);
}

inline constexpr std::size_t kLongestWord = 96;  // bytes; what is longer is no word

// The word at `i`, where a letter stands: letters, and an apostrophe between two of them but for a genitive's ("John's"
// is John). Longer than kLongestWord: cut there. Looked up.
Word word_at(const Text& text, std::size_t i);

// Words that were read ahead, by where they begin: several recognisers look at the same ones. Only such as nothing that
// has not arrived belongs to, so that more text changes none of them.
class WordMemo {
 public:
  WordMemo() { clear(); }
  void clear() { begins_.fill(static_cast<std::size_t>(-1)); }
  // The word at `i`, null if it is not kept.
  const Word* find(std::size_t i) const { return begins_[i % kSlots] == i ? &words_[i % kSlots] : nullptr; }
  void keep(const Word& word) {
    begins_[word.begin % kSlots] = word.begin;
    words_[word.begin % kSlots] = word;
  }

 private:
  static constexpr std::size_t kSlots = 32;
  std::array<std::size_t, kSlots> begins_;
  std::array<Word, kSlots> words_;
};

// word_at() for the place that is looked at now, of which nobody asks again.
Word read_word(const Text& text, std::size_t i);

// The same for text that is complete: for lists. Folded letters are appended to `out`.
void fold(std::string_view word, std::string& out);

}  // namespace freehold::pii
