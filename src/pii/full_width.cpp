// What Japanese and Chinese texts write in full width.
#include <array>
#include <string>

#include "pii/scanner_state.h"

namespace freehold::pii {

// Digits and capitals of full width (U+FF10 to U+FF3A), as Japanese and Chinese texts have them: what stands at `at` as
// ASCII, whose recognisers look at it, and where each byte of that stood.
bool Scanner::State::full_width(const Text& text) {
  constexpr std::size_t kMost = 64;
  std::string plain;
  std::array<std::size_t, kMost + 1> places{};
  std::size_t i = at;
  while (plain.size() < kMost) {
    const unsigned char c = text[i], low = text[i + 1], sign = text[i + 2];
    places[plain.size()] = i;
    if (c == 0xEF && low == 0xBC && sign >= 0x81 && sign <= 0xBA) {  // U+FF01 to U+FF3A
      plain += static_cast<char>(sign - 0x60);
      i += 3;
    } else if (c == 0xE3 && low == 0x80 && sign == 0x80) {  // U+3000, a blank
      plain += ' ';
      i += 3;
    } else if (c >= ' ' && c < 0x80) {
      plain += static_cast<char>(c);
      ++i;
    } else {
      break;
    }
  }
  places[plain.size()] = i;
  const Text narrow(plain, true);
  if (!is_alphanumeric(narrow[0]) && narrow[0] != '+') return false;
  Context now = context;
  arrive(now);
  std::size_t rest = 0;
  Match match = narrow[0] == '+' ? match_phone(narrow, 0, now) : at_number(narrow, now, 0, rest);
  if (match.score < now.least) {
    if (rest == 0 || text.starved()) return false;
    context = now;
    past_other(places[rest]);
    return true;
  }
  match.begin = places[match.begin];
  match.end = places[match.end];
  return found(text, match);
}

}  // namespace freehold::pii
