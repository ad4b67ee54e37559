// Streets with house numbers, post office boxes and postal codes. Suffixes of streets: USPS Publication 28, appendix C.
#include <algorithm>
#include <array>
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

// ", Apt. 5", " Suite 120", " #4" after `end`: its end, or `end`.
std::size_t unit(const Text& text, std::size_t end) {
  std::size_t i = end;
  while (i < end + 3 && (text[i] == ' ' || text[i] == ',' || text[i] == '.')) ++i;
  bool named = text[i] == '#';
  if (named) ++i;
  for (const string_view word : {"apartment", "apt", "suite", "ste", "unit", "floor", "room", "flat", "no"}) {
    if (!named && text.has(i, word) && !is_alphanumeric(text[i + word.size()])) {
      i += word.size();
      named = true;
    }
  }
  if (!named) return end;
  while (i < end + 16 && (text[i] == ' ' || text[i] == '.' || text[i] == '#')) ++i;
  std::size_t digits = 0;
  while (digits < 6 && is_alphanumeric(text[i])) ++i, ++digits;
  return digits > 0 && (is_digit(text[i - 1]) || digits < 3) ? i : end;
}

// " 12", " 12a", " 12-14", ", 5" after `end`: a house number's end, or `end`.
std::size_t house_number(const Text& text, std::size_t end) {
  std::size_t i = end;
  if (text[i] == ',') ++i;
  const std::size_t n = blank_at(text, i);
  if (n == 0) return end;
  i += n;
  std::size_t digits = 0;
  const std::size_t begin = i;
  while (digits < 4 && is_digit(text[i])) ++i, ++digits;
  if (digits == 0 || is_digit(text[i])) return end;
  if ((text[i] | 0x20) >= 'a' && (text[i] | 0x20) <= 'h' && !is_alphanumeric(text[i + 1])) ++i;
  if ((text[i] == '-' || text[i] == '/') && is_digit(text[i + 1])) {
    ++i;
    while (i < begin + 10 && is_alphanumeric(text[i])) ++i;
  }
  if (is_alphanumeric(text[i]) || (text[i] == '.' && is_digit(text[i + 1])) || text[i] == '%') return end;
  return i;
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
  static constexpr std::uint32_t kAlone[] = {hash_folded("strasse"), hash_folded("str"),    hash_folded("allee"),
                                             hash_folded("gasse"),   hash_folded("straat"), hash_folded("laan")};
  static constexpr std::uint32_t kJoined[] = {
      hash_folded("strasse"), hash_folded("str"),       hash_folded("allee"),   hash_folded("gasse"),
      hash_folded("straat"),  hash_folded("laan"),      hash_folded("weg"),     hash_folded("platz"),
      hash_folded("ring"),    hash_folded("damm"),      hash_folded("ufer"),    hash_folded("plein"),
      hash_folded("kade"),    hash_folded("promenade"), hash_folded("chaussee")};
  auto one_of = [](std::span<const std::uint32_t> list, const Word& w) {
    for (const std::uint32_t hash : list) {
      if (hash == w.hash) return true;
    }
    return false;
  };
  Word last = word;
  for (int words = 0; words < 4; ++words) {
    const bool hyphen = text[last.end] == '-' && letter_at(text, last.end + 1) != 0;
    const Word next = hyphen ? word_at(text, last.end + 1) : next_word(text, last.end, false);
    if (next.letters == 0 || !is_capital(next)) return 0;
    last = next;
    if (!(hyphen ? one_of(kJoined, last) : one_of(kAlone, last))) continue;
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

// Those of kStreetEnds: most words end otherwise. Folded, "straße" ends as "strasse" does.
constexpr auto kStreetSuffixes = [] {
  std::array<bool, 1024> out{};
  for (const string_view end : kStreetEnds) {
    std::uint32_t suffix = 0;
    for (const char c : end.substr(end.size() - 3)) suffix = suffix << 8 | static_cast<unsigned char>(c);
    if (end.find('\x9F') == string_view::npos) out[suffix_place(suffix)] = true;
  }
  return out;
}();

bool ends_in_street(const Text& text, const Word& word) {
  if (!kStreetSuffixes[suffix_place(word.suffix)]) return false;
  for (const string_view end : kStreetEnds) {
    if (word.end - word.begin < end.size() + 3) continue;
    if (text.has(word.end - end.size(), end)) return true;
  }
  return false;
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
  if (text[at] == '-' && is_digit(text[at + 1])) {
    for (++at; at < number.end + 6 && is_digit(text[at]);) ++at;
  }
  at = bis(text, at);
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
  static constexpr std::uint32_t kBoxes[] = {hash_folded("postfach"), hash_folded("postbus"), hash_folded("apartado")};
  if (word.hash == kBoxes[0] || word.hash == kBoxes[1] || word.hash == kBoxes[2]) {
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
  if (ends_in_street(text, word)) {
    std::size_t at = word.end;
    if (text[at] == '.') ++at;
    const std::size_t end = house_number(text, at);
    return end != at ? Match{Kind::address, word.begin, end, 80} : Match{};
  }
  if (const std::size_t end = street_of_words(text, word); end != 0) return {Kind::address, word.begin, end, 78};
  if ((word.flags & kStreetFirst) == 0 || word.letters < 2) return {};
  // "Via Roma 12", "Calle de Alcalá, 5", "Rua Augusta 100", "Am Markt 3"
  Word last = word;
  std::size_t end = 0;
  for (int words = 0; words < 5; ++words) {
    const Word next = next_word(text, last.end, words == 0);                            // "Avda. de"
    const bool numeral = words > 0 && next.shape == Shape::upper && next.letters <= 4;  // "Corso Vittorio Emanuele II"
    if (next.letters == 0 || (!is_capital(next) && !numeral && (next.flags & kParticle) == 0)) break;
    last = next;
    if (!is_capital(next) && !numeral) continue;
    const std::size_t number = house_number(text, next.end);
    if (number != next.end) {
      end = number;
      break;
    }
  }
  return end != 0 ? Match{Kind::address, word.begin, end, word.letters > 2 ? 72 : 52} : Match{};
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
  if (!sized(0, 4, 8) || (!cue && code.groups[0].digits != 5) || !written(1)) return {};
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
