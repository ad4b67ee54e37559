#include "pii/plates.h"

#include <algorithm>
#include <array>

#include "pii/check_digits.h"
#include "pii/context.h"

namespace freehold::pii {
namespace {

using std::string_view;

// How many letters (or digits) `rest` begins with, at most `most`; they are taken away.
std::size_t take(string_view& rest, bool digits, std::size_t most) {
  std::size_t n = 0;
  while (n < most && n < rest.size() && is_digit(static_cast<unsigned char>(rest[n])) == digits) ++n;
  rest.remove_prefix(n);
  return n;
}

// Runs of letters and of digits, "9A3" for "1ABC234": how long each is.
struct Runs {
  std::size_t count = 0;
  std::array<std::size_t, 5> size{};
  bool digits_first = false;
  explicit Runs(string_view rest) {
    digits_first = !rest.empty() && is_digit(static_cast<unsigned char>(rest[0]));
    for (bool digits = digits_first; !rest.empty() && count < size.size(); digits = !digits)
      size[count++] = take(rest, digits, rest.size());
    if (!rest.empty()) count = 0;
  }
  bool are(bool digits, std::size_t a, std::size_t b, std::size_t c) const {
    return count == (c != 0 ? 3u : 2u) && digits_first == digits && size[0] == a && size[1] == b &&
           (c == 0 || size[2] == c);
  }
};

}  // namespace

bool is_indian_plate(string_view plain) {
  // Motor Vehicles Act, schedule: states and union territories, with those that are given out no more.
  static constexpr string_view kStates =
      "AN AP AR AS BH BR CG CH DD DL DN GA GJ HP HR JH JK KA KL LA LD MH ML MN MP MZ NL OD OR PB PY RJ SK TG TN TR TS "
      "UA "
      "UK UP WB ";
  if (plain.size() < 7 || plain.size() > 11) return false;
  if (plain.size() >= 9 && plain.substr(2, 2) == "BH") {
    string_view rest = plain.substr(4);
    return take(rest, true, 4) == 4 && take(rest, false, 2) > 0 && rest.empty() && plain[0] == '2' &&
           is_digit(static_cast<unsigned char>(plain[1]));
  }
  const std::size_t state = kStates.find(plain.substr(0, 2));
  if (state == string_view::npos || state % 3 != 0) return false;
  string_view rest = plain.substr(2);
  const std::size_t district = take(rest, true, 2), series = take(rest, false, 3);
  const bool delhi = plain.starts_with("DL");  // "DL 3C AB 1234" and one figure of the district
  if (district == 0 || (district == 1 && !delhi) || series == 0) return false;
  return take(rest, true, 4) == 4 && rest.empty();
}

bool is_plate(string_view plain, std::size_t digits) {
  if (plain.size() >= 10) return is_indian_plate(plain);
  return plain.size() >= 4 && digits >= 1 && digits < plain.size();
}

bool is_unpronounceable(string_view capitals) {
  std::size_t row = 0, most = 0, vowels = 0;
  for (const char c : capitals) {
    const bool vowel = string_view("AEIOUY").find(c) != string_view::npos;
    vowels += vowel;
    row = vowel ? 0 : row + 1;
    most = std::max(most, row);
  }
  return most >= 5 || vowels == 0;
}

int plate_look(const Code& code, std::size_t n, string_view plain) {
  if (plain.size() < 5 || plain.size() > 8 || code.lower_case(n)) return is_indian_plate(plain) ? 2 : 0;
  // "B-AB 1234": Germany's, Austria's and others' of three groups.
  if (n == 3 && code.groups[0].digits == 0 && code.groups[0].size() <= 3 && code.groups[1].digits == 0 &&
      code.groups[1].size() <= 2 && code.groups[2].upper == 0)
    return 2;
  const Runs runs(plain);
  // "AB12 CDE", "AB 123 CD", "1234 BCD", "12-AB-34", "AB1C234": letters and digits by turns.
  if (runs.are(false, 2, 2, 3) || runs.are(false, 2, 3, 2) || runs.are(false, 3, 1, 1) || runs.are(false, 3, 4, 0))
    return runs.count == 3 ? 2 : 1;
  if (runs.count >= 3 && runs.count <= 4 && *std::max_element(runs.size.begin(), runs.size.end()) <= 4) return 2;
  if (runs.count == 2 && std::max(runs.size[0], runs.size[1]) <= 5 && std::min(runs.size[0], runs.size[1]) >= 2)
    return 1;
  return 0;
}

Match match_umlaut_plate(const Text& text, const Context& context, const Word& district) {
  constexpr std::size_t kMostDigits = 4, kMostLetters = 2;
  auto skip = [&](std::size_t i) { return i + (text[i] == '-' || text[i] == ' '); };
  std::size_t end = skip(district.end);
  const std::size_t letters = end;
  while (end < letters + kMostLetters && text[end] >= 'A' && text[end] <= 'Z') ++end;
  if (letters == district.end || end == letters) return {};
  const std::size_t digits = end = skip(end);
  while (end < digits + kMostDigits && is_digit(text[end])) ++end;
  if (end == digits || text[digits] == '0') return {};
  if ((text[end] == 'E' || text[end] == 'H') && !is_alphanumeric(text[end + 1])) ++end;  // electric, historic
  if (is_alphanumeric(text[end]) || text[end] == '_' || text[end] >= 0x80) return {};
  if (context.near(Cue::plate, 3) || context.near(Cue::registration, 2) || context.near(Cue::vehicle, 3))
    return {Kind::plate, district.begin, end, 78};
  const bool said = is_said_of(text, end) && cues_said_of(text, end, context.joined && is_saying(context.previous.hash))
                                                 .test(static_cast<std::size_t>(Cue::plate));
  return said ? Match{Kind::plate, district.begin, end, 62} : Match{};
}

bool is_british_licence(string_view plain) {
  if (plain.size() != 16) return false;
  std::size_t letters = 0;
  bool filled = false;  // a short name is filled with 9
  for (const char c : plain.substr(0, 5)) {
    const bool letter = c >= 'A';
    if (letter ? filled : c != '9') return false;
    filled = !letter;
    letters += letter;
  }
  for (const char c : plain.substr(5, 6)) {
    if (!is_digit(static_cast<unsigned char>(c))) return false;
  }
  const int month = number_at(plain, 6, 2) % 50, day = number_at(plain, 8, 2);
  auto letter = [&](std::size_t i) { return plain[i] >= 'A'; };
  return letters > 0 && month >= 1 && month <= 12 && number_at(plain, 6, 2) <= 62 && day >= 1 && day <= 31 &&
         letter(11) && (letter(12) || plain[12] == '9') && !letter(13) && letter(14) && letter(15);
}

int soundex_licence_score(const Written& written) {
  static constexpr Written kLong[] = {"A999-999-99-999-9"_written, "A999-999-99-999"_written,
                                      "A999-9999-9999-99"_written, "A-999-999-999-999"_written,
                                      "A 999 999 999 999"_written, "A9999 99999 99999"_written,
                                      "A9999-99999-99999"_written};
  if (std::find(std::begin(kLong), std::end(kLong), written) != std::end(kLong)) return 60;
  return written == "A999-9999-9999"_written ? 52 : 0;
}

bool is_vin(string_view plain, bool& checked) {
  if (plain.size() != 17) return false;
  static constexpr int kWeights[] = {8, 7, 6, 5, 4, 3, 2, 10, 0, 9, 8, 7, 6, 5, 4, 3, 2};
  static constexpr string_view kLetters = "ABCDEFGH.JKLMN.P.RSTUVWXYZ", kValues = "12345678.12345.7.923456789";
  int sum = 0;
  std::size_t letters = 0;
  for (std::size_t i = 0; i < 17; ++i) {
    const char c = plain[i];
    if (c >= 'A') {
      const auto at = static_cast<std::size_t>(c - 'A');
      if (kLetters[at] == '.') return false;
      sum += (kValues[at] - '0') * kWeights[i];
      ++letters;
    } else {
      sum += (c - '0') * kWeights[i];
    }
  }
  const int rest = sum % 11;
  checked = plain[8] == (rest == 10 ? 'X' : static_cast<char>('0' + rest));
  return letters >= 2;
}

bool is_german_document(string_view plain) {
  // BSI TR-03110 and the ICAO's 9303: weights 7 3 1 over digits and letters from 10.
  if (plain.size() != 9 && plain.size() != 10) return false;
  if (plain.find_first_not_of("CFGHJKLMNPRTVWXYZ0123456789") != string_view::npos || plain[0] < 'A') return false;
  if (plain.size() == 9) return true;
  static constexpr int kWeights[] = {7, 3, 1};
  int sum = 0;
  for (std::size_t i = 0; i < 9; ++i) sum += (plain[i] >= 'A' ? plain[i] - 'A' + 10 : plain[i] - '0') * kWeights[i % 3];
  return plain[9] == static_cast<char>('0' + sum % 10);
}

}  // namespace freehold::pii
