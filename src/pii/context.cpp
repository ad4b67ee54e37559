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

bool is_saying(std::uint32_t hash) {
  static constexpr std::uint32_t kWords[] = {
      hash_folded("is"),  hash_folded("was"),  hash_folded("that"), hash_folded("ist"), hash_folded("war"),
      hash_folded("est"), hash_folded("es"),   hash_folded("era"),  hash_folded("e"),   hash_folded("er"),
      hash_folded("ar"),  hash_folded("jest"), hash_folded("to"),   hash_folded("je"),  hash_folded("on"),
      hash_folded("das"), hash_folded("eto")};
  return std::find(std::begin(kWords), std::end(kWords), hash) != std::end(kWords);
}

namespace {

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

// "a", "still my": what may begin the words that say what something is of which it was asked.
bool is_article(std::uint32_t hash) {
  static constexpr std::uint32_t kWords[] = {
      hash_folded("a"),     hash_folded("an"),    hash_folded("the"), hash_folded("my"),   hash_folded("your"),
      hash_folded("his"),   hash_folded("her"),   hash_folded("ein"), hash_folded("eine"), hash_folded("meine"),
      hash_folded("mein"),  hash_folded("un"),    hash_folded("une"), hash_folded("una"),  hash_folded("mon"),
      hash_folded("mi"),    hash_folded("een"),   hash_folded("um"),  hash_folded("uma"),  hash_folded("mijn"),
      hash_folded("still"), hash_folded("really")};
  return std::find(std::begin(kWords), std::end(kWords), hash) != std::end(kWords);
}

}  // namespace

bool is_said_of(const Text& text, std::size_t end) {
  const std::size_t blank = blank_at(text, end);
  if (blank == 0 && text[end] != ',') return false;
  const unsigned char next = text[end + std::max<std::size_t>(blank, 1)];
  return next == '(' || next == ' ' || next == '-' || next >= 0x80 || (next >= 'a' && next <= 'z');
}

bool is_counted(const Text& text, std::size_t end) {
  const std::size_t n = blank_at(text, end);
  if (n == 0 || letter_at(text, end + n) == 0) return false;
  static constexpr std::uint32_t kUnits[] = {
      hash_folded("baud"),   hash_folded("bit"),  hash_folded("bits"),  hash_folded("byte"),    hash_folded("bytes"),
      hash_folded("kb"),     hash_folded("mb"),   hash_folded("gb"),    hash_folded("ms"),      hash_folded("hz"),
      hash_folded("khz"),    hash_folded("mhz"),  hash_folded("times"), hash_folded("percent"), hash_folded("euro"),
      hash_folded("euros"),  hash_folded("eur"),  hash_folded("usd"),   hash_folded("dollars"), hash_folded("pounds"),
      hash_folded("km"),     hash_folded("kg"),   hash_folded("btu"),   hash_folded("days"),    hash_folded("hours"),
      hash_folded("people"), hash_folded("rows"), hash_folded("items"), hash_folded("units")};
  return std::find(std::begin(kUnits), std::end(kUnits), word_at(text, end + n).hash) != std::end(kUnits);
}

CueSet cues_said_of(const Text& text, std::size_t end, bool asked) {
  constexpr std::size_t kMost = 8;
  CueSet out;
  std::size_t i = past_pause(text, end);
  const bool bracket = text[i] == '(';
  i += bracket;
  std::uint32_t previous = 0;
  bool linked = false;
  for (std::size_t words = 0; words < kMost; ++words) {
    if (letter_at(text, i) == 0) return bracket ? CueSet() : out;
    const Word word = word_at(text, i);
    if (!bracket && words == 0 && !is_saying(word.hash) && !(asked && is_article(word.hash))) return {};
    CueSet here;
    lexicon().each_cue(previous, word, [&](Cue cue) { here.set(static_cast<std::size_t>(cue)); });
    if (here.none() && words > 0 && !linked && (word.flags & (kFiller | kParticle)) == 0 && !is_saying(word.hash) &&
        out.any())
      return bracket ? CueSet() : out;
    linked = (word.flags & kParticle) != 0;  // "numero di partita IVA"
    out |= here;
    // "social insurance" is another state's than "social".
    if (here.test(static_cast<std::size_t>(Cue::sin))) out.reset(static_cast<std::size_t>(Cue::ssn));
    previous = word.hash;
    i = word.end;
    if (text[i] == '\'' && (text[i + 1] | 0x20) == 's') i += 2;  // "driver's license"
    if (bracket && text[i] == ')') return out;
    if (text[i] == '-' || text[i] == '.') ++i;
    i += blank_at(text, i);
  }
  return bracket ? CueSet() : out;
}

}  // namespace freehold::pii
