// Dates more exact than a year, in figures and with the names of months in nine languages, and ages over 89.
#include <algorithm>
#include <iterator>
#include <string>

#include "pii/check_digits.h"
#include "pii/lexicon.h"
#include "pii/recognisers.h"

namespace freehold::pii {
namespace {

// The number at `i` and where it ends; -1 if there is none, or it has more than `most` digits.
int small_number(const Text& text, std::size_t i, std::size_t most, std::size_t& end) {
  int n = 0;
  std::size_t k = i;
  while (k < i + most && is_digit(text[k])) n = n * 10 + (text[k++] - '0');
  end = k;
  return k == i || is_digit(text[k]) ? -1 : n;
}

bool is_year(int year) {
  return year >= 1850 && year <= 2150;
}

// Behind a day or a year: nothing that makes it another number.
bool ends_here(const Text& text, std::size_t i) {
  const unsigned char c = text[i];
  if (c == '.' || c == ',' || c == '/' || c == ':') return !is_digit(text[i + 1]);
  if (const std::size_t n = dash_at(text, i); n != 0) return !is_digit(text[i + n]);
  return !is_alphanumeric(c) && c != '_' && c != '%';
}

std::size_t blanks(const Text& text, std::size_t i) {
  const std::size_t begin = i;
  while (i < begin + 3) {
    const std::size_t n = blank_at(text, i);
    if (n == 0) break;
    i += n;
  }
  return i;
}

// "de", "of", "del" and a blank, or nothing.
std::size_t of(const Text& text, std::size_t i) {
  static constexpr std::string_view kOf[] = {"of ", "de ", "del ", "do ", "di "};
  for (const std::string_view word : kOf) {
    if (text.has(i, word)) return i + word.size();
  }
  return i;
}

// ", 2024", " 2024", " de 2024", " '24" after `end`: the new end, or `end`.
std::size_t with_year(const Text& text, std::size_t end) {
  std::size_t i = end;
  if (text[i] == ',' || text[i] == '.') ++i;
  i = of(text, blanks(text, i));
  std::size_t year_end = 0;
  const int year = small_number(text, i, 4, year_end);
  return i > end && is_year(year) && ends_here(text, year_end) ? year_end : end;
}

// "3", "3rd", "3.", "1er", "3º" at `i`: a day, and where it ends; 0 if there is none.
int day_at(const Text& text, std::size_t i, std::size_t& end) {
  const int day = small_number(text, i, 2, end);
  if (day < 1 || day > 31) return 0;
  static constexpr std::string_view kOrdinal[] = {"st", "nd", "rd", "th", "er"};
  for (const std::string_view suffix : kOrdinal) {
    if (text.has(end, suffix) && !is_alphanumeric(text[end + 2])) {
      end += 2;
      return day;
    }
  }
  if (text[end] == 0xC2 && (text[end + 1] == 0xBA || text[end + 1] == 0xB0)) end += 2;
  return day;
}

// "(b. 1980-03-03)", "(* 3. März 1980)": what stands right before the date at `begin`.
bool is_life(const Text& text, std::size_t begin) {
  std::size_t back = 1;
  if (text.before(begin, back) == ' ') ++back;
  const bool stop = text.before(begin, back) == '.';
  back += stop;
  const unsigned char sign = text.before(begin, back), left = text.before(begin, back + 1);
  return (sign == '*' && !stop && left == '(') ||
         ((sign == 'b' || sign == 'n') &&
          (left == '(' || (stop && sign == 'b' && (left == ' ' || left == ',' || left == '\n' || left == 0))));
}

// "… instead of 8/8/1982", "… and the new one is 8 May 1983": another of what came before.
bool is_another(const Context& context) {
  struct Pair {
    std::uint32_t before, last;
  };
  static constexpr Pair kPairs[] = {
      {hash_folded("instead"), hash_folded("of")}, {hash_folded("lieu"), hash_folded("de")},
      {hash_folded("vez"), hash_folded("de")},     {hash_folded("lugar"), hash_folded("de")},
      {hash_folded("invece"), hash_folded("di")},  {hash_folded("plaats"), hash_folded("van")},
      {hash_folded("one"), hash_folded("is")},     {hash_folded("one"), hash_folded("was")},
      {hash_folded("richtig"), hash_folded("ist")}};
  static constexpr std::uint32_t kAlone[] = {hash_folded("statt"), hash_folded("anstatt"), hash_folded("sondern"),
                                             hash_folded("not")};
  const std::uint32_t last = context.previous.hash, before = context.before_previous.hash;
  return std::any_of(std::begin(kPairs), std::end(kPairs),
                     [&](const Pair& pair) { return pair.before == before && pair.last == last; }) ||
         std::find(std::begin(kAlone), std::end(kAlone), last) != std::end(kAlone);
}

// A date from `begin` to `end`: of birth if a word says so before it, or after it ("am 3. Mai 1970 geboren",
// "1970-05-03 (DOB)", "3 May 1970 is her date of birth").
Kind kind_here(const Text& text, const Context& context, std::size_t begin, std::size_t end) {
  if (context.near(Cue::birth, kBirthReach) || is_life(text, begin)) return Kind::birth_date;
  if (context.near(Cue::birth_found, kBirthReach) && is_another(context)) return Kind::birth_date;
  // "Lovelace, Ada (10 December 1955)": how registers have it.
  const bool listed = context.listed && context.tag == Tag::person && context.before_tag == Tag::person;
  if (listed && text.before(begin, 1) == '(' && text[end] == ')') return Kind::birth_date;
  const std::size_t blank = blank_at(text, end), at = end + blank + (blank != 0 && text[end + blank] == '(');
  if (blank == 0 || letter_at(text, at) == 0) return Kind::date;
  const Word next = word_at(text, at);
  if (next.cue == Cue::birth && next.letters > 1) return Kind::birth_date;
  const bool asked = context.joined && is_saying(context.previous.hash);
  return cues_said_of(text, end, asked).test(static_cast<std::size_t>(Cue::birth)) ? Kind::birth_date : Kind::date;
}

bool is_month(const Word& word) {
  if ((word.flags & kMonth) == 0) return false;
  return word.letters > 2;
}

Match in_figures(const Text& text, const Context& context, const Code& code) {
  if (code.count < 3 || code.joined || code.hyphened) return {};
  const char separator = code.groups[0].separator;
  if (separator != code.groups[1].separator || separator == '+') return {};
  // "03 05 1970" and what is apart farther are dates only where a birth is spoken of.
  if ((separator == ' ' || code.wide(3)) && !context.near(Cue::birth, 3)) return {};
  const Code::Group &a = code.groups[0], &b = code.groups[1], &c = code.groups[2];
  if (a.digits != a.size() || b.digits != b.size() || b.size() > 2 || a.size() > 4 || a.size() == 3) return {};
  std::size_t third_digits = 0;
  while (third_digits < 5 && is_digit(text[c.begin + third_digits])) ++third_digits;
  std::size_t end = 0;
  const int first = small_number(text, a.begin, 4, end), second = small_number(text, b.begin, 2, end);
  const int third = small_number(text, c.begin, 4, end);
  if (third < 0) return {};
  int score = 0;
  if (a.size() == 4 && third_digits <= 2) {
    if (is_year(first) && is_day(first, second, third)) score = 88;
    // A time after it belongs to it.
    if (score > 0 && (text[end] | 0x20) == 't' && is_digit(text[end + 1])) {
      while (end < c.begin + 40 &&
             (is_alphanumeric(text[end]) ||
              ((text[end] == ':' || text[end] == '.' || text[end] == '+') && is_digit(text[end + 1]))))
        ++end;
      return {kind_here(text, context, a.begin, end), a.begin, end, 80};
    }
  } else if (a.size() <= 2 && (third_digits == 4 || third_digits == 2)) {
    const int year = third_digits == 4 ? third : 0;
    const bool valid = is_day(year, second, first) || is_day(year, first, second);
    if (third_digits == 4 && is_year(third) && valid) score = 85;
    if (third_digits == 2 && valid)
      score = separator == '/' ? 68 : a.size() == 2 && b.size() == 2 ? (separator == '-' ? 60 : 45) : 20;
  }
  if (score == 0 || c.digits != c.size() || c.size() != third_digits) return {};
  // A date with its year in full ends at a comma, whatever follows: "1962-05-12,12345" are two columns.
  const bool column = text[end] == ',' && (a.size() == 4 || third_digits == 4);
  if (!column && !ends_here(text, end)) return {};
  if (context.near(Cue::version, 2)) score -= 40;
  const Kind kind = kind_here(text, context, a.begin, end);
  if (kind == Kind::birth_date) score = 95;
  return {kind, a.begin, end, score};
}

// "21MAR1961", "06Jan2019", "9MAY78" at `begin`.
Match with_month_inside(const Text& text, const Context& context, std::size_t begin) {
  std::size_t i = begin;
  const int day = small_number(text, begin, 2, i);
  if (day < 1 || day > 31 || letter_at(text, i) == 0) return {};
  const Word month = word_at(text, i);
  if (!is_month(month)) return {};
  std::size_t end = 0;
  const int year = small_number(text, month.end, 4, end);
  const std::size_t digits = end - month.end;
  if (year < 0 || (digits == 4 ? !is_year(year) : digits != 2 || month.shape != Shape::upper)) return {};
  // A time may follow: "06JAN2019:10:30"
  const bool time = text[end] == ':' && is_digit(text[end + 1]);
  if (!time && !ends_here(text, end)) return {};
  return {kind_here(text, context, begin, end), begin, end, digits == 4 ? 88 : 70};
}

// "1961-Mar-21", "2019 Jan 06", "2019JAN06": the year first.
Match year_and_month(const Text& text, const Context& context, std::size_t begin) {
  std::size_t i = begin;
  if (!is_year(small_number(text, begin, 4, i)) || i != begin + 4) return {};
  const unsigned char sign = text[i];
  const bool apart = sign == '-' || sign == '/' || sign == ' ';
  if (letter_at(text, i + apart) == 0) return {};
  const Word month = word_at(text, i + apart);
  if (!is_month(month) || month.shape == Shape::lower || (apart && text[month.end] != sign)) return {};
  std::size_t end = 0;
  const int day = small_number(text, month.end + apart, 2, end);
  if (day < 1 || day > 31 || !ends_here(text, end)) return {};
  return {kind_here(text, context, begin, end), begin, end, 85};
}

// "|19510304|F|" and "*D8*19510304*F~": what stands between the signs of messages for hospitals and insurers, with a
// time or without; of birth where the sex follows.
Match in_message(const Text& text, const Code& code) {
  const Code::Group& group = code.groups[0];
  const unsigned char left = text.before(group.begin, 1), right = text[group.end];
  if ((left != '|' && left != '*' && left != ':') || group.digits != group.size() ||
      (group.size() != 8 && group.size() != 12 && group.size() != 14))
    return {};
  const std::string_view digits = text.part(group.begin, group.end);
  const int year = number_at(digits, 0, 4);
  if (!is_year(year) || !is_day(year, number_at(digits, 4, 2), number_at(digits, 6, 2))) return {};
  auto birth = [&] { return Match{Kind::birth_date, group.begin, group.end, 92}; };
  if (left == ':') {  // EDIFACT: "DTM+329:19510304:102"
    const bool of_birth = text.before(group.begin, 2) == '9' && text.before(group.begin, 3) == '2' &&
                          text.before(group.begin, 4) == '3' && text.before(group.begin, 5) == '+';
    return of_birth && right == ':' ? birth() : Match{};
  }
  if (left == '*' && (text.before(group.begin, 2) != '8' || text.before(group.begin, 3) != 'D')) return {};
  const unsigned char sex = text[group.end + 1] | 0x20, then = text[group.end + 2];
  if (right == left && (then == left || then == '~' || then == '^' || then == '\n') &&
      std::string_view("mfuoanx").find(static_cast<char>(sex)) != std::string_view::npos)
    return birth();
  const bool ends = right == left || right == '~' || right == '\n' || right == '\r' || right == '^';
  return ends && left == '|' ? Match{Kind::date, group.begin, group.end, 62} : Match{};
}

// "19700503", as address books have it (RFC 6350, BDAY), and "03051970", right behind the word.
Match in_one_piece(const Text& text, const Context& context, const Code& code) {
  const Code::Group& group = code.groups[0];
  if (group.size() != 8 || group.digits != 8 || code.joined || !context.near(Cue::birth, 2)) return {};
  // "ne" is an operator of programs as well: of its phrases only "née le" counts.
  static constexpr std::uint32_t kNe = hash_folded("ne"), kNee = hash_folded("nee"), kLe = hash_folded("le");
  for (const PastWord* word : {&context.previous, &context.before_previous}) {
    if (word->letters != 0 && (word->hash == kNe || word->hash == kNee) && context.previous.hash != kLe) return {};
  }
  const std::string_view digits = text.part(group.begin, group.end);
  auto number = [&](std::size_t at, std::size_t size) { return number_at(digits, at, size); };
  const bool year_first = is_year(number(0, 4)) && is_day(number(0, 4), number(4, 2), number(6, 2));
  const bool year_last = is_year(number(4, 4)) && (is_day(number(4, 4), number(2, 2), number(0, 2)) ||
                                                   is_day(number(4, 4), number(0, 2), number(2, 2)));
  return year_first || year_last ? Match{Kind::birth_date, group.begin, group.end, 90} : Match{};
}

// "At 94, she lives alone.": an age that ends at `end`, behind `before`.
bool is_at_age(const Text& text, const PastWord& before, std::size_t end) {
  static constexpr std::uint32_t kAt[] = {hash_folded("at"),  hash_folded("mit"), hash_folded("a"),
                                          hash_folded("con"), hash_folded("aos"), hash_folded("vid")};
  static constexpr std::uint32_t kWho[] = {
      hash_folded("she"),  hash_folded("he"),  hash_folded("they"), hash_folded("i"),   hash_folded("my"),
      hash_folded("his"),  hash_folded("her"), hash_folded("sie"),  hash_folded("er"),  hash_folded("ich"),
      hash_folded("elle"), hash_folded("il"),  hash_folded("ella"), hash_folded("el"),  hash_folded("lei"),
      hash_folded("lui"),  hash_folded("ela"), hash_folded("ele"),  hash_folded("han"), hash_folded("hon"),
      hash_folded("hun"),  hash_folded("the")};
  if (before.shape != Shape::capital && before.shape != Shape::initial) return false;
  if (std::find(std::begin(kAt), std::end(kAt), before.hash) == std::end(kAt)) return false;
  if (text[end] != ',' || text[end + 1] != ' ' || letter_at(text, end + 2) == 0) return false;
  return std::find(std::begin(kWho), std::end(kWho), word_at(text, end + 2).hash) != std::end(kWho);
}

}  // namespace

Match match_date(const Text& text, const Context& context, const Code& code) {
  if (const Match match = in_figures(text, context, code)) return match;
  if (const Match match = in_one_piece(text, context, code)) return match;
  if (!code.joined && code.count == 1) {
    if (const Match match = in_message(text, code)) return match;
  }
  if (!code.joined && !code.hyphened && code.groups[0].digits >= 3) {
    if (const Match match = with_month_inside(text, context, code.groups[0].begin)) return match;
    if (const Match match = year_and_month(text, context, code.groups[0].begin)) return match;
  }
  // "3 March 2024", "3. März", "3rd of March", "3 de mayo de 2024"
  if (code.joined || code.groups[0].digits == 0 || code.groups[0].digits > 2) return {};
  std::size_t end = 0;
  const std::size_t begin = code.groups[0].begin;
  if (day_at(text, begin, end) == 0) return {};
  std::size_t i = end;
  const unsigned char sign = text[i];
  if (sign == '.' || sign == '-' || sign == '/') ++i;
  i = of(text, blanks(text, i));
  if (i == end || letter_at(text, i) == 0) return {};
  const Word word = word_at(text, i);
  if (!is_month(word) || (sign == '/' && text[word.end] != '/')) return {};
  end = word.end;
  if (text[end] == sign && sign != ' ' && is_digit(text[end + 1])) {  // 3-Mar-2024, 13/Jul/2023:23:15:33
    std::size_t year_end = 0;
    const int year = small_number(text, end + 1, 4, year_end);
    const bool time = text[year_end] == ':' && is_digit(text[year_end + 1]);
    if (year >= 0 && (time || ends_here(text, year_end))) end = year_end;
  } else {
    end = with_year(text, end);
  }
  return {kind_here(text, context, begin, end), begin, end, 88};
}

Match match_month(const Text& text, const Context& context, const Word& month) {
  if (!is_month(month) || (month.shape != Shape::capital && month.shape != Shape::upper)) return {};
  std::size_t i = month.end;
  if ((text[i] == '-' || text[i] == '/') && is_digit(text[i + 1])) {  // "Jan-06-2019"
    std::size_t day_end = 0, end = 0;
    const int day = small_number(text, i + 1, 2, day_end);
    if (day < 1 || day > 31 || text[day_end] != text[i]) return {};
    const int year = small_number(text, day_end + 1, 4, end);
    if (!is_year(year) || !ends_here(text, end)) return {};
    return {kind_here(text, context, month.begin, end), month.begin, end, 85};
  }
  if (text[i] == '.' || text[i] == ',') ++i;
  const std::size_t begin = blanks(text, i);
  if (begin == i) return {};
  const bool the = text.has(begin, "the ");
  std::size_t end = 0;
  const std::size_t number = the ? begin + 4 : of(text, begin);
  if (!is_digit(text[number])) return {};
  if (const int day = day_at(text, number, end); day != 0 && ends_here(text, end) && !text.has(end, " percent")) {
    const std::size_t whole = with_year(text, end);
    return {kind_here(text, context, month.begin, whole), month.begin, whole, 85};
  }
  const int year = small_number(text, number, 4, end);
  if (is_year(year) && ends_here(text, end)) return {kind_here(text, context, month.begin, end), month.begin, end, 75};
  return {};
}

Match match_age(const Text& text, const Context& context, const Code& code) {
  const Code::Group& first = code.groups[0];
  if (code.joined || code.money || first.digits < 2 || first.digits > 3) return {};
  std::size_t end = 0;
  const int age = small_number(text, first.begin, 3, end);
  if (age < 90 || age > 130) return {};
  std::size_t i = end;
  while (i < end + 3 && (text[i] == ' ' || text[i] == '-')) ++i;
  bool named = false;
  if (first.digits < first.size()) {  // "93yo"
    static constexpr std::string_view kGlued[] = {"y", "yo", "yr", "yrs", "yof", "yom"};
    named = std::any_of(std::begin(kGlued), std::end(kGlued), [&](std::string_view word) {
      return first.size() - first.digits == word.size() && text.has(end, word);
    });
    return named ? Match{Kind::age, first.begin, end, 80} : Match{};
  }
  for (const std::string_view word :
       {"years old", "year old", "year-old", "years-old", "years of age", "yo ", "y/o", "y.o", "yrs old", "yr old",
        "jahre alt", "jahrig", "j\xC3\xA4hrig", "ans", "anni", "lat "}) {
    named = named || text.has(i, word);
  }
  const PastWord& before = context.previous;
  static constexpr std::uint32_t kWords[] = {hash_folded("aged"), hash_folded("age"), hash_folded("turned"),
                                             hash_folded("turning"), hash_folded("alter")};
  for (const std::uint32_t word : kWords) named = named || (before.letters != 0 && before.hash == word);
  static constexpr std::uint32_t kAge = hash_folded("age");
  named = named || (context.before_previous.letters != 0 && context.before_previous.hash == kAge);
  return named || is_at_age(text, before, end) ? Match{Kind::age, first.begin, end, 80} : Match{};
}

}  // namespace freehold::pii
