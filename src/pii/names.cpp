#include "pii/names.h"

#include <algorithm>
#include <iterator>
#include <string>
#include <string_view>

#include "pii/looks.h"
#include "pii/neighbours.h"
#include "pii/syllables.h"
#include "pii/word_set.h"

namespace freehold::pii {
namespace {

template <std::size_t N>
bool one_of(const std::uint32_t (&hashes)[N], const PastWord& word) {
  return std::find(std::begin(hashes), std::end(hashes), word.hash) != std::end(hashes);
}

bool is_name_particle(const PastWord& word) {
  return (word.roles & kNameParticle) != 0 && word.shape == Shape::lower;
}

// Within names behind others only: "van der", "von den".
bool is_article(const PastWord& word) {
  static constexpr std::uint32_t kDer = hash_folded("der"), kDen = hash_folded("den");
  return word.hash == kDer || word.hash == kDen;
}

bool is_capital_particle(const PastWord& word) {
  return (word.roles & kCapitalParticle) != 0 && word.shape != Shape::lower && word.letters <= 5;
}

bool is_form_of_address(const PastWord& word) {
  return (word.roles & kFormOfAddress) != 0 && word.shape != Shape::initial;
}

constexpr unsigned kNames = kGiven | kSurname | kPlace | kPlacePart;
constexpr unsigned kNoName = kMonth | kWeekday | kOrganisation | kProper;

// "Saint-Aubin", "Santa Cruz": of a surname as of a town.
bool is_saint(const Window& window) {
  static constexpr std::uint32_t kSaints[] = {hash_folded("saint"), hash_folded("sainte"), hash_folded("st"),
                                              hash_folded("san"),   hash_folded("santa"),  hash_folded("santo")};
  return (window.right == Gap::hyphen || window.right == Gap::blank) && window.next.shape == Shape::capital &&
         one_of(kSaints, window.word);
}

// Nothing is known of it but its letters, and these are no ordinary word's.
bool looks_like_person(const Text& text, const Word& word) {
  if ((word.flags & ~kFiller) != 0 || word.letters < 3 || word.cue != Cue::none) return false;
  const Look look = look_of(text, word);
  return look.person >= 2 && look.person + 1 >= look.place;
}

}  // namespace

bool leads_name(const Text& text, const PastWord& previous, const Word& word) {
  if (word.shape == Shape::initial) return text[word.end] == '.';
  if (word.shape != Shape::lower) return is_capital_particle(word) && text[word.end] != ':';
  if ((word.flags & kParticle) == 0) return false;
  // "Mr. de Vries", "van der Meer"; behind others "de la" and what follows it.
  static constexpr std::uint32_t kOf = hash_folded("de"),
                                 kThe[] = {hash_folded("la"), hash_folded("los"), hash_folded("las")};
  static constexpr std::uint32_t kBen = hash_folded("ben");  // Dutch: "am"
  if ((previous.flags & kTitle) != 0) return true;
  if (is_article(word) && !is_name_particle(previous)) return false;  // "unter der Kreditkarte"
  if (word.hash != kBen && (is_name_particle(word) || is_name_particle(previous))) return true;
  if (previous.hash == kOf && previous.shape == Shape::lower && one_of(kThe, word)) return true;
  if (word.hash != kOf) return false;
  const std::size_t n = blank_at(text, word.end);
  if (n == 0 || letter_at(text, word.end + n) == 0) return false;
  const Word next = word_at(text, word.end + n);
  return next.shape == Shape::lower && one_of(kThe, next);
}

bool is_second_half(const Text& text, const PastWord& previous, const Word& word) {
  constexpr unsigned kMost = 5;  // letters of a syllable
  return word.shape == Shape::lower && text.before(word.begin, 1) == '-' && previous.shape == Shape::capital &&
         previous.letters <= kMost && word.letters >= 2 && word.letters <= kMost &&
         ((word.flags & (kCommon | kFiller | kParticle)) == 0 || word.letters <= 3 || ends_korean(previous, word));
}

bool joins(const Text& text, Tag open, const Word& word) {
  static constexpr std::uint32_t kAnd = hash_folded("and");
  if (open == Tag::place && word.hash == kAnd) {
    static constexpr std::uint32_t kSecond[] = {
        hash_folded("herzegovina"), hash_folded("tobago"), hash_folded("barbuda"),    hash_folded("nevis"),
        hash_folded("principe"),    hash_folded("caicos"), hash_folded("grenadines"), hash_folded("labrador")};
    const std::size_t n = blank_at(text, word.end);
    return n != 0 && letter_at(text, word.end + n) != 0 && one_of(kSecond, word_at(text, word.end + n));
  }
  if ((word.flags & kParticle) == 0) return false;
  static constexpr std::uint32_t kIn = hash_folded("in");
  static constexpr std::uint32_t kOfPlaces[] = {hash_folded("an"),   hash_folded("am"),  hash_folded("im"),
                                                hash_folded("es"),   hash_folded("sur"), hash_folded("sous"),
                                                hash_folded("ob"),   hash_folded("bei"), hash_folded("aan"),
                                                hash_folded("upon"), hash_folded("pod"), hash_folded("nad")};
  return word.hash != kIn && (open == Tag::place || !one_of(kOfPlaces, word));
}

bool follows_particle(const Context& now, const Word& word) {
  constexpr unsigned kOrdinary = kCommon | kNoName | kTitle | kFiller;
  if (word.shape != Shape::capital && word.shape != Shape::mixed) return false;
  if ((word.flags & kOrdinary) != 0 && (word.flags & kSurname) == 0) return false;
  static constexpr std::uint32_t kBen = hash_folded("ben");
  return (is_name_particle(now.previous) && now.previous.hash != kBen &&
          (!is_article(now.previous) || is_name_particle(now.before_previous))) ||
         ((now.previous.flags & kParticle) != 0 && now.previous.shape == Shape::lower &&
          (now.before_previous.flags & kTitle) != 0);
}

bool is_state_code(const Text& text, const Context& now, const Word& word) {
  constexpr std::uint32_t kReach = 5;  // words: a street's finding, a postal code and a town of three
  if (word.shape != Shape::upper || word.letters > 3) return false;
  const bool place = now.tag == Tag::place, street = now.near(Cue::address, kReach);
  if (!place && (!street || now.previous.letters < 3 || now.previous.shape == Shape::lower)) return false;
  // States of the USA and Australia, provinces of Canada.
  static constexpr std::uint32_t kOthers[] = {
      hash_folded("nsw"), hash_folded("vic"), hash_folded("qld"), hash_folded("tas"), hash_folded("act"),
      hash_folded("nt"),  hash_folded("on"),  hash_folded("bc"),  hash_folded("ab"),  hash_folded("mb"),
      hash_folded("sk"),  hash_folded("qc"),  hash_folded("ns"),  hash_folded("nb"),  hash_folded("sa")};
  static constexpr std::uint32_t kWords[] = {hash_folded("ok"), hash_folded("hi"), hash_folded("oh"),
                                             hash_folded("me"), hash_folded("or"), hash_folded("in")};
  const bool american = word.letters == 2 && (word.flags & kState) != 0;
  const bool known = american || one_of(kOthers, word);
  const unsigned char next = text[word.end], then = text[word.end + 1], left = text.before(word.begin, 1);
  if (left == '(') return next == ')' && word.letters == 2 && place && (street || (american && !one_of(kWords, word)));
  const bool comma = left == ' ' && text.before(word.begin, 2) == ',';
  const bool code = next == ' ' && (is_digit(then) || (then >= 'A' && then <= 'Y' && is_digit(text[word.end + 2])));
  if (code || (next == ',' && then == ' ' && is_digit(text[word.end + 2])))
    return street && (place || (known && (comma || now.joined)));
  // "Lubbock, NV; then"
  const bool ends =
      next == ';' || next == ')' || next == '\n' || next == 0 || ((next == '.' || next == ',') && then <= ' ');
  return ends && comma && american && (street || (place && !one_of(kWords, word)));
}

bool is_written_together(const Text& text, const Word& word) {
  if (word.shape != Shape::mixed || (word.flags & kNames) != 0) return false;
  static constexpr std::string_view kBefore[] = {"mc",  "mac", "o",    "d",  "de", "di", "da", "du", "la", "le", "van",
                                                 "von", "st",  "fitz", "ja", "jo", "al", "el", "ni", "l",  "ka", "ke"};
  std::size_t humps = 0;
  const std::string_view raw = text.part(word.begin, word.end);
  if (raw[0] >= 'a' && raw[0] <= 'z')
    return raw.find('\'') == std::string_view::npos && raw.find('\x99') == std::string_view::npos;
  std::size_t second = 0;
  for (std::size_t k = 1; k < raw.size(); ++k) {
    if (raw[k] >= 'A' && raw[k] <= 'Z') {
      if (humps++ == 0) second = k;
    }
  }
  if (humps == 0) return false;  // a capital beyond ASCII
  while (second > 0 && !is_alphanumeric(static_cast<unsigned char>(raw[second - 1]))) --second;
  std::string first;
  fold(raw.substr(0, second), first);
  return std::find(std::begin(kBefore), std::end(kBefore), first) == std::end(kBefore);
}

bool is_contraction(const Text& text, const Word& word) {
  if (word.end - word.begin == word.letters || word.shape == Shape::lower) return false;
  const std::string_view raw = text.part(word.begin, word.end);
  std::size_t at = raw.find('\''), rest = at + 1;
  if (at == std::string_view::npos) {
    at = raw.find("\xE2\x80\x99");
    if (at == std::string_view::npos) return false;
    rest = at + 3;
  }
  std::string first, second;
  fold(raw.substr(0, at), first);
  fold(raw.substr(rest), second);
  static constexpr std::string_view kEnglish[] = {"ve", "s", "re", "ll", "d", "m", "t"};
  if (std::find(std::begin(kEnglish), std::end(kEnglish), second) != std::end(kEnglish)) return true;
  static constexpr std::string_view kElided[] = {"d", "l", "m", "n", "t"}, kSure[] = {"j", "c", "s", "qu"};
  static constexpr std::string_view kVowels = "aeiouyh";
  const bool small = static_cast<unsigned char>(raw[rest]) >= 0x80 || (raw[rest] >= 'a' && raw[rest] <= 'z');
  if (!small || second.empty() || kVowels.find(second[0]) == std::string_view::npos) return false;
  if (std::find(std::begin(kSure), std::end(kSure), first) != std::end(kSure)) return true;
  return (word.flags & kNames) == 0 && !((first == "m" || first == "n") && second[0] == 'h') &&  // "M'hamed"
         std::find(std::begin(kElided), std::end(kElided), first) != std::end(kElided);
}

std::size_t name_suffix(const Text& text, std::size_t end) {
  static constexpr std::string_view kSuffixes[] = {"MD",   "M.D.", "PhD", "Ph.D.", "Jr.", "Jr",  "Sr.", "Sr",
                                                   "Esq.", "Esq",  "DDS", "DVM",   "RN",  "III", "II",  "IV"};
  std::size_t i = end;
  if (text[i] == ',') ++i;
  if (text[i] != ' ') return end;
  ++i;
  const unsigned char first = text[i];
  static constexpr std::uint32_t kFirst = [] {
    std::uint32_t out = 0;
    for (const std::string_view suffix : kSuffixes) out |= std::uint32_t{1} << (suffix[0] - 'A');
    return out;
  }();
  if (first < 'D' || first > 'S' || (kFirst >> (first - 'A') & 1) == 0) return end;
  const unsigned char second = text[i + 1];  // most words that begin so go on otherwise
  if (second >= 'a' && second != 'h' && second != 'r' && second != 's') return end;
  for (const std::string_view suffix : kSuffixes) {
    if (static_cast<unsigned char>(suffix[0]) != first) continue;
    bool same = true;
    for (std::size_t k = 1; same && k < suffix.size(); ++k) same = text[i + k] == static_cast<unsigned char>(suffix[k]);
    if (!same) continue;
    const std::size_t to = i + suffix.size();
    if (suffix == "MD" && text[to] == ' ' && is_digit(text[to + 1])) return end;  // Maryland
    // "Sr" stands before names as well, in Spanish.
    if (is_alphanumeric(text[to]) || text[to] >= 0x80) continue;
    if (suffix[0] == 'S' && text[to] == ' ' && letter_at(text, to + 1) != 0 && text[to + 1] < 'a') return end;
    return to;
  }
  return end;
}

bool is_one_person(const PastWord& place) {
  return (place.flags & kPlace) == 0 || (place.flags & (kGiven | kSurname)) != 0;
}

Tag tag_beside(const Window& window, Tag open, Tag chosen) {
  const Context& now = *window.context;
  const Word &word = window.word, &next = window.next;
  // "Im März", "am Montag", but "April Day", "Robert März"
  if ((word.flags & (kMonth | kWeekday)) != 0 && (word.flags & (kGiven | kSurname | kPlace)) == 0 &&
      chosen != Tag::none && !(now.joined && now.tag == chosen))
    return Tag::none;
  const bool goes_on = now.joined && open == Tag::person;
  const bool capital_next = window.right == Gap::blank && next.letters > 1 && next.shape != Shape::lower;
  // "12 Elm Way, Truro"
  if (chosen != Tag::place && now.previous.letters == 0 && window.left == Gap::comma && now.near(Cue::address, 0) &&
      word.shape == Shape::capital && (word.flags & (kCommon | kNoName | kTitle)) == 0)
    return Tag::place;
  // "issued by Kerala": nobody is called so.
  if (chosen == Tag::person && (word.flags & kPlace) != 0 && (word.flags & (kGiven | kSurname)) == 0 && !goes_on &&
      word.shape == Shape::capital && !(now.joined && (now.previous.flags & (kTitle | kGiven)) != 0) &&
      !(window.right == Gap::blank && next.shape == Shape::capital))
    return Tag::place;
  // "PATENTE DI GUIDA", "my IP address"
  if (chosen == Tag::person && word.shape == Shape::upper && word.letters <= 3 && !goes_on &&
      !is_form_of_address(now.previous)) {
    if (is_capital_particle(word) && now.joined && now.previous.shape == Shape::upper) return Tag::none;
    if (word.letters == 2 && window.left != Gap::colon && (next.letters == 0 || next.shape == Shape::lower))
      return Tag::none;
  }
  // "DHCPREQUEST", "ACCESS": no name, unless others stand beside it or it looks like one.
  if (chosen == Tag::person && word.shape == Shape::upper && (word.flags & kNames) == 0 && !goes_on) {
    if ((word.flags & (kCommon | kFiller)) != 0) return Tag::none;
    if (next.shape != Shape::upper && word.letters > 1 && look_of(*window.text, word).person < 4) return Tag::none;
  }
  // "Willem de Vries": no town begins so.
  const bool begins = chosen == Tag::place && (word.flags & kGiven) != 0 && !(now.joined && open == Tag::place);
  // "Wesley Fairchild": nothing is known of the second.
  if (begins && (word.flags & (kPlace | kCommon)) == 0 && word.letters > 3 && capital_next &&
      next.shape == Shape::capital && (next.flags & ~kFiller) == 0 && !is_preposition(now, now.previous) &&
      !now.near(Cue::address, 2))
    return Tag::person;
  if (begins && (word.flags & (kPlace | kPlacePart | kCommon)) == 0) return Tag::person;
  if (begins && (word.flags & (kSurname | kPlace)) == kSurname && window.right == Gap::blank &&
      next.shape == Shape::lower && (next.flags & kParticle) != 0 && next.letters > 1) {
    // "Jan de Vries", not "Rio de Janeiro"
    const std::size_t n = blank_at(*window.text, next.end);
    const Word last =
        n != 0 && letter_at(*window.text, next.end + n) != 0 ? word_at(*window.text, next.end + n) : Word();
    if ((last.flags & (kSurname | kPlacePart)) == kSurname) return Tag::person;
  }
  if (begins && word.letters > 3 && capital_next && (next.flags & kSurname) != 0 &&
      (next.flags & (kPlace | kPlacePart | kCommon | kNoName)) == 0)
    return Tag::person;  // "Maria Garcia"
  // "Wesley Vickers": nothing is known of the second.
  constexpr unsigned kElse = kPlace | kCommon | kNoName | kTitle;
  if (chosen != Tag::person && !(now.joined && open != Tag::none) && (word.flags & kGiven) != 0 &&
      (word.flags & kElse) == 0 && word.letters > 3 && word.shape == Shape::capital && window.right == Gap::blank &&
      next.shape == Shape::capital && (next.flags & ~kFiller) == 0 && look_of(*window.text, next).person >= 1)
    return Tag::person;
  // "Freiburg im Breisgau"
  if (now.joined && open == Tag::place && now.previous.shape == Shape::lower && chosen != Tag::place &&
      word.shape == Shape::capital && (now.previous.flags & kParticle) != 0 &&
      (word.flags & (kCommon | kMonth | kWeekday | kProper | kGiven)) == 0)
    return Tag::place;
  // "Giacomo Mac Giolla", "ANA DE LA CRUZ"
  if (goes_on && chosen != Tag::person && is_capital_particle(word) &&
      (capital_next || window.right == Gap::hyphen || window.right == Gap::stop) && (next.flags & kNoName) == 0)
    return Tag::person;
  // "Anna B. Ortiz", "A.Y. Ortiz"
  if (word.shape == Shape::initial) return chosen == Tag::place ? Tag::none : chosen;
  if (chosen == Tag::person || (word.shape != Shape::capital && word.shape != Shape::mixed &&
                                !(word.shape == Shape::upper && goes_on && now.previous.shape == Shape::upper)))
    return chosen;
  const bool ordinary = (word.flags & (kCommon | kNoName)) != 0 && (word.flags & kSurname) == 0 && !is_saint(window);
  if (now.joined && is_form_of_address(now.previous) && !ordinary && word.cue == Cue::none &&
      (word.flags & kTitle) == 0)
    return Tag::person;  // "Frau Klein", "Mme Abu"
  if (now.joined && (now.previous.flags & kTitle) != 0 && (word.flags & kSurname) != 0 && chosen == Tag::place)
    return Tag::person;
  if (goes_on && now.previous.shape != Shape::lower && is_capital_particle(now.previous) && !ordinary)
    return Tag::person;
  if (goes_on && (now.previous.flags & kParticle) != 0 && now.previous.shape == Shape::lower) {
    // "Otto von Bismarck", "Jan de Vries", but not "Anna in Berlin"
    if (is_name_particle(now.previous) && !ordinary) return Tag::person;
    static constexpr std::uint32_t kOf[] = {hash_folded("de"), hash_folded("du"),  hash_folded("da"), hash_folded("di"),
                                            hash_folded("la"), hash_folded("dos"), hash_folded("del")};
    if (one_of(kOf, now.previous) && !ordinary && ((word.flags & kSurname) != 0 || (word.flags & kPlace) == 0))
      return Tag::person;
  }
  // Goes on: "Anthony Powlowski", "Hadeel Al-Harbi"; a place that nobody knows as one is none.
  if (goes_on && now.tag == Tag::person && (word.flags & kNoName) == 0) {
    if (chosen == Tag::place && ((word.flags & kSurname) != 0 || (word.flags & kPlace) == 0)) return Tag::person;
    if (chosen == Tag::none && looks_like_person(*window.text, word)) return Tag::person;
  }
  // "Will Young": both are ordinary words as well.
  if (chosen == Tag::none && (word.flags & kGiven) != 0 && (word.flags & kNoName) == 0 && window.right == Gap::blank &&
      next.shape == Shape::capital && (next.flags & kSurname) != 0 && (next.flags & (kNoName | kFiller)) == 0)
    return Tag::person;
  return chosen;
}

}  // namespace freehold::pii
