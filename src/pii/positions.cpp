// Where somebody is, in degrees: "30.33271, -103.89945" beside words such as "coordinates" and "home".
#include "pii/recognisers.h"

namespace freehold::pii {
namespace {

// The end of degrees with four digits and more after the point, at most `most`; 0 if there are none.
std::size_t degrees_end(const Text& text, std::size_t i, int most) {
  constexpr std::size_t kLeast = 4, kMost = 15;
  int degrees = 0;
  std::size_t at = i;
  while (at < i + 3 && is_digit(text[at])) degrees = degrees * 10 + (text[at++] - '0');
  if (at == i || degrees > most || text[at] != '.') return 0;
  const std::size_t point = ++at;
  while (at < point + kMost && is_digit(text[at])) ++at;
  const bool goes_on = is_alphanumeric(text[at]) || (text[at] == '.' && is_digit(text[at + 1]));
  return at < point + kLeast || goes_on ? 0 : at;
}

}  // namespace

Match match_position(const Text& text, std::size_t i, const Context& context) {
  if (!may_be_position(context)) return {};
  std::size_t at = degrees_end(text, i, 90);
  if (at == 0) return {};
  if (text[at] == ',' || text[at] == ';') ++at;
  while (at < i + 24 && text[at] == ' ') ++at;
  if (is_digit(text.before(at, 1))) return {};
  if (text[at] == '-' || text[at] == '+') ++at;
  const std::size_t end = degrees_end(text, at, 180);
  return end == 0 ? Match{} : Match{Kind::place, i, end, 80};
}

}  // namespace freehold::pii
