#include "pii/context.h"

#include "pii/lexicon.h"

namespace freehold::pii {

bool cue_follows(const Text& text, std::size_t end, Cue cue) {
  constexpr std::size_t kFar = 32;
  std::uint32_t previous = 0;
  int words = 0;
  for (std::size_t i = end; i < end + kFar && words < 4;) {
    if (letter_at(text, i) == 0) {
      const unsigned char c = text[i];
      if (c == 0 || c == '\n' || c == ';' || is_digit(c)) return false;
      if (c == '.' && text[i + 1] == ' ') return false;
      ++i;
      continue;
    }
    const Word word = word_at(text, i);
    bool found = false;
    lexicon().each_cue(previous, word.hash, [&](Cue c) { found = found || c == cue; });
    if (found) return true;
    previous = word.hash;
    i = word.end;
    ++words;
  }
  return false;
}

}  // namespace freehold::pii
