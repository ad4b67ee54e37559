// Streets with house numbers, post office boxes and postal codes. Suffixes of streets: USPS Publication 28, appendix C.
#include <algorithm>
#include <array>
#include <bit>
#include <iterator>
#include <span>
#include <string_view>

#include "pii/recognisers.h"

namespace freehold::pii {
namespace {

using std::string_view;

bool is_capital(const Word& word) {
  return word.shape == Shape::capital || word.shape == Shape::initial || word.shape == Shape::mixed;
}

// The word behind exactly one blank after `end`, and a full stop of an abbreviation; no letters if there is none.
Word next_word(const Text& text, std::size_t end, bool over_stop) {
  std::size_t i = end;
  if (over_stop && text[i] == '.') ++i;
  const std::size_t n = blank_at(text, i);
  if (n == 0 || letter_at(text, i + n) == 0) return {};
  return word_at(text, i + n);
}

// ", Apt. 5", " Suite 120", " #4", ", 3º B", " - Apto 52" after `end`: its end, or `end`.
std::size_t unit(const Text& text, std::size_t end) {
  std::size_t i = end;
  while (i < end + 3 && (text[i] == ' ' || text[i] == ',' || text[i] == '.' || text[i] == '-')) ++i;
  if (i == end) return end;
  if (is_digit(text[i]) && text[i + 1] == 0xC2 && (text[i + 2] == 0xBA || text[i + 2] == 0xAA)) {  // a Spanish floor
    i += 3;
    if (text[i] == ' ' && letter_at(text, i + 1) != 0) {
      const Word door = word_at(text, i + 1);
      if (door.letters == 1 || text.has(i + 1, "izq") || text.has(i + 1, "dcha"))
        i = door.end + (door.letters > 1 && text[door.end] == '.');
    }
    return i;
  }
  bool named = text[i] == '#';
  if (named) ++i;
  for (const string_view word : {"apartment", "apto", "apt", "suite", "ste", "unit", "floor", "room", "flat", "no",
                                 "bloco", "bajo", "piso", "lok", "m", "byt", "daire", "lgh", "top"}) {
    if (!named && text.has(i, word) && !is_alphanumeric(text[i + word.size()])) {
      i += word.size();
      named = true;
    }
  }
  if (!named) return end;
  while (i < end + 16 && (text[i] == ' ' || text[i] == '.' || text[i] == '#')) ++i;
  std::size_t digits = 0;
  const std::size_t first = i;
  while (digits < 6 && is_alphanumeric(text[i])) ++i, ++digits;
  if (text[i] == '-' && is_digit(text[i + 1]) && digits > 0) {
    for (++i; i < first + 8 && is_digit(text[i]);) ++i;
  }
  return digits > 0 && !is_alphanumeric(text[i]) && (is_digit(text[first]) || digits == 1) ? i : end;
}

// Behind a house number at `i`, " c" or " bis" that belongs to it, if a sign follows: where it ends, or `i`.
std::size_t number_letter(const Text& text, std::size_t i) {
  if (text[i] != ' ' || letter_at(text, i + 1) == 0) return i;
  const Word word = word_at(text, i + 1);
  const bool roman =
      word.shape != Shape::lower && (text.has(i + 1, "I") || text.has(i + 1, "II") || text.has(i + 1, "III"));
  const bool letter = word.letters == 1 && word.shape == Shape::lower && text[i + 1] <= 'h';
  const bool more = text.has(i + 1, "bis") || text.has(i + 1, "ter");
  if ((!letter && !more && !(roman && word.letters <= 3)) || (more && word.letters != 3)) return i;
  const unsigned char next = text[word.end];
  const bool ends =
      next == ',' || next == '\n' || next == ';' || next == 0 || (next == '.' && text[word.end + 1] <= ' ');
  return ends || more ? word.end : i;
}

// " 12", " 12a", " 12-14", ", 5", " n. 80/A", " nº 6", " 108/4/2" after `end`: a house number's end, or `end`.
std::size_t house_number(const Text& text, std::size_t end) {
  std::size_t i = end;
  if (text[i] == ',') ++i;
  const std::size_t n = blank_at(text, i);
  if (n == 0) return end;
  i += n;
  if ((text[i] | 0x20) == 'n') {  // "n. ", "n° ", "nº ", "no. ", "nr. "
    std::size_t k = i + 1;
    if ((text[k] | 0x20) == 'o' || (text[k] | 0x20) == 'r') ++k;
    if (text[k] == '.') {
      ++k;
    } else if (text[k] == 0xC2 && (text[k + 1] == 0xB0 || text[k + 1] == 0xBA)) {
      k += 2;
    }
    if (k == i + 1) return end;
    if (text[k] == ' ') ++k;
    if (!is_digit(text[k])) return end;
    i = k;
  }
  std::size_t digits = 0;
  const std::size_t begin = i;
  while (digits < 4 && is_digit(text[i])) ++i, ++digits;
  if (digits == 0 || is_digit(text[i])) return end;
  if ((text[i] | 0x20) >= 'a' && (text[i] | 0x20) <= 'h' && !is_alphanumeric(text[i + 1])) ++i;
  for (int parts = 0; parts < 3 && (text[i] == '-' || text[i] == '/'); ++parts) {
    const unsigned char first = text[i + 1];
    const bool letter = (first | 0x20) >= 'a' && (first | 0x20) <= 'h' && !is_alphanumeric(text[i + 2]);
    const bool roman = first == 'I' && (text[i + 2] == 'I' || !is_alphanumeric(text[i + 2]));
    if (!is_digit(first) && !letter && !roman) break;
    ++i;
    while (i < begin + 14 && is_alphanumeric(text[i])) ++i;
  }
  if (is_alphanumeric(text[i]) || (text[i] == '.' && is_digit(text[i + 1])) || text[i] == '%') return end;
  return number_letter(text, i);
}

// The end of "bis" or "ter" and a comma behind a French house number, or `end`.
std::size_t bis(const Text& text, std::size_t end) {
  const std::size_t n = blank_at(text, end);
  if (n == 0) return end;
  const std::size_t at = end + n;
  return (text.has(at, "bis") || text.has(at, "ter")) && !is_alphanumeric(text[at + 3]) ? at + 3 : end;
}

// "Karl-Marx-Allee 34", "Lange Straße 14": the end of the number, 0 if it is none. `word` begins it.
std::size_t street_of_words(const Text& text, const Word& word) {
  Word last = word;
  for (int words = 0; words < 4; ++words) {
    const bool hyphen = text[last.end] == '-' && letter_at(text, last.end + 1) != 0;
    const Word next = hyphen ? word_at(text, last.end + 1) : next_word(text, last.end, false);
    if (next.letters == 0 || !is_capital(next)) return 0;
    last = next;
    if ((last.roles & (hyphen ? kStreetWordJoined : kStreetWord)) == 0) continue;
    const std::size_t at = last.end + (text[last.end] == '.' ? 1 : 0);
    const std::size_t end = house_number(text, at);
    return end != at ? end : 0;
  }
  return 0;
}

constexpr string_view kStreetEnds[] = {"strasse",
                                       "stra\xC3\x9F"
                                       "e",
                                       "str",
                                       "weg",
                                       "platz",
                                       "gasse",
                                       "allee",
                                       "ring",
                                       "damm",
                                       "ufer",
                                       "straat",
                                       "laan",
                                       "plein",
                                       "gracht",
                                       "kade",
                                       "dijk",
                                       "singel",
                                       "plantsoen",
                                       "burgwal",
                                       "gatan",
                                       "v\xC3\xA4gen",
                                       "vej",
                                       "gade",
                                       "veien",
                                       "gata",
                                       "katu",
                                       "tie"};

// One of 1024 places for the last three letters of a word (Word::suffix).
constexpr std::size_t suffix_place(std::uint32_t suffix) {
  return suffix * 0x9E3779B1u >> 22;
}

// Which of kStreetEnds a word with such letters may have, as bits: most words end otherwise. Folded, "straße" ends as
// "strasse" does.
constexpr auto kStreetSuffixes = [] {
  std::array<std::uint32_t, 1024> out{};
  for (std::size_t i = 0; i < std::size(kStreetEnds); ++i) {
    const string_view end = kStreetEnds[i].find('\x9F') == string_view::npos ? kStreetEnds[i] : "sse";
    std::uint32_t suffix = 0;
    for (const char c : end.substr(end.size() - 3)) suffix = suffix << 8 | static_cast<unsigned char>(c);
    out[suffix_place(suffix)] |= std::uint32_t{1} << i;
  }
  return out;
}();
static_assert(std::size(kStreetEnds) <= 32);

bool ends_in_street(const Text& text, const Word& word) {
  for (std::uint32_t ends = kStreetSuffixes[suffix_place(word.suffix)]; ends != 0; ends &= ends - 1) {
    const string_view end = kStreetEnds[std::countr_zero(ends)];
    if (word.end - word.begin >= end.size() + 3 && text.has(word.end - end.size(), end)) return true;
  }
  return false;
}

// " W 10th Street", " 42nd Blvd" behind a house number: its end, 0 if it is none.
std::size_t numbered_street(const Text& text, std::size_t at) {
  if (text[at] != ' ') return 0;
  std::size_t i = at + 1;
  if (!is_digit(text[i])) {
    static constexpr std::uint32_t kWays[] = {hash_folded("n"),     hash_folded("s"),    hash_folded("e"),
                                              hash_folded("w"),     hash_folded("nw"),   hash_folded("ne"),
                                              hash_folded("sw"),    hash_folded("se"),   hash_folded("north"),
                                              hash_folded("south"), hash_folded("east"), hash_folded("west")};
    if (letter_at(text, i) == 0) return 0;
    const Word way = word_at(text, i);
    if (way.shape == Shape::lower || std::find(std::begin(kWays), std::end(kWays), way.hash) == std::end(kWays))
      return 0;
    i = way.end + (text[way.end] == '.');
    if (text[i] != ' ') return 0;
    ++i;
  }
  std::size_t digits = 0;
  while (digits < 4 && is_digit(text[i])) ++i, ++digits;
  if (digits == 0 || !(text.has(i, "st") || text.has(i, "nd") || text.has(i, "rd") || text.has(i, "th"))) return 0;
  const Word street = next_word(text, i + 2, false);
  if (street.letters == 0 || !is_capital(street) || (street.flags & kStreet) == 0) return 0;
  std::size_t end = street.end;
  if (text[end] == '.' &&
      (text[end + 1] == ',' || (text[end + 1] == ' ' && text[end + 2] >= 'A' && text[end + 2] <= 'Z')))
    ++end;
  return unit(text, end);
}

// The house number behind "Zum Sportplatz": the end of it where a postal code follows, 0 otherwise. "Im Jahr 1990" is
// no street.
std::size_t with_postcode(const Text& text, std::size_t number) {
  std::size_t i = number;
  if (text[i] == ',') ++i;
  if (text[i] != ' ' && text[i] != '\n') return 0;
  ++i;
  std::size_t digits = 0;
  while (digits < 5 && is_digit(text[i])) ++i, ++digits;
  return (digits == 4 || digits == 5) && text[i] == ' ' && letter_at(text, i + 1) != 0 && !is_digit(text[i]) ? number
                                                                                                             : 0;
}

// "Alter Postweg 70", "Oude Gracht 260a", "Landstraßer Hauptstraße 3": the end of the number, 0 if it is none.
std::size_t street_with_adjective(const Text& text, const Word& word) {
  static constexpr std::uint32_t kAlone[] = {hash_folded("gracht"), hash_folded("voorhout"), hash_folded("markt"),
                                             hash_folded("weg"),    hash_folded("dijk"),     hash_folded("singel"),
                                             hash_folded("platz"),  hash_folded("kade"),     hash_folded("gatan")};
  const bool adjective = (word.roles & kStreetAdjective) != 0;
  const bool of_place =
      word.letters > 5 && text.has(word.end - 2, "er") && (word.flags & (kGiven | kSurname | kCommon)) == 0;
  if (!adjective && !of_place) return 0;
  const Word next = next_word(text, word.end, false);
  if (next.letters == 0 || !is_capital(next)) return 0;
  const bool alone = adjective && std::find(std::begin(kAlone), std::end(kAlone), next.hash) != std::end(kAlone);
  if (!alone && !ends_in_street(text, next)) return 0;
  const std::size_t end = house_number(text, next.end);
  return end != next.end ? end : 0;
}

// "Boise, ID 83702", "Ohio 43004"; not "employee ID 48213".
bool after_state(const Context& context) {
  const PastWord &word = context.previous, &before = context.before_previous;
  if ((word.flags & kState) == 0) return false;
  return word.letters == 2 ? word.shape == Shape::upper && before.letters != 0 && before.shape != Shape::lower
                           : word.shape == Shape::capital;
}

}  // namespace

Match match_address(const Text& text, const Context& context, const Code& code) {
  const Code::Group& number = code.groups[0];
  if (code.joined || code.money || number.digits == 0 || number.size() > 6 || number.size() - number.digits > 1)
    return {};
  std::size_t at = number.end;
  if ((text[at] == '-' || text[at] == '/') && is_digit(text[at + 1])) {
    for (++at; at < number.end + 6 && is_digit(text[at]);) ++at;
  }
  at = bis(text, at);
  if (const std::size_t end = numbered_street(text, at); end != 0) return {Kind::address, number.begin, end, 75};
  if (text[at] == ',') ++at;
  Word word = next_word(text, at, false);
  if (word.letters == 0) return {};
  if (word.cue == Cue::address && !is_capital(word)) return {};
  // "12 rue de la Paix", "5, avenue Victor Hugo"
  auto before_name = [&] {
    if (word.shape == Shape::lower) return true;
    const Word next = next_word(text, word.end, false);
    return is_capital(word) && next.letters != 0 && is_capital(next) && (next.flags & kStreet) == 0;
  };
  static constexpr std::uint32_t kBoulevard = hash_folded("bd");
  if ((word.flags & kStreetFirst) != 0 && (word.letters > 2 || word.hash == kBoulevard) && before_name()) {
    std::size_t end = 0;
    for (int words = 0; words < 5; ++words) {
      Word next = next_word(text, word.end, false);
      if (next.letters == 0) break;
      if (is_capital(next)) {
        while (text[next.end] == '-' && letter_at(text, next.end + 1) != 0 && next.end < word.end + kLongestWord) {
          next = word_at(text, next.end + 1);  // "rue Saint-Honoré"
        }
        end = next.end;
      } else if ((next.flags & kParticle) == 0) {
        break;
      }
      word = next;
    }
    return end != 0 ? Match{Kind::address, number.begin, end, 80} : Match{};
  }
  // "12 Main Street", "5423 Old Mill Rd. Apt 4": a number, one to four words with capitals, the last of them a suffix.
  std::size_t end = 0;
  bool named = false;
  for (int words = 0; words < 5; ++words) {
    if (!is_capital(word) && word.shape != Shape::upper) break;
    if (named && (word.flags & kStreet) != 0) {
      end = word.end;
    }
    if (words == 0 && (word.flags & kMonth) != 0 && (word.flags & kGiven) == 0) break;
    named = true;
    if (end == word.end && text[end] == ',') break;
    const Word next = next_word(text, word.end, word.letters <= 2);
    if (next.letters == 0) break;
    if (end != 0 && (next.flags & kStreet) == 0) break;
    word = next;
  }
  if (end == 0) return {};
  if (number.size() > 5 && !context.near(Cue::address, 5)) return {};
  if (text[end] == '.') ++end;
  for (const string_view direction : {" NW", " NE", " SW", " SE", " N", " S", " E", " W"}) {
    bool same = true;
    for (std::size_t k = 0; k < direction.size() && same; ++k)
      same = text[end + k] == static_cast<unsigned char>(direction[k]);
    if (same && !is_alphanumeric(text[end + direction.size()])) {
      end += direction.size();
      break;
    }
  }
  end = unit(text, end);
  if (text[end - 1] == '.' && (blank_at(text, end) == 0 || letter_at(text, end + 1) != 0)) --end;  // the sentence's
  return {Kind::address, number.begin, end, 75};
}

namespace {

// "Flat 18, 85a Mill Road": the end of the address, 0 if it is none.
std::size_t flat_before(const Text& text, const Word& word) {
  if ((word.roles & kFlat) == 0) return 0;
  const std::size_t number = house_number(text, word.end);
  if (number == word.end || text[number] != ',') return 0;
  std::size_t i = number + 1;
  if (text[i] == ' ' || text[i] == '\n') ++i;
  if (!is_digit(text[i])) return 0;
  const Match match = match_address(text, Context(), code_at(text, i));
  return match.score > 0 ? match.end : 0;
}

}  // namespace

Match match_street(const Text& text, const Word& word) {
  const bool post = (text[word.begin] | 0x20) == 'p' && word.letters <= 2;
  if (!is_capital(word) && !(post && (text.has(word.begin, "p.o. box") || text.has(word.begin, "po box")))) return {};
  if (!post) {
    // None of a post office.
  } else if (text.has(word.begin, "po box ") || text.has(word.begin, "p.o. box ") || text.has(word.begin, "p.o box ")) {
    std::size_t i = word.begin;
    while ((text[i] | 0x20) != 'x') ++i;
    const std::size_t end = house_number(text, i + 1);
    std::size_t more = end;
    while (more < end + 4 && is_digit(text[more])) ++more;
    return end != i + 1 ? Match{Kind::address, word.begin, more, 85} : Match{};
  }
  if ((word.roles & kPostBox) != 0) {
    std::size_t end = word.end, digits = 0;
    for (std::size_t i = end; i < word.end + 14 && (is_digit(text[i]) || (text[i] == ' ' && is_digit(text[i + 1])));
         ++i) {
      if (is_digit(text[i])) end = i + 1, ++digits;
    }
    return digits >= 2 ? Match{Kind::address, word.begin, end, 80} : Match{};
  }
  static constexpr std::uint32_t kUnit = hash_folded("unit"), kBox = hash_folded("box");
  if (word.hash == kUnit) {  // "Unit 1234 Box 5678": military mail
    const std::size_t end = house_number(text, word.end);
    const Word box = end == word.end ? Word{} : next_word(text, end, false);
    if (box.letters == 0 || box.hash != kBox) return {};
    const std::size_t whole = house_number(text, box.end);
    return whole != box.end ? Match{Kind::address, word.begin, whole, 80} : Match{};
  }
  if (const std::size_t end = flat_before(text, word); end != 0) return {Kind::address, word.begin, end, 80};
  if (const std::size_t end = street_with_adjective(text, word); end != 0) return {Kind::address, word.begin, end, 80};
  if (ends_in_street(text, word)) {
    std::size_t at = word.end;
    if (text[at] == '.') ++at;
    const std::size_t end = house_number(text, at);
    return end != at ? Match{Kind::address, word.begin, end, 80} : Match{};
  }
  if (const std::size_t end = street_of_words(text, word); end != 0) return {Kind::address, word.begin, end, 78};
  if (word.letters == 1 ? word.hash != hash_folded("c") || text[word.end] != '/' : (word.flags & kStreetFirst) == 0)
    return {};
  // "Via Roma 12", "Calle de Alcalá, 5", "Rua Augusta 100", "Am Markt 3", "Via G. Verdi n. 80/A", "C/ Mayor 22"
  static constexpr std::uint32_t kIn[] = {hash_folded("im"), hash_folded("zum"), hash_folded("zur"),
                                          hash_folded("auf")};
  const bool in = std::find(std::begin(kIn), std::end(kIn), word.hash) != std::end(kIn);
  Word last = word;
  if (word.letters == 1) last.end += 1;  // "C/"
  std::size_t end = 0;
  for (int words = 0; words < 5; ++words) {
    const Word next = next_word(text, last.end, words == 0 || last.shape == Shape::initial);  // "Avda. de", "G. Verdi"
    const bool numeral = words > 0 && next.shape == Shape::upper && next.letters <= 4;  // "Corso Vittorio Emanuele II"
    if (next.letters == 0 || (!is_capital(next) && !numeral && (next.flags & kParticle) == 0)) break;
    last = next;
    if (!is_capital(next) && !numeral) continue;
    const std::size_t number = house_number(text, next.end);
    if (number != next.end) {
      end = in ? with_postcode(text, number) : unit(text, number);
      break;
    }
  }
  return end != 0 ? Match{Kind::address, word.begin, end, word.letters > 2 || in || word.letters == 1 ? 72 : 52}
                  : Match{};
}

Match match_postcode(const Text& text, const Context& context, const Code& code) {
  if (code.joined || code.money || code.hyphened) return {};
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
  if (code.count > 1 && sized(0, 2, 5) && sized(1, 2, 4) && !code.lower_case(2) && written(2)) {
    if (is("A9 9AA"_written, "A99 9AA"_written, "AA9 9AA"_written, "AA99 9AA"_written, "A9A 9AA"_written,
           "AA9A 9AA"_written))
      return found(2, cue ? 95 : 66);
    if (is("A9A 9A9"_written) && string_view("DFIOQU").find(plain.bytes[2]) == string_view::npos)
      return found(2, cue ? 95 : 70);                                                          // Canada
    if (is("9999 AA"_written) && (cue || context.near(Cue::address, 6))) return found(2, 80);  // Netherlands
    if (is("99999-9999"_written)) {
      // "GB/T 43476-2019": a standard and its year.
      const bool year = plain.bytes[5] == '1' ? plain.bytes[6] == '9' : plain.bytes[5] == '2' && plain.bytes[6] == '0';
      return found(2, cue || after_state(context) ? 95 : year ? 40 : 62);
    }
    if (is("99999-999"_written)) return found(2, cue || context.near(Cue::address, 6) ? 85 : 40);  // Brazil
    if (is("99-999"_written) && (cue || context.near(Cue::address, 6))) return found(2, 80);       // Poland
    if (is("9999-999"_written)) return found(2, cue || context.near(Cue::address, 6) ? 80 : 30);   // Portugal
    if (is("999 99"_written) && cue) return found(2, 80);                                          // Sweden, Czechia
  }
  // Behind a street and its town: "Hobart TAS 7004", "Chennai - 600017", "Kochi 682 001".
  const bool behind_town = context.tag == Tag::place && context.near(Cue::address, 6);
  if (behind_town && code.count > 1 && sized(0, 3, 3) && written(2) && is("999 999"_written)) return found(2, 72);
  if (!sized(0, 4, 8) || (!cue && !behind_town && code.groups[0].digits != 5) || !written(1)) return {};
  if (behind_town && (is("999999"_written) || (is("9999"_written) && context.joined))) return found(1, 72);
  if (is("99999"_written)) {
    if (cue) return found(1, 92);
    if (context.joined && after_state(context)) return found(1, 88);
    // "10115 Berlin"
    const std::size_t n = blank_at(text, code.end(1));
    if (n != 0 && letter_at(text, code.end(1) + n) != 0) {
      const Word place = word_at(text, code.end(1) + n);
      if (!is_capital(place)) return {};
      if ((place.flags & (kPlace | kPlacePart)) != 0 && (place.flags & kCommon) == 0) return found(1, 60);
      if (context.near(Cue::address, 4)) return found(1, 58);
    }
  }
  if ((is("9999"_written) || is("999999"_written) || is("99999999"_written)) && cue) return found(1, 75);
  if ((is("A99AAAA"_written) || is("AA999AA"_written) || is("A999AA"_written)) && cue) return found(1, 80);
  return {};
}

}  // namespace freehold::pii
