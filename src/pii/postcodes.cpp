// Postal codes: alone where their form tells, beside their words, and behind a street and its town.
#include <string_view>

#include "pii/addresses.h"

namespace freehold::pii {
namespace {

using std::string_view;

// "Boise, ID 83702", "Ohio 43004"; not "employee ID 48213".
bool after_state(const Context& context) {
  const PastWord &word = context.previous, &before = context.before_previous;
  if ((word.flags & kState) == 0) return false;
  return word.letters == 2 ? word.shape == Shape::upper && before.letters != 0 && before.shape != Shape::lower
                           : word.shape == Shape::capital;
}

// "Wagga Wagga NSW 9065"
bool after_australian_state(const Context& context) {
  static constexpr FewWords kStates("nsw vic qld tas act nt sa wa");
  const PastWord& before = context.before_previous;
  return context.joined && context.previous.shape == Shape::upper && kStates.has(context.previous) &&
         before.letters > 2 && before.shape != Shape::lower;
}

// A word with a capital behind one blank at `end`, which is no ordinary one: a town's name may begin there.
bool before_town(const Text& text, std::size_t end) {
  const Word word = next_word(text, end, false);
  return word.letters > 1 && begins_with_capital(word) && (word.flags & (kMonth | kWeekday)) == 0 &&
         ((word.flags & kCommon) == 0 || (word.flags & (kPlace | kPlacePart)) != 0);
}

bool before_known_town(const Text& text, std::size_t end) {
  const Word word = next_word(text, end, false);
  return word.letters > 2 && begins_with_capital(word) && (word.flags & kPlace) != 0 &&
         (word.flags & (kCommon | kGiven)) == 0;
}

// The word before may be a town's: "Thane - 283331", "Mysuru 570001".
bool after_town(const Context& context) {
  const PastWord& word = context.previous;
  return context.tag == Tag::place || (word.letters > 2 && word.shape == Shape::capital &&
                                       (word.flags & (kCommon | kFiller | kMonth | kProper)) == 0);
}

// "1454 SW Barbur Blvd": a house number and a direction, and no code of the Netherlands.
bool before_street(const Text& text, std::size_t end) {
  for (int words = 0; words < 4; ++words) {
    const Word word = next_word(text, end, true);
    if (word.letters == 0 || word.shape == Shape::lower) return false;
    if ((word.flags & kStreet) != 0) return true;
    end = word.end;
  }
  return false;
}

// "Duluth^MN^55802", as messages for hospitals and insurers have it.
bool in_message(const Text& text, const Context& context, const Code& code) {
  const unsigned char sign = text.before(code.groups[0].begin, 1);
  return (sign == '^' || sign == '*' || sign == '|') && text.before(code.groups[0].begin, 4) == sign &&
         context.previous.letters == 2 && context.previous.shape == Shape::upper &&
         (context.previous.flags & kState) != 0;
}

// "D-10115 Berlin", "SE-411 19 Göteborg", "CH-8001 Zürich": how many groups, 0 if it is none.
std::size_t with_country(const Text& text, const Code& code) {
  static constexpr FewWords kLong(
      "d de f fr i it e es fi pl cz sk hr us tr rs gr ee lt ua kr my th mx");                 // five figures
  static constexpr FewWords kShort("a at b be ch dk n no l lu h hu si bg nl cy li lv pt p");  // four
  const Code::Group &country = code.groups[0], &first = code.groups[1];
  if (code.count < 2 || country.digits != 0 || country.size() > 2 || country.lower != 0 || country.separator != '-' ||
      country.wide || first.digits != first.size())
    return 0;
  Word name;
  name.letters = static_cast<std::uint8_t>(country.size());
  name.hash = kHashStart;
  for (std::size_t k = country.begin; k < country.end; ++k) name.hash = hash_on(name.hash, text[k] | 0x20);
  static constexpr FewWords kApart("s se cz sk gr");
  const bool apart = code.count > 2 && first.size() == 3 && first.separator == ' ' && !first.wide &&
                     code.groups[2].size() == 2 && code.groups[2].digits == 2;
  if (apart) return kApart.has(name) && before_town(text, code.end(3)) ? 3 : 0;
  if (code.count > 2 && first.size() == 2 && first.separator == '-' && code.groups[2].size() == 3 &&
      code.groups[2].digits == 3) {
    static constexpr FewWords kPoland("pl");
    return kPoland.has(name) && before_town(text, code.end(3)) ? 3 : 0;
  }
  if (!(first.size() == 5 ? kLong.has(name) : first.size() == 4 && kShort.has(name))) return 0;
  return code.may_end(text, 2) && before_town(text, code.end(2)) ? 2 : 0;
}

}  // namespace

Match match_postcode(const Text& text, const Context& context, const Code& code) {
  constexpr std::uint32_t kReach = 6;
  // Behind a street and its town, and with a dash between: "Lucknow-226001".
  const bool near_street = context.near(Cue::address, kReach);
  const bool dashed = code.hyphened && near_street && context.previous.letters > 2 && after_town(context);
  if (code.joined || code.money || (code.hyphened && !dashed)) return {};
  Plain plain;
  Written shape;
  auto written = [&](std::size_t n) {
    if (n > code.count || !code.may_end(text, n) || code.end(n) - code.groups[0].begin > 12) return false;
    plain = code.plain(text, n);
    shape = {plain.size, code.form(n), plain.letters};
    return true;
  };
  auto is = [&](auto... shapes) { return ((shape == shapes) || ...); };
  auto found = [&](std::size_t n, int score) {
    return Match{Kind::postcode, code.groups[0].begin, code.end(n), score};
  };
  const bool cue = context.near(Cue::postcode, 3);
  auto sized = [&](std::size_t g, std::size_t least, std::size_t most) {
    return code.groups[g].size() >= least && code.groups[g].size() <= most;
  };
  if (code.groups[0].digits == 0) {
    if (const std::size_t n = with_country(text, code); n != 0) return found(n, 74);
  }
  if (code.count > 1 && sized(0, 2, 5) && sized(1, 2, 4) && !code.lower_case(2) && written(2)) {
    if (is("A9 9AA"_written, "A99 9AA"_written, "AA9 9AA"_written, "AA99 9AA"_written, "A9A 9AA"_written,
           "AA9A 9AA"_written))
      return found(2, cue ? 95 : 66);
    if (is("A9A 9A9"_written) && string_view("DFIOQU").find(plain.bytes[2]) == string_view::npos)
      return found(2, cue ? 95 : 70);  // Canada
    if (is("9999 AA"_written)) {       // Netherlands
      if (cue || (near_street && !before_street(text, code.end(2)))) return found(2, 80);
      if (plain.bytes[0] != '0' && before_known_town(text, code.end(2))) return found(2, 62);
    }
    if (is("99999-9999"_written)) {
      // "GB/T 43476-2019": a standard and its year.
      const bool year = plain.bytes[5] == '1' ? plain.bytes[6] == '9' : plain.bytes[5] == '2' && plain.bytes[6] == '0';
      return found(2, cue || after_state(context) ? 95 : year ? 40 : 62);
    }
    if (is("99999-999"_written)) return found(2, cue || near_street ? 85 : 40);  // Brazil
    if (is("99-999"_written)) {                                                  // Poland
      if (cue || near_street) return found(2, 80);
      if (before_known_town(text, code.end(2))) return found(2, 62);
    }
    if (is("9999-999"_written)) return found(2, cue || near_street ? 80 : 30);  // Portugal
    // Sweden, Czechia, Slovakia, Greece: "401 54 Örebro"
    if (is("999 99"_written) && (text.before(code.groups[0].begin, 1) != ',')) {  // not "101,841 76 Easton"
      if (cue) return found(2, 80);
      if (near_street && before_town(text, code.end(2))) return found(2, 74);
      if (before_known_town(text, code.end(2))) return found(2, 58);
    }
  }
  // "3646GK Baambrugge"
  if (sized(0, 6, 6) && code.groups[0].digits == 4 && code.groups[0].upper == 2 && written(1) && is("9999AA"_written) &&
      plain.bytes[0] != '0') {
    if (cue || (near_street && !before_street(text, code.end(1)))) return found(1, 80);
    if (before_known_town(text, code.end(1))) return found(1, 60);
  }
  // "Hobart TAS 7004", "Chennai - 600017", "Kochi 682 001", "Vesterbrogade 12, 1620 København".
  const bool behind_town = near_street && after_town(context) && context.previous.letters != 0;
  const bool place = context.tag == Tag::place;
  const bool beside_street = context.near(Cue::address, 1) && context.previous.letters == 0;
  if (behind_town && code.count > 1 && sized(0, 3, 3) && written(2) && is("999 999"_written)) return found(2, 72);
  const bool australian = after_australian_state(context);
  if (!sized(0, 4, 8) || (!cue && !behind_town && !beside_street && !australian && code.groups[0].digits != 5) ||
      !written(1))
    return {};
  if (behind_town && is("999999"_written) && plain.bytes[0] != '0') return found(1, 72);
  if (behind_town && place && is("9999"_written) && context.joined) return found(1, 72);
  if (is("9999"_written) && (australian || (beside_street && before_town(text, code.end(1))))) return found(1, 72);
  if (is("99999"_written)) {
    if (cue) return found(1, 92);
    if (context.joined && after_state(context)) return found(1, 88);
    if (in_message(text, context, code)) return found(1, 88);
    // "10115 Berlin"
    const std::size_t n = blank_at(text, code.end(1));
    if (n != 0 && letter_at(text, code.end(1) + n) != 0) {
      const Word town = word_at(text, code.end(1) + n);
      if (!begins_with_capital(town) && (town.shape != Shape::upper || town.letters < 4)) return {};
      if ((town.flags & (kPlace | kPlacePart)) != 0 && (town.flags & kCommon) == 0) return found(1, 60);
      if (context.near(Cue::address, 4)) return found(1, 58);
    }
  }
  if ((is("9999"_written) || is("999999"_written) || is("99999999"_written)) && cue) return found(1, 75);
  if ((is("A99AAAA"_written) || is("AA999AA"_written) || is("A999AA"_written)) && cue) return found(1, 80);
  return {};
}

}  // namespace freehold::pii
