// Streets whose kind stands last, "Karl Johans gate 54", or is part of the word, "Weteringschans 12".
#include <array>
#include <iterator>
#include <string_view>

#include "pii/addresses.h"

namespace freehold::pii {
namespace {

using std::string_view;

// What the last words of streets end with. A street by itself; Dutch and Nordic ones, whose names go on before it
// ("Anne Frankstraat"); what other words end with as well.
enum class Ending : unsigned char { none, street, goes_on, weak };

struct StreetEnd {
  string_view letters;
  Ending ending;
  string_view folded = {};  // its last three letters where they have marks
};

constexpr StreetEnd kStreetEnds[] = {
    {"strasse", Ending::street},
    {"stra\xC3\x9F"
     "e",
     Ending::street, "sse"},
    {"str", Ending::street},
    {"weg", Ending::street},
    {"platz", Ending::street},
    {"gasse", Ending::street},
    {"allee", Ending::street},
    {"all\xC3\xA9n", Ending::goes_on, "len"},
    {"ring", Ending::street},
    {"damm", Ending::street},
    {"ufer", Ending::street},
    {"twiete", Ending::street},
    {"stieg", Ending::street},
    {"pfad", Ending::street},
    {"chaussee", Ending::street},
    {"promenade", Ending::street},
    {"g\xC3\xA4sschen", Ending::street},
    {"zeile", Ending::weak},
    {"graben", Ending::weak},
    {"markt", Ending::weak},
    {"steig", Ending::weak},
    {"wall", Ending::weak},
    {"winkel", Ending::weak},
    {"kamp", Ending::weak},
    {"berg", Ending::weak},
    {"garten", Ending::weak},
    {"siedlung", Ending::weak},
    {"bogen", Ending::weak},
    {"straat", Ending::goes_on},
    {"straatje", Ending::goes_on},
    {"straatweg", Ending::goes_on},
    {"laan", Ending::goes_on},
    {"laantje", Ending::goes_on},
    {"plein", Ending::goes_on},
    {"gracht", Ending::goes_on},
    {"kade", Ending::goes_on},
    {"dijk", Ending::goes_on},
    {"singel", Ending::goes_on},
    {"plantsoen", Ending::goes_on},
    {"burgwal", Ending::goes_on},
    {"steeg", Ending::goes_on},
    {"dreef", Ending::goes_on},
    {"schans", Ending::goes_on},
    {"hof", Ending::weak},
    {"hove", Ending::weak},
    {"pad", Ending::weak},
    {"wal", Ending::weak},
    {"haven", Ending::weak},
    {"brink", Ending::weak},
    {"park", Ending::weak},
    {"erf", Ending::weak},
    {"akker", Ending::weak},
    {"gatan", Ending::goes_on},
    {"v\xC3\xA4gen", Ending::goes_on},
    {"gr\xC3\xA4nd", Ending::goes_on, "and"},
    {"stigen", Ending::weak},
    {"torget", Ending::weak},
    {"backen", Ending::weak},
    {"vej", Ending::goes_on},
    {"gade", Ending::goes_on},
    {"str\xC3\xA6"
     "de",
     Ending::goes_on, "ede"},
    {"v\xC3\xA6nget", Ending::goes_on},
    {"v\xC3\xA6nge", Ending::goes_on},
    {"plads", Ending::goes_on},
    {"veien", Ending::goes_on},
    {"vegen", Ending::goes_on},
    {"gata", Ending::goes_on},
    {"sgate", Ending::goes_on},
    {"bakken", Ending::weak},
    {"svingen", Ending::weak},
    {"toften", Ending::weak},
    {"parken", Ending::weak},
    {"katu", Ending::goes_on},
    {"tie", Ending::goes_on},
    {"kuja", Ending::goes_on},
    {"polku", Ending::goes_on},
    {"puistikko", Ending::goes_on},
    {"kaari", Ending::weak},
    {"aukio", Ending::weak},
    {"ranta", Ending::weak},
    // "Vinohradská 12"
    {"sk\xC3\xA1", Ending::weak, "ska"},
    {"ck\xC3\xA1", Ending::weak, "cka"},
};

// One of 1024 places for the last three letters of a word (Word::suffix).
constexpr std::size_t suffix_place(std::uint32_t suffix) {
  return suffix * 0x9E3779B1u >> 22;
}

// For each place the first of kStreetEnds whose last three letters, folded, have it, and for each of them the next;
// from one on, none is 0. Most words end otherwise.
struct StreetSuffixes {
  std::array<std::uint8_t, 1024> first{};
  std::array<std::uint8_t, std::size(kStreetEnds)> next{};
};
constexpr auto kStreetSuffixes = [] {
  StreetSuffixes out;
  for (std::size_t k = std::size(kStreetEnds); k-- > 0;) {
    const string_view letters = kStreetEnds[k].letters, folded = kStreetEnds[k].folded;
    const string_view last = folded.empty() ? letters.substr(letters.size() - 3) : folded;
    std::uint32_t suffix = 0;
    for (const char c : last) suffix = suffix << 8 | static_cast<unsigned char>(c);
    out.next[k] = out.first[suffix_place(suffix)];
    out.first[suffix_place(suffix)] = static_cast<std::uint8_t>(k + 1);
  }
  return out;
}();

Ending ending_of(const Text& text, const Word& word) {
  for (std::size_t k = kStreetSuffixes.first[suffix_place(word.suffix)]; k != 0; k = kStreetSuffixes.next[k - 1]) {
    const StreetEnd& end = kStreetEnds[k - 1];
    if (word.end - word.begin < end.letters.size() + 3) continue;
    if (!text.has(word.end - end.letters.size(), end.letters)) continue;
    if (end.letters == "gade" && text.has(word.end - 7, "brigade")) return Ending::none;
    // "Monitoring 5", "Katie 12"
    const bool ordinary =
        (word.flags & (kCommon | kPlace | kGiven)) != 0 &&
        (end.letters == "ring" || end.letters == "tie" || end.letters == "gade" || end.letters == "pfad");
    return ordinary ? Ending::none : end.ending;
  }
  return Ending::none;
}

// "Beukenhof 317A, 1316 JV": where no other word ends so, and the number or what stands behind it is an address's.
bool is_weak_street(const Text& text, const Context& context, const Word& word, std::size_t number) {
  constexpr unsigned kKnown = kCommon | kGiven | kSurname | kPlace | kPlacePart | kProper | kOrganisation;
  if (word.shape != Shape::capital || word.cue != Cue::none) return false;
  std::size_t digits = 0, at = number;
  while (at > word.end && is_alphanumeric(text[at - 1])) --at, digits += is_digit(text[at]);
  const bool letters = digits > 0 && number - at > digits, part = text[at - 1] != ' ';
  const bool added = letters || part || digits == 0;
  if (with_postcode(text, number) != 0) return (word.flags & kCommon) == 0;
  if ((word.flags & kKnown) != 0 || number - word.end > 8 || digits > 3) return false;
  static constexpr FewWords kAt(
      "adrese ulici ulice ulica adresa bydliste w op aan naar adres anschrift adresse wohnhaft osoite adress");
  return added || kAt.has(context.previous);
}

// Before a street's name and part of it: "Alter Postweg", "Lange Voorhout", "Sankt Eriksgatan", "Koningin Emmalaan".
bool is_street_adjective(const Word& word) {
  static constexpr FewWords kAdjectives(
      "alte alter neue neuer kleine grosse lange kurze obere untere hohe breite nieuwe oude grote korte hoge lage "
      "eerste tweede stora gamla nya lilla noorder zuider alten oberer unterer hoher kleiner grosser langer kurzer "
      "breiter innere aussere vordere hintere mittlere derde vierde ooster wester norra sodra ostra vastra ovre nedre "
      "gamle store lille ny vestre ostre nordre sondre gl sdr ndr vanha uusi iso sankt skt sct sint st");
  return kAdjectives.has(word);
}

bool is_honoured(const Word& word) {
  static constexpr FewWords kHonours(
      "koningin koning prins prinses graaf gravin hertog keizer generaal kapitein admiraal burgemeester burg pastoor "
      "kardinaal bisschop professor prof president minister dokter dr mgr monseigneur dominee ds meester maarschalk "
      "drottning kung dronning kong biskop wethouder stadhouder luitenant freule jonkheer jhr deken");
  return kHonours.has(word);
}

// Behind a street's name and by themselves: "Lange Straße", "Kossuth Lajos utca", "Bağdat Caddesi".
constexpr FewWords kAlone(
    "strasse str allee gasse straat laan utca korut krt caddesi cad sokak sokagi sok bulvari mahallesi vej plads katu "
    "ulica cesta namesti ulice");
// Of these, such as are written small.
constexpr FewWords kAloneSmall("utca korut krt ulica cesta namesti ulice vej");
// Behind a genitive, small too: "Karl Johans gate".
constexpr FewWords kOfSomebody("gate gata gatan gt gade vei veg vag vej plass plats plads torv torg alle");

bool ends_in_s(const Text& text, const Word& word) {
  const unsigned char last = text[word.end - 1] | 0x20;
  return (last == 's' || last == 'x' || last == 'z') && word.letters > 3 &&
         (word.flags & (kPlace | kCommon | kOrganisation)) == 0;
}

// "Karl-Marx-Allee 34", "Lange Straße 14", "Jan van Galenstraat 46", "Karl Johans gate 54". `word` begins it.
std::size_t street_of_words(const Text& text, const Word& word) {
  static constexpr FewWords kJoined(
      "strasse str allee gasse straat laan weg platz ring damm ufer plein kade promenade chaussee vej gatan gade");
  static constexpr FewWords kOf("van de der den ten ter von t");
  const bool adjective = is_street_adjective(word);
  // Nothing but what streets' names consist of went by: given names, titles, particles.
  bool fitting = adjective || kOf.has(word) || is_honoured(word) || (word.flags & kGiven) != 0;
  bool particle = kOf.has(word);
  Word last = word;
  for (int words = 0; words < 5; ++words) {
    const bool hyphen = text[last.end] == '-' && letter_at(text, last.end + 1) != 0;
    const bool over_stop = last.letters == 1 || (fitting && last.letters <= 4);
    const Word next = hyphen ? word_at(text, last.end + 1) : next_word(text, last.end, over_stop);
    if (next.letters == 0) return 0;
    const std::size_t at = next.end + (text[next.end] == '.' ? 1 : 0);
    auto number = [&] {
      const std::size_t end = house_number(text, at);
      return end != at ? end : 0;
    };
    const bool small = next.shape == Shape::lower;
    static constexpr FewWords kSmall(
        "utca korut krt ulica cesta namesti ulice vej gate gata gatan gt gade vei veg vag plass plats plads torv torg "
        "alle "
        "van de der den ten ter von t");
    if (small && !kSmall.has(next)) return 0;
    if (!hyphen && kOfSomebody.has(next) && ends_in_s(text, last)) return number();
    if (small) {
      if (kAloneSmall.has(next)) return number();
      if (!kOf.has(next)) return 0;
      particle = true;
      last = next;
      continue;
    }
    if (!begins_with_capital(next)) return 0;
    if (hyphen ? kJoined.has(next) : kAlone.has(next)) return number();
    if (!hyphen && fitting && ending_of(text, next) == Ending::goes_on) return number();
    // "Van der Helstplein": what follows a particle and ends so.
    if (!hyphen && fitting && particle && ending_of(text, next) != Ending::none && kOf.has(last)) return number();
    fitting = fitting && ((next.flags & kGiven) != 0 || is_honoured(next) || kOf.has(next));
    particle = particle || kOf.has(next);
    last = next;
  }
  return 0;
}

// "Alter Postweg 70", "Oude Gracht 260a", "Landstraßer Hauptstraße 3".
std::size_t street_with_adjective(const Text& text, const Word& word) {
  static constexpr FewWords kNouns(
      "gracht voorhout markt weg dijk singel platz kade gatan torg gate vei graben ring plads hof haven gade");
  const bool adjective = is_street_adjective(word);
  const bool of_place =
      word.letters > 5 && text.has(word.end - 2, "er") && (word.flags & (kGiven | kSurname | kCommon)) == 0;
  if (!adjective && !of_place) return 0;
  const Word next = next_word(text, word.end, adjective && word.letters <= 3);
  if (next.letters == 0 || !begins_with_capital(next)) return 0;
  static constexpr FewWords kOfTowns("ring platz damm weg allee strasse chaussee ufer tor");
  const bool alone = (adjective && kNouns.has(next)) || (of_place && kOfTowns.has(next));  // "Berliner Ring 4"
  if (!alone && ending_of(text, next) == Ending::none) return 0;
  const std::size_t end = house_number(text, next.end);
  return end != next.end ? end : 0;
}

// "Straße des 17. Juni 135", "Platz der Republik 1".
std::size_t street_of_something(const Text& text, const Word& word) {
  static constexpr FewWords kKinds("strasse str platz allee");
  static constexpr FewWords kOf("des der am an zum zur den im");
  if (!kKinds.has(word)) return 0;
  Word last = next_word(text, word.end, true);
  if (last.shape != Shape::lower || !kOf.has(last)) return 0;
  for (int words = 0; words < 3; ++words) {
    Word next = day_in_name(text, last.end);
    if (next.letters == 0) next = next_word(text, last.end, false);
    if (next.letters == 0 || (next.shape == Shape::lower && !kOf.has(next))) return 0;
    last = next;
    if (next.shape == Shape::lower) continue;
    if (const std::size_t end = house_number(text, next.end); end != next.end) return end;
  }
  return 0;
}

}  // namespace

std::size_t street_by_its_end(const Text& text, const Context& context, const Word& word) {
  if (const std::size_t end = street_with_adjective(text, word); end != 0) return end;
  if (const Ending ending = ending_of(text, word); ending != Ending::none) {
    const std::size_t at = word.end + (text[word.end] == '.');
    const std::size_t end = house_number(text, at);
    if (ending == Ending::weak) {
      if (end != at && is_weak_street(text, context, word, end)) return end;
    } else {
      return end != at ? end : 0;
    }
  }
  if (const std::size_t end = street_of_something(text, word); end != 0) return end;
  return street_of_words(text, word);
}

}  // namespace freehold::pii
