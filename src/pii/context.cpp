#include "pii/context.h"

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

}  // namespace freehold::pii
