#include "pii/context.h"

#include <algorithm>
#include <iterator>

#include "pii/lexicon.h"

namespace freehold::pii {

CueSet cues_after(const Text& text, std::size_t end) {
  constexpr std::size_t kFar = 32;
  CueSet out;
  std::uint32_t previous = 0;
  int words = 0;
  for (std::size_t i = end; i < end + kFar && words < 4;) {
    if (letter_at(text, i) == 0) {
      const unsigned char c = text[i];
      if (c == 0 || c == '\n' || c == ';' || is_digit(c)) break;
      if (c == '.' && text[i + 1] == ' ') break;
      ++i;
      continue;
    }
    const Word word = word_at(text, i);
    lexicon().each_cue(previous, word, [&](Cue cue) { out.set(static_cast<std::size_t>(cue)); });
    previous = word.hash;
    i = word.end;
    ++words;
  }
  return out;
}

namespace {

// "is", "was", "that" and their likes, which say what stood before.
bool is_saying(std::uint32_t hash) {
  static constexpr std::uint32_t kWords[] = {
      hash_folded("is"),  hash_folded("was"), hash_folded("that"), hash_folded("ist"), hash_folded("war"),
      hash_folded("est"), hash_folded("es"),  hash_folded("era"),  hash_folded("e"),   hash_folded("era"),
      hash_folded("er"),  hash_folded("ar"),  hash_folded("jest"), hash_folded("to"),  hash_folded("je"),
      hash_folded("on"),  hash_folded("das"), hash_folded("eto")};
  return std::find(std::begin(kWords), std::end(kWords), hash) != std::end(kWords);
}

// Where the words begin that stand behind `end`: past blanks, a comma or a dash.
std::size_t past_pause(const Text& text, std::size_t end) {
  std::size_t i = end + (text[end] == ',');
  i += blank_at(text, i);
  if (const std::size_t dash = dash_at(text, i); dash != 0) {
    i += dash;
    i += blank_at(text, i);
  }
  return i;
}

}  // namespace

bool is_said_of(const Text& text, std::size_t end) {
  const std::size_t blank = blank_at(text, end);
  if (blank == 0 && text[end] != ',') return false;
  const unsigned char next = text[end + std::max<std::size_t>(blank, 1)];
  return next == '(' || next == ' ' || next == '-' || next >= 0x80 || (next >= 'a' && next <= 'z');
}

CueSet cues_said_of(const Text& text, std::size_t end) {
  constexpr std::size_t kMost = 6;
  CueSet out;
  std::size_t i = past_pause(text, end);
  const bool bracket = text[i] == '(';
  i += bracket;
  std::uint32_t previous = 0;
  for (std::size_t words = 0; words < kMost; ++words) {
    if (letter_at(text, i) == 0) return bracket ? CueSet() : out;
    const Word word = word_at(text, i);
    if (!bracket && words == 0 && !is_saying(word.hash)) return {};
    CueSet here;
    lexicon().each_cue(previous, word, [&](Cue cue) { here.set(static_cast<std::size_t>(cue)); });
    if (here.none() && words > 0 && (word.flags & kFiller) == 0 && !is_saying(word.hash) && out.any())
      return bracket ? CueSet() : out;
    out |= here;
    previous = word.hash;
    i = word.end;
    if (bracket && text[i] == ')') return out;
    if (text[i] == '-' || text[i] == '.') ++i;
    i += blank_at(text, i);
  }
  return bracket ? CueSet() : out;
}

}  // namespace freehold::pii
