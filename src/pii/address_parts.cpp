#include <array>
#include <string_view>

#include "pii/addresses.h"

namespace freehold::pii {
namespace {

using std::string_view;

// Bytes of º or ° or ª at `i`.
std::size_t ordinal_at(const Text& text, std::size_t i) {
  const unsigned char sign = text[i + 1];
  return text[i] == 0xC2 && (sign == 0xBA || sign == 0xAA || sign == 0xB0) ? 2 : 0;
}

// Behind a house number: where a sign follows.
bool ends_part(const Text& text, std::size_t i) {
  const unsigned char next = text[i];
  return next == ',' || next == '\n' || next == '\r' || next == ';' || next == ')' || next == '"' || next == '<' ||
         next == 0 || (next == '.' && text[i + 1] <= ' ');
}

// Behind a house number at `i`, " c", " B 12" or " bis" that belongs to it: where it ends, or `i`.
std::size_t number_letter(const Text& text, std::size_t i) {
  if (text[i] != ' ' || letter_at(text, i + 1) == 0) return i;
  const Word word = word_at(text, i + 1);
  const bool roman =
      word.shape != Shape::lower && (text.has(i + 1, "I") || text.has(i + 1, "II") || text.has(i + 1, "III"));
  const bool letter = word.letters == 1 && word.end == i + 2 && (text[i + 1] | 0x20) <= 'h';
  const bool more = text.has(i + 1, "bis") || text.has(i + 1, "ter");
  if ((!letter && !more && !(roman && word.letters <= 3)) || (more && word.letters != 3)) return i;
  if (ends_part(text, word.end) || more) return word.end;
  if (!letter || text[word.end] != ' ') return i;
  const unsigned char next = text[word.end + 1];
  // "12 B 12": a door behind the stairs.
  if (word.shape != Shape::lower) {
    std::size_t door = word.end + 1;
    while (door < word.end + 5 && is_digit(text[door])) ++door;
    if (door > word.end + 1) return !is_digit(text[door]) && ends_part(text, door) ? door : word.end;
  }
  // "12 a Perugia", "12 e 14": words of other languages.
  const bool is_word = text[i + 1] == 'a' || text[i + 1] == 'e' || text[i + 1] == 'A';
  return !is_word && next >= 'a' && next <= 'z' ? word.end : i;
}

// Behind a blank at `i`, "n. ", "n.º ", "nr ", "No: ", "núm. ", "#": where the figures may begin; `i` if there is none.
std::size_t number_word(const Text& text, std::size_t i) {
  if (text[i] == '#') return text[i + 1] == ' ' ? i + 2 : i + 1;
  if ((text[i] | 0x20) != 'n') return i;
  std::size_t k = i + 1;
  for (const string_view word : {"umero", "\xC3\xBAmero", "ummer", "umber", "um", "\xC3\xBAm", "ro", "o", "r"}) {
    if (text.has(k, word)) {
      k += word.size();
      break;
    }
  }
  if (text[k] == '.') ++k;
  k += ordinal_at(text, k);
  if (text[k] == '.' || text[k] == ':') ++k;
  if (k == i + 1) return i;
  if (text[k] == ' ') ++k;
  return is_digit(text[k]) ? k : i;
}

// "s/n", "S/N", "snc": streets without numbers.
std::size_t no_number(const Text& text, std::size_t i) {
  for (const string_view word : {"s/n", "snc", "s.n.c."}) {
    if (text.has(i, word) && !is_alphanumeric(text[i + word.size()])) return i + word.size();
  }
  return i;
}

// What is counted or measured, or a time: no house number.
bool is_measured(const Text& text, std::size_t i) {
  if (text[i] == '%' || (text[i] == ':' && is_digit(text[i + 1]))) return true;
  if (text[i] != ' ') return false;
  for (const string_view word : {"uhr", "km", "min", "minuten", "minutes", "kg", "cm", "mm"}) {
    if (text.has(i + 1, word) && letter_at(text, i + 1 + word.size()) == 0) return true;
  }
  return false;
}

bool is_letter_of_number(unsigned char c) {
  return (c | 0x20) >= 'a' && (c | 0x20) <= 'h';
}

// Whether one of `words` stands at `i` and no letter or digit behind it: its length, 0 otherwise.
template <std::size_t N>
std::size_t word_of(const Text& text, std::size_t i, const std::array<string_view, N>& words) {
  for (const string_view word : words) {
    if (text.has(i, word) && !is_alphanumeric(text[i + word.size()])) return word.size();
  }
  return 0;
}

// "3º B", "1.º izq.", "2. OG", "3. tv", "3rd floor", "5º andar", "2e étage" at `i`, where a digit stands: its end, or
// `i`.
std::size_t storey(const Text& text, std::size_t i) {
  static constexpr auto kDoors =
      std::to_array<string_view>({"izq", "izda", "dcha", "dta", "esq", "dto", "dir", "frente", "fte", "centro", "ctro",
                                  "int", "ext", "andar", "piso", "planta", "piano"});
  static constexpr auto kStoreys =
      std::to_array<string_view>({"og",    "ug",   "dg",     "obergeschoss", "stock",      "etage",  "etg",   "tv",
                                  "th",    "mf",   "sal",    "tr",           "krs",        "kerros", "patro", "emelet",
                                  "andar", "piso", "planta", "piano",        "verdieping", "kat",    "pietro"});
  static constexpr auto kBehind = std::to_array<string_view>(
      {"floor", "fl", "\xC3\xA9tage", "etage", "verdieping", "\xC3\x89tage", "etg", "piano", "flr"});
  std::size_t k = i;
  while (k < i + 2 && is_digit(text[k])) ++k;
  if (is_digit(text[k])) return i;
  const bool stop = text[k] == '.';
  if (const std::size_t sign = ordinal_at(text, k + stop); sign != 0) {
    k += stop + sign;
    if (text[k] != ' ' || letter_at(text, k + 1) == 0) return k;
    const Word door = word_at(text, k + 1);
    if (door.letters == 1 && door.shape != Shape::lower) return door.end;
    const std::size_t word = word_of(text, k + 1, kDoors);
    if (word == 0) return k;
    return k + 1 + word + (text[k + 1 + word] == '.' && text[k + 2 + word] != 0);
  }
  if (text[k + stop] == ' ') {
    const std::size_t word = word_of(text, k + stop + 1, kStoreys);
    return word != 0 && (stop || !text.has(k + 1, "th")) ? k + stop + 1 + word : i;
  }
  for (const string_view suffix : {"st", "nd", "rd", "th", "er", "\xC3\xA8me", "eme", "\xC3\xA8", "e"}) {
    if (!text.has(k, suffix) || text[k + suffix.size()] != ' ') continue;
    const std::size_t at = k + suffix.size() + 1, word = word_of(text, at, kBehind);
    return word != 0 ? at + word : i;
  }
  return i;
}

// One part of units().
std::size_t unit(const Text& text, std::size_t end) {
  static constexpr auto kNamed = std::to_array<string_view>(
      {"apartment", "apartamento", "appartement", "appartamento", "apto",     "aptdo",        "appt",
       "apt",       "ap",          "app",         "suite",        "ste",      "unit",         "floor",
       "fl",        "room",        "rm",          "flat",         "no",       "building",     "bldg",
       "block",     "blk",         "blok",        "bloco",        "bloque",   "level",        "tower",
       "trailer",   "trlr",        "lot",         "lote",         "spc",      "dept",         "b\xC3\xA2timent",
       "batiment",  "b\xC3\xA2t",  "bat",         "esc",          "escalera", "escada",       "portal",
       "puerta",    "pta",         "planta",      "piso",         "sala",     "conjunto",     "conj",
       "cj",        "casa",        "interno",     "int",          "scala",    "piano",        "pal",
       "palazzina", "bajo",        "lok",         "lokal",        "m",        "mieszkania",   "mieszk",
       "byt",       "daire",       "kat",         "lgh",          "top",      "stiege",       "t\xC3\xBCr",
       "wohnung",   "whg",         "haus",        "bus",          "bte",      "bo\xC3\xAEte", "leil",
       "bolig",     "bl"});
  static constexpr auto kAlone =
      std::to_array<string_view>({"r/c", "rdc", "bajo", "hinterhaus", "vorderhaus", "hinterhof", "hh", "vh",
                                  "ground floor", "erdgeschoss", "dachgeschoss", "1st floor"});
  std::size_t i = end;
  while (i < end + 3 && (text[i] == ' ' || text[i] == ',' || text[i] == '.' || text[i] == '-')) ++i;
  if (i == end) return end;
  if (is_digit(text[i])) {
    const std::size_t floor = storey(text, i);
    return floor != i ? floor : end;
  }
  bool named = text[i] == '#', short_only = false;
  if (named) {
    ++i;
  } else if (const std::size_t word = word_of(text, i, kNamed); word != 0) {
    short_only = word == 2 && text.has(i, "fl");  // "FL 33101" is a state
    const bool may_be_alone = text.has(i, "bajo");
    i += word;
    named = true;
    if (may_be_alone && ends_part(text, i)) return i;
  } else if (const std::size_t alone = word_of(text, i, kAlone); alone != 0) {
    return alone > 2 || text[i] == 'H' || text[i] == 'V' ? i + alone : end;
  } else if ((text[i] == 'H' || text[i] == 'U' || text[i] == 'K' || text[i] == 'L') && is_digit(text[i + 1]) &&
             is_digit(text[i + 2]) && is_digit(text[i + 3]) && is_digit(text[i + 4]) && !is_alphanumeric(text[i + 5])) {
    return i + 5;  // Norway's dwellings, "H0201"
  }
  if (!named) return end;
  const std::size_t behind = i;
  while (i < behind + 4 && (text[i] == ' ' || text[i] == '.' || text[i] == '#' || text[i] == ':')) ++i;
  if (const std::size_t figures = number_word(text, i); figures != i) i = figures;
  std::size_t digits = 0;
  const std::size_t first = i;
  while (digits < 6 && is_alphanumeric(text[i])) ++i, ++digits;
  if (short_only && digits > 3) return end;
  if (text[i] == '-' && is_digit(text[i + 1]) && digits > 0) {
    for (++i; i < first + 8 && is_digit(text[i]);) ++i;
  }
  bool figures_only = true;  // but for the first
  for (std::size_t k = first + 1; k < i; ++k) figures_only = figures_only && (is_digit(text[k]) || text[k] == '-');
  return digits > 0 && !is_alphanumeric(text[i]) && (is_digit(text[first]) || figures_only) ? i : end;
}

}  // namespace

Word next_word(const Text& text, std::size_t end, bool over_stop) {
  std::size_t i = end;
  if (over_stop && text[i] == '.') ++i;
  const std::size_t n = blank_at(text, i);
  if (n == 0 || letter_at(text, i + n) == 0) return {};
  return word_at(text, i + n);
}

std::size_t units(const Text& text, std::size_t end) {
  for (int parts = 0; parts < 3; ++parts) {
    const std::size_t more = unit(text, end);
    if (more == end) break;
    end = more;
  }
  return end;
}

std::size_t house_number(const Text& text, std::size_t end) {
  std::size_t i = end;
  if (text[i] == ',') ++i;
  const std::size_t n = blank_at(text, i);
  if (n == 0) return end;
  i += n;
  if (const std::size_t none = no_number(text, i); none != i) return none;
  const std::size_t figures = number_word(text, i);
  if (figures == i && (text[i] | 0x20) == 'n') return end;
  const std::size_t most = figures != i ? 5 : 4;
  i = figures;
  std::size_t digits = 0;
  const std::size_t begin = i;
  while (digits < most && is_digit(text[i])) ++i, ++digits;
  if (digits == 0 || is_digit(text[i])) return end;
  if (is_letter_of_number(text[i]) && !is_alphanumeric(text[i + 1])) ++i;
  for (int parts = 0; parts < 3; ++parts) {
    const std::size_t sign = text[i] == '/' ? 1 : dash_at(text, i);
    if (sign == 0) break;
    const unsigned char first = text[i + sign], second = text[i + sign + 1];
    const bool letter = is_letter_of_number(first) && !is_alphanumeric(second);
    const bool roman = first == 'I' && (second == 'I' || !is_alphanumeric(second));
    if (!is_digit(first) && !letter && !roman) break;
    i += sign;
    while (i < begin + 16 && is_alphanumeric(text[i])) ++i;
  }
  if (is_alphanumeric(text[i]) || (text[i] == '.' && is_digit(text[i + 1])) || is_measured(text, i)) return end;
  return number_letter(text, i);
}

// A blank and the name of a town behind a postal code.
static bool is_town_behind(const Text& text, std::size_t i) {
  if (text[i] != ' ') return false;
  if (text[i + 1] == '\'') return true;  // "'s-Gravenhage"
  if (letter_at(text, i + 1) == 0) return false;
  const Word word = word_at(text, i + 1);
  if (word.shape == Shape::lower || word.letters == 1) return false;
  if ((word.flags & kCommon) == 0 || (word.flags & (kPlace | kPlacePart)) != 0) return true;
  return begins_with_capital(next_word(text, word.end, true));  // "Bad Homburg"
}

bool is_postcode_here(const Text& text, std::size_t i) {
  // "D-10115", "SE-411 19"
  const std::size_t begin = i;
  for (std::size_t k = begin; k < begin + 3; ++k) {
    if (text[k] == '-' && k > begin) {
      i = k + 1;
      break;
    }
    if (text[k] < 'A' || text[k] > 'Z') break;
  }
  std::size_t digits = 0;
  while (digits < 5 && is_digit(text[i])) ++i, ++digits;
  if (is_digit(text[i])) return false;
  if (digits == 2 && text[i] == '-' && is_digit(text[i + 1]) && is_digit(text[i + 2]) && is_digit(text[i + 3]))
    return is_town_behind(text, i + 4);  // Poland
  if (digits == 3 && text[i] == ' ' && is_digit(text[i + 1]) && is_digit(text[i + 2]) && !is_digit(text[i + 3])) {
    i += 3;
    digits = 5;
  }
  if ((digits != 4 && digits != 5) || !is_town_behind(text, i)) return false;
  const unsigned char first = text[i - 4], second = text[i - 3];
  if (digits == 5 || !((first == '1' && second == '9') || (first == '2' && second == '0'))) return true;
  // "Seite 12, 2019 Berichte"; not "2019 JV Haarlem", "2000 Antwerpen"
  if (text[i + 1] == '\'') return true;
  const Word town = word_at(text, i + 1);
  return (town.letters == 2 && town.shape == Shape::upper) || (town.flags & (kPlace | kPlacePart)) != 0;
}

std::size_t with_postcode(const Text& text, std::size_t number) {
  std::size_t i = number;
  if (text[i] == ',') ++i;
  if (text[i] == ' ' && text[i + 1] == '-' && text[i + 2] == ' ') i += 2;
  if (text[i] == '\r') ++i;
  if (text[i] != ' ' && text[i] != '\n') return 0;
  return is_postcode_here(text, i + 1) ? number : 0;
}

Word day_in_name(const Text& text, std::size_t end) {
  const std::size_t n = blank_at(text, end);
  if (n == 0) return {};
  std::size_t i = end + n, digits = 0;
  while (digits < 2 && is_digit(text[i])) ++i, ++digits;
  if (digits == 0) {
    while (digits < 6 && (text[i] == 'I' || text[i] == 'V' || text[i] == 'X')) ++i, ++digits;
    if (digits == 0) return {};
  } else {
    if (text[i] == '.') ++i;
    i += ordinal_at(text, i);
    if (text.has(i, "er ")) i += 2;
  }
  if (text[i] != ' ') return {};
  if (text.has(i, " de ")) i += 3;
  if (letter_at(text, i + 1) == 0) return {};
  const Word month = word_at(text, i + 1);
  return (month.flags & kMonth) != 0 && month.letters > 2 ? month : Word{};
}

}  // namespace freehold::pii
