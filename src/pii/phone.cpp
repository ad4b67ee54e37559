// Telephone numbers: international ones by country code and length (ITU-T E.164, list of 2016 with later changes),
// national ones by how they are written and by words near them.
#include <algorithm>
#include <array>
#include <string_view>

#include "pii/recognisers.h"

namespace freehold::pii {
namespace {

struct Country {
  std::uint16_t code;
  std::uint8_t least, most;  // digits after the code
};

// ITU-T E.164 Annex and the national numbering plans that ITU publishes (itu.int/oth/T0202).
constexpr auto kCountries = std::to_array<Country>({
    {1, 10, 10},  {7, 10, 10}, {20, 8, 10},  {27, 9, 9},   {30, 10, 10}, {31, 9, 9},   {32, 8, 9},   {33, 9, 9},
    {34, 9, 9},   {36, 8, 9},  {39, 6, 11},  {40, 9, 9},   {41, 9, 9},   {43, 4, 13},  {44, 9, 10},  {45, 8, 8},
    {46, 7, 9},   {47, 8, 8},  {48, 9, 9},   {49, 5, 12},  {51, 8, 9},   {52, 10, 11}, {53, 7, 8},   {54, 10, 11},
    {55, 10, 11}, {56, 9, 9},  {57, 8, 10},  {58, 10, 10}, {60, 8, 10},  {61, 9, 9},   {62, 7, 12},  {63, 8, 10},
    {64, 8, 10},  {65, 8, 8},  {66, 8, 9},   {81, 9, 10},  {82, 8, 10},  {84, 8, 10},  {86, 10, 11}, {90, 10, 10},
    {91, 10, 10}, {92, 9, 10}, {93, 9, 9},   {94, 9, 9},   {95, 7, 10},  {98, 10, 10}, {211, 9, 9},  {212, 9, 9},
    {213, 8, 9},  {216, 8, 8}, {218, 8, 9},  {220, 7, 7},  {221, 9, 9},  {225, 8, 10}, {227, 8, 8},  {233, 9, 9},
    {234, 8, 10}, {237, 8, 9}, {243, 9, 9},  {249, 9, 9},  {250, 9, 9},  {251, 9, 9},  {252, 7, 9},  {254, 9, 10},
    {255, 9, 9},  {256, 9, 9}, {258, 8, 9},  {260, 9, 9},  {261, 9, 9},  {263, 9, 9},  {264, 8, 9},  {267, 7, 8},
    {350, 8, 8},  {351, 9, 9}, {352, 5, 11}, {353, 7, 9},  {354, 7, 9},  {355, 8, 9},  {356, 8, 8},  {357, 8, 8},
    {358, 5, 12}, {359, 7, 9}, {370, 8, 8},  {371, 8, 8},  {372, 7, 8},  {373, 8, 8},  {374, 8, 8},  {375, 9, 9},
    {376, 6, 9},  {377, 8, 9}, {380, 9, 9},  {381, 8, 9},  {382, 8, 8},  {385, 8, 9},  {386, 8, 8},  {387, 8, 8},
    {389, 8, 8},  {420, 9, 9}, {421, 9, 9},  {423, 7, 9},  {502, 8, 8},  {503, 8, 8},  {504, 8, 8},  {505, 8, 8},
    {506, 8, 8},  {507, 7, 8}, {509, 8, 8},  {591, 8, 8},  {593, 8, 9},  {595, 9, 9},  {598, 8, 8},  {673, 7, 7},
    {679, 7, 7},  {852, 8, 8}, {853, 8, 8},  {855, 8, 9},  {856, 8, 10}, {880, 8, 10}, {886, 8, 9},  {960, 7, 7},
    {961, 7, 8},  {962, 8, 9}, {963, 8, 9},  {964, 8, 10}, {965, 8, 8},  {966, 8, 9},  {967, 7, 9},  {968, 8, 8},
    {970, 8, 9},  {971, 8, 9}, {972, 8, 9},  {973, 8, 8},  {974, 8, 8},  {975, 7, 8},  {976, 8, 8},  {977, 8, 10},
    {992, 9, 9},  {993, 8, 8}, {994, 9, 9},  {995, 9, 9},  {996, 9, 9},  {998, 9, 9},
});

// By code: where in the table, from 1.
constexpr auto kCountryOfCode = [] {
  std::array<std::uint8_t, 1000> out{};
  for (std::size_t i = kCountries.size(); i-- > 0;) out[kCountries[i].code] = static_cast<std::uint8_t>(i + 1);
  return out;
}();
static_assert(kCountries.size() < 256);

// Whether `digits` (country code first) may be a number; a trunk "0" written in brackets counts one more.
bool is_international(std::string_view digits) {
  unsigned code = 0;
  for (std::size_t length = 1; length <= 3 && length < digits.size(); ++length) {
    code = code * 10 + static_cast<unsigned>(digits[length - 1] - '0');
    if (kCountryOfCode[code] == 0) continue;
    const Country& country = kCountries[kCountryOfCode[code] - std::size_t{1}];
    const std::size_t rest = digits.size() - length;
    const std::size_t trunk = digits[length] == '0' ? 1 : 0;
    return rest >= country.least && rest <= country.most + trunk;
  }
  return false;
}

bool is_north_american(std::string_view ten) {
  if (ten == "2147483647" || ten == "4294967295") return false;  // the highest numbers of computers
  return ten[0] >= '2' && ten[3] >= '2' && !(ten[1] == '1' && ten[2] == '1');
}

constexpr int kPlainTen = 38;  // ten digits, as North America has them

// Without the words around it: how sure it makes a number how it is written.
int by_form(const Written& written, std::string_view digits) {
  const std::size_t n = digits.size();
  auto is = [&](auto... forms) { return ((written == forms) || ...); };
  const bool signs = written.form != 0;
  // North America's areas begin with no 0 or 1; elsewhere a telephone may.
  if (is("999-999-9999"_written)) return digits[0] == '1' ? 40 : digits[0] == '0' || digits[3] < '2' ? 70 : 88;
  if (is("999.999.9999"_written, "999/999-9999"_written, "999 999-9999"_written)) return 82;
  if (is("999 999 9999"_written)) return digits[0] == '0' || is_north_american(digits) ? 64 : 52;
  if (digits[0] == '1' && is("9-999-999-9999"_written, "9.999.999.9999"_written, "9 999 999 9999"_written,
                             "9 999-999-9999"_written, "9 999.999.9999"_written))
    return 88;
  if (digits.starts_with("00") && n >= 10 && is_international(digits.substr(2))) return signs ? 75 : 52;
  if (digits[0] == '0' && digits[1] != '0' && n >= 9 && n <= 12) {
    const Form first = written.form & 0xFF, second = written.form & 0xFFFF, third = written.form >> 16 & 0xFF;
    if (first == ("9."_written).form || first == ("9/"_written).form) return 0;  // a fraction
    // Eight digits and more before the third sign: "99.99.9999"
    const bool date = second == ("99.99."_written).form && (third == 0 || (third & 31) >= 8);
    if (signs) return date || first == ("9999999-"_written).form ? 40 : is("999999-9999"_written) ? 45 : 64;
    const bool mobile = (n == 11 && digits[1] == '7') ||
                        (n == 10 && (digits[1] == '6' || digits[1] == '7' || digits[1] == '4')) ||
                        (n >= 11 && digits[1] == '1' && digits[2] >= '5' && digits[2] <= '7');
    return mobile ? 52 : 38;
  }
  if (digits[0] == '1' && digits[1] >= '3' && is("999-9999-9999"_written, "999 9999 9999"_written)) return 60;  // China
  if (digits[0] >= '6' && is("99999 99999"_written)) return 55;                                                 // India
  if (is("99 99999-9999"_written, "99 9999-9999"_written)) return 60;  // Brazil
  if (digits[0] >= '5' &&
      is("999 999 999"_written, "999 99 99 99"_written, "999-999-999"_written, "9 99 99 99 99"_written))
    return 40;
  if (is("99 99 99 99"_written, "9999 9999"_written, "99999-9999"_written)) return 36;
  if (is("999-9999"_written)) return 45;
  if (n == 10 && !signs && is_north_american(digits)) return kPlainTen;
  return 0;
}

// "12 345" from `begin` to `end`, as amounts are written.
bool in_thousands(const Text& text, std::size_t begin, std::size_t end) {
  std::size_t groups = 0, digits = 0;
  for (std::size_t i = begin; i < end; ++i) {
    if (!is_digit(text[i])) continue;
    if (i > begin && !is_digit(text[i - 1])) {
      if (digits > 3 || (groups > 0 && digits != 3)) return false;
      ++groups;
      digits = 0;
    }
    ++digits;
  }
  return groups > 0 && digits == 3;
}

// Whether the digits from `begin` to `end`, where a line begins, are a postcode with its town: "12345 Berlin".
bool is_town_code(const Text& text, std::size_t begin, std::size_t end) {
  for (std::size_t i = begin; i < end; ++i) {
    if (!is_digit(text[i])) return false;
  }
  const std::size_t blank = blank_at(text, end);
  if (end - begin < 4 || end - begin > 6 || blank == 0 || letter_at(text, end + blank) == 0) return false;
  return word_at(text, end + blank).shape != Shape::lower;
}

}  // namespace

int phone_score(const Written& written, std::string_view digits, const Context& context) {
  if (written == "999-99-9999"_written) return 0;  // how social security numbers are written, and no telephone's
  const int alone = by_form(written, digits);
  constexpr std::size_t kMostSignsHere = 5;
  const bool order = context.near(Cue::order, 3);
  if (context.near(Cue::phone) && (!order || context.near(Cue::phone, 2))) {
    if (alone > 0) return 92;
    if (digits.size() >= 7 && digits.size() <= 15 && written.form >> 8 * kMostSignsHere == 0)
      return context.near(Cue::phone, 4) ? 72 : 45;
    return 0;
  }
  // "my wife Ann on 2125550187"
  const bool somebody = context.tag == Tag::person
                            ? context.previous.shape == Shape::capital
                            : context.before_tag == Tag::person && context.before_previous.shape == Shape::capital &&
                                  context.previous.shape == Shape::lower && (context.previous.flags & kFiller) != 0;
  if (alone == kPlainTen && somebody && !order) return 55;
  if (alone < 85 && (order || context.near(Cue::version, 2))) return alone - 30;
  return alone;
}

bool is_phone_label(const Text& text, const Code& code) {
  const std::size_t begin = code.groups[0].begin;
  const unsigned char label = text.before(begin, 3), left = text.before(begin, 4);
  return text.before(begin, 1) == ' ' && text.before(begin, 2) == ':' && !is_alphanumeric(left) && left < 0x80 &&
         std::string_view("TMPFCHW").find(static_cast<char>(label)) != std::string_view::npos && label != 0 &&
         std::any_of(code.groups.begin(), code.groups.begin() + 3,
                     [](const Code::Group& group) { return group.size() >= 3; });
}

std::size_t phone_extension(const Text& text, std::size_t end) {
  std::size_t i = end;
  if (text[i] == ',') ++i;
  while (i < end + 3 && blank_at(text, i) == 1) ++i;
  bool named = false;
  for (const std::string_view word : {"extension", "ext.", "ext", "x"}) {
    if (text.has(i, word)) {
      i += word.size();
      named = true;
      break;
    }
  }
  if (!named) return end;
  while (i < end + 16 && (text[i] == ' ' || text[i] == '.' || text[i] == ':')) ++i;
  std::size_t digits = 0;
  while (digits < 7 && is_digit(text[i])) ++i, ++digits;
  return digits > 0 && digits < 7 && !is_alphanumeric(text[i]) ? i : end;
}

Match match_phone(const Text& text, std::size_t i, const Context& context) {
  // Digits with at most three signs between, brackets in pairs; every place where it may end is a candidate.
  constexpr std::size_t kLongest = 32;
  const bool plus = text[i] == '+' || (text[i] == '(' && text[i + 1] == '+');
  constexpr std::size_t kMostDigits = 15;
  std::array<char, kMostDigits + 1> kept;
  std::string_view digits(kept.data(), 0);
  Match best;
  bool bracket = false, ever = false;
  std::size_t gap = 0, groups = 0, line = 0;  // where the second line begins
  for (std::size_t at = i; at < i + kLongest;) {
    const unsigned char c = text[at];
    if (is_digit(c)) {
      groups += gap > 0 || digits.empty();
      kept[digits.size()] = static_cast<char>(c);
      digits = {kept.data(), digits.size() + 1};
      gap = 0;
      ++at;
      if (digits.size() > kMostDigits) break;
      const unsigned char next = (text[at] | 0x20) == 'x' && is_digit(text[at + 1]) ? ' ' : text[at];  // an extension
      if (is_digit(next) || bracket || (next >= 0x80 ? letter_at(text, at) != 0 : is_alphanumeric(next)) ||
          (next == '_' && is_alphanumeric(text[at + 1])))
        continue;
      int score = 0;
      if (plus) {
        score = is_international(digits) ? 95 : context.near(Cue::phone) && digits.size() >= 7 ? 75 : 0;
        if (line != 0 && (score < 95 || is_town_code(text, line, at))) score = 0;
        if (score == 95 && next == '-' && is_digit(text[at + 1]) && digits.size() < 7) score = 0;
      } else if (ever && digits.size() >= 8 && digits.size() <= 13) {
        // (0xx) …, (ddd) ddd-dddd, (dd) ddddd-dddd
        const bool american = digits.size() == 10 || (digits.size() == 11 && digits[0] == '1');
        score = american ? 90 : digits[0] == '0' || context.near(Cue::phone) ? 85 : digits.size() == 11 ? 60 : 40;
      }
      if (score > 0) best = {Kind::phone, i, at, score};
      continue;
    }
    if (++gap > 3) break;
    if (c == '(') {
      if (bracket || ever) break;
      bracket = ever = true;
      ++at;
    } else if (c == ')') {
      if (!bracket) break;
      bracket = false;
      ++at;
    } else if (c == '.' || c == '/' || (c == '+' && (at == i || at == i + 1))) {
      ++at;
    } else if (const std::size_t n = blank_at(text, at) + dash_at(text, at); n != 0) {
      at += n;
    } else if (plus && line == 0 && best.score < 95 && (c == '\n' || (c == '\r' && text[at + 1] == '\n'))) {
      // It goes on in the next line, which what is whole before does not. More than the country's code stands before,
      // and no number of thousands unless a word says that it is a telephone.
      if (groups < 2 || (!ever && !context.near(Cue::phone) && in_thousands(text, i + 1, at))) break;
      line = at += c == '\n' ? 1 : 2;
    } else {
      break;
    }
  }
  if (best && best.score >= context.least) best.end = phone_extension(text, best.end);
  return best;
}

}  // namespace freehold::pii
