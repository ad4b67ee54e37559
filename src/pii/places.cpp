// Streets with house numbers. Suffixes of streets: USPS Publication 28, appendix C.
#include <string_view>

#include "pii/addresses.h"

namespace freehold::pii {
namespace {

using std::string_view;

// What stands behind a street's name, and is no such word elsewhere.
bool is_street_end(const Word& word) {
  static constexpr FewWords kMore(
      "circuit cct approach croft wynd promenade quadrant crescent cres tce pde yard spinney paddock garth mead vale "
      "nook mount hwy bvd boulevards drv dve strasse chowk bagh colony vihar enclave layout kunj puram bazaar "
      "bazar ridgeway alleyway concourse retreat mall arcade cutting mile");
  return (word.flags & kStreet) != 0 || kMore.has(word);
}

// "Highway 50", "County Road 12", "FM 1960": the end of the figures behind the road that ends at `end`, or `end`.
std::size_t road_number(const Text& text, std::size_t end) {
  if (text[end] != ' ') return end;
  std::size_t i = end + 1;
  while (i < end + 5 && is_digit(text[i])) ++i;
  if (i == end + 1) return end;
  if (text[i] >= 'A' && text[i] <= 'Z') ++i;
  return is_alphanumeric(text[i]) || (text[i] == '.' && is_digit(text[i + 1])) ? end : i;
}

// The end of "bis" or "ter" and a comma behind a French house number, or `end`.
std::size_t bis(const Text& text, std::size_t end) {
  const std::size_t n = blank_at(text, end);
  if (n == 0) return end;
  const std::size_t at = end + n;
  return (text.has(at, "bis") || text.has(at, "ter")) && !is_alphanumeric(text[at + 3]) ? at + 3 : end;
}

// " W 10th Street", " 42nd Blvd" behind a house number: its end, 0 if it is none.
std::size_t numbered_street(const Text& text, std::size_t at) {
  if (text[at] != ' ') return 0;
  std::size_t i = at + 1;
  if (!is_digit(text[i])) {
    static constexpr FewWords kWays("n s e w nw ne sw se north south east west");
    if (letter_at(text, i) == 0) return 0;
    const Word way = word_at(text, i);
    if (way.shape == Shape::lower || !kWays.has(way)) return 0;
    i = way.end + (text[way.end] == '.');
    if (text[i] != ' ') return 0;
    ++i;
  }
  std::size_t digits = 0;
  while (digits < 4 && is_digit(text[i])) ++i, ++digits;
  if (digits == 0 || !(text.has(i, "st") || text.has(i, "nd") || text.has(i, "rd") || text.has(i, "th"))) return 0;
  const Word street = next_word(text, i + 2, false);
  if (street.letters == 0 || !begins_with_capital(street) || !is_street_end(street)) return 0;
  std::size_t end = street.end;
  if (text[end] == '.' &&
      (text[end + 1] == ',' || (text[end + 1] == ' ' && text[end + 2] >= 'A' && text[end + 2] <= 'Z')))
    ++end;
  return units(text, end);
}

}  // namespace

namespace {

// "12 rue de la Paix", "5, avenue Victor Hugo", "3 bd. Voltaire", "8 rue du 8 Mai 1945": the end, 0 if it is none.
// `word` stands behind the number.
std::size_t french_street(const Text& text, Word word) {
  static constexpr FewWords kKinds(
      "rue avenue boulevard bd chemin impasse allee quai place cours sentier square cite passage esplanade faubourg "
      "chaussee route montee voie ruelle venelle sente traverse residence lotissement hameau cour promenade clos "
      "rocade");
  static constexpr FewWords kShort("av bd bld blvd pl ch che chem imp all rte sq fg fbg res lot qu");
  static constexpr FewWords kNever("am an im zum zur auf unter");
  const bool abbreviated = kShort.has(word) && text[word.end] == '.';
  if (word.shape == Shape::lower) {
    if (!kKinds.has(word) && !abbreviated) return 0;
  } else {
    if (!abbreviated && ((word.flags & kStreetFirst) == 0 || (word.letters <= 2 && !kKinds.has(word)))) return 0;
    if (kNever.has(word)) return 0;
    const Word next = next_word(text, word.end, abbreviated);
    const bool day = day_in_name(text, word.end).letters != 0;
    const bool of = kKinds.has(word) && next.shape == Shape::lower && (next.flags & kParticle) != 0;
    if (!begins_with_capital(word) ||
        (!day && !of && (next.letters == 0 || !begins_with_capital(next) || (next.flags & kStreet) != 0)))
      return 0;
  }
  static constexpr FewWords kSmall("aux au a dei degli delle"), kBehind("in an am im on bei upon zu zur and");
  std::size_t end = 0;
  for (int words = 0; words < 5; ++words) {
    if (const Word month = day_in_name(text, word.end); month.letters != 0) {
      end = month.end;
      if (text[end] == ' ' && text[end + 1] == '1' && is_digit(text[end + 2]) && is_digit(text[end + 3]) &&
          is_digit(text[end + 4]) && !is_digit(text[end + 5]))
        end += 5;
      break;
    }
    Word next = next_word(text, word.end, (words == 0 && abbreviated) || word.shape == Shape::initial);
    if (next.letters == 0) break;
    if (begins_with_capital(next)) {
      while (text[next.end] == '-' && letter_at(text, next.end + 1) != 0 && next.end < word.end + kLongestWord) {
        next = word_at(text, next.end + 1);  // "rue Saint-Honoré"
      }
      end = next.end;
    } else if (kBehind.has(next) || ((next.flags & kParticle) == 0 && !kSmall.has(next))) {
      break;  // "boulevard des Lilas in Isfahan"
    }
    word = next;
  }
  return end != 0 ? units(text, end) : 0;
}

// "Avenue of the Americas", "Highway 50", "Broadway" right behind a number: the end, 0 if it is none.
std::size_t street_of_one_word(const Text& text, const Word& word, std::size_t digits) {
  static constexpr FewWords kRoads("highway hwy route rte fm interstate");
  if (kRoads.has(word) && digits >= 3) {
    const std::size_t end = road_number(text, word.end);
    return end != word.end ? end : 0;
  }
  static constexpr FewWords kAlone(
      "broadway moorgate cheapside piccadilly bishopsgate whitehall kingsway embarcadero eastcheap haymarket aldwych");
  if (kAlone.has(word) && digits >= 2) {
    static constexpr FewWords kStage(
        "show shows musical musicals play plays hits theaters theatres tickets stars actors");
    const Word next = next_word(text, word.end, false);
    return kStage.has(next) || (next.shape != Shape::lower && is_street_end(next)) ? 0 : word.end;
  }
  static constexpr FewWords kOfKinds("avenue court way street road drive plaza circle boulevard walk"), kOf("of the");
  if (!kOfKinds.has(word)) return 0;
  const Word of = next_word(text, word.end, false);
  if (!kOf.has(of) || of.shape != Shape::lower) return 0;
  Word next = next_word(text, of.end, false);
  if (kOf.has(next)) next = next_word(text, next.end, false);
  return next.letters != 0 && begins_with_capital(next) ? next.end : 0;
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
  const bool comma = text[at] == ',';
  if (comma) ++at;
  Word word = next_word(text, at, false);
  if (word.letters == 0) return {};
  if (word.cue == Cue::address && !begins_with_capital(word)) return {};
  if (const std::size_t end = french_street(text, word); end != 0) return {Kind::address, number.begin, end, 80};
  if (word.shape == Shape::lower) return {};
  // "12 Main Street", "5423 Old Mill Rd. Apt 4": a number, one to four words with capitals, the last of them a suffix;
  // more where some are abbreviations, "2436 SW Martin Luther King Jr. Crossing".
  const bool year = number.size() == 4 && (text.has(number.begin, "19") || text.has(number.begin, "20"));
  const bool told = context.near(Cue::address, 5);
  std::size_t end = comma || (year && !told) ? 0 : street_of_one_word(text, word, number.digits);
  const bool alone = end != 0;
  static constexpr FewWords kTitles("rev dr gen col capt prof sgt maj adm gov pres sen fr hon sir");
  bool named = false;
  int most = 5;
  std::size_t doubtful = 0;
  Word before;
  for (int words = 0; words < most && !alone; ++words) {
    if (!begins_with_capital(word) && word.shape != Shape::upper) break;
    if (named && is_street_end(word)) {
      end = word.end;
      static constexpr FewWords kRoads("highway hwy route rte"), kOfStates("road rd"),
          kStates("county state farm ranch");
      if (kRoads.has(word) || (kOfStates.has(word) && kStates.has(before))) {
        end = road_number(text, end);
        if (end != word.end) break;
      }
    }
    if (words == 0 && (word.flags & kMonth) != 0 && (word.flags & kGiven) == 0) break;
    named = true;
    if (end == word.end && text[end] == ',') break;
    const bool abbreviation = word.letters <= 2 || (text[word.end] == '.' && kTitles.has(word));
    if (abbreviation && most < 8) ++most;
    const Word next = next_word(text, word.end, abbreviation);
    if (next.letters == 0) break;
    // "N. Rev. Dr. Samuel Smith Blvd": that was no drive.
    if (end == word.end && text[end] == '.' && kTitles.has(word) && kTitles.has(before)) {
      doubtful = end;
      end = 0;
    }
    if (end != 0 && !is_street_end(next)) break;
    before = word;
    word = next;
  }
  if (end == 0) end = doubtful;
  if (end == 0) {
    // "53, Lotus Residency, MG Road"
    if (!comma || year || number.size() > 4 || !context.near(Cue::address, 8)) return {};
    end = town_behind_number(text, at - 1);
    return end != 0 ? Match{Kind::address, number.begin, end, 70} : Match{};
  }
  if (number.size() > 5 && !told) return {};
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
  end = units(text, end);
  if (text[end - 1] == '.' && (blank_at(text, end) == 0 || letter_at(text, end + 1) != 0)) --end;  // the sentence's
  return {Kind::address, number.begin, end, 75};
}

namespace {

// "Calle 100 # 19-54", "Carrera 7 No. 71-21": streets that have numbers. The end behind `end`, 0 if it is none.
std::size_t numbered_calle(const Text& text, std::size_t end) {
  std::size_t i = end;
  if (text[i] == '.') ++i;
  if (text[i] != ' ') return 0;
  ++i;
  const std::size_t first = i;
  while (i < first + 3 && is_digit(text[i])) ++i;
  if (i == first) return 0;
  if (text[i] >= 'A' && text[i] <= 'Z') ++i;
  for (const string_view more : {" bis", " sur", " norte", " este", " oeste"}) {
    if (text.has(i, more) && !is_alphanumeric(text[i + more.size()])) i += more.size();
  }
  const std::size_t sign = i + (text[i] == ',');
  if (text[sign] != ' ' || (text[sign + 1] != '#' && (text[sign + 1] | 0x20) != 'n')) return 0;
  const std::size_t number = house_number(text, i);
  return number != i ? number : 0;
}

// How a street's name begins.
struct Beginning {
  std::size_t end = 0;    // of the word and its stop or slash; 0: no street
  bool postcode = false;  // only with a postal code behind it: "Am Markt 3, 80331 München"
  bool sign = false;      // only with a comma or "n." before its number, or a postal code
  bool kind = false;      // more than two letters, which say what it is
};

Beginning beginning(const Text& text, const Context& context, const Word& word) {
  static constexpr FewWords kLeads(
      "canale rotonda incrocio stretto piazzale lungotevere lungomare borgo circonvallazione localita frazione fraz "
      "loc traversa fondamenta stradone "
      "namesti nam trida tr nabrezi nabr ulice bulevardul bulevardi bulvar calea soseaua aleea splaiul intrarea ctra "
      "pza "
      "plza pje jiron calzada privada cerrada prolongacion cra cll kr diagonal transversal urbanizacion tv lgo calcada "
      "azinhaga ladeira viela rotunda al pl str pca ulitsa cl bul sos nabrezie trg");
  static constexpr FewWords kNeedStop("al pl os nam nabr tr str cl tv loc fraz bul kr pza pje pca sos lgo");
  static constexpr FewWords kIn("am an im zum zur auf in hinter vor bei beim neben");
  static constexpr FewWords kInCapital("im zum zur auf in hinter vor bei beim neben");
  const bool small = word.shape == Shape::lower;
  const bool stop = text[word.end] == '.';
  Beginning out;
  if (word.letters == 1) {
    if (text[word.end] == '/' && (text[word.begin] | 0x20) == 'c') return {.end = word.end + 1, .kind = true};
    // "V.le Monza 5", "P.zza Dante 3", "C.so Italia 7"
    static constexpr FewWords kRests("le zza za so go lo ta");
    if (small || !stop || letter_at(text, word.end + 1) == 0) return {};
    const Word rest = word_at(text, word.end + 1);
    return rest.shape == Shape::lower && kRests.has(rest) ? Beginning{.end = rest.end, .kind = true} : Beginning{};
  }
  out.end = word.end;
  out.kind = word.letters > 2;
  if (small) {
    static constexpr FewWords kStops("al pl os nam tr str av cll cra");
    static constexpr FewWords kSigns("via place quai chemin route allee cours square cite passage");
    static constexpr FewWords kItalian(
        "in di da alla dalla della nella sede residente domiciliato domiciliata indirizzo abita abito abitante sita "
        "sito "
        "presso la una e");
    static constexpr std::uint32_t kEt = hash_folded("et");  // "et al."
    if (!kSmallLeads.has(word) || (kStops.has(word) && (!stop || context.previous.hash == kEt))) return {};
    out.postcode = kIn.has(word);
    static constexpr std::uint32_t kVia = hash_folded("via");
    out.sign = kSigns.has(word) && !(word.hash == kVia && context.joined && kItalian.has(context.previous));
    out.kind = true;
    return out;
  }
  if ((word.flags & kStreetFirst) == 0 && !kLeads.has(word) && !kInCapital.has(word)) return {};
  if (kNeedStop.has(word) && !stop) return {};
  out.postcode = kInCapital.has(word);
  if (word.shape == Shape::upper) {
    if (word.letters < 3) return {};
    out.sign = true;
  }
  return out;
}

// "Via Roma 12", "Calle de Alcalá, 5", "Rua Augusta 100", "Am Markt 3", "Via G. Verdi n. 80/A", "C/ Mayor 22",
// "ul. Kwiatowa 57", "Via dell'Orso 3", "Piazza XXV Aprile, 8".
Match street_by_its_beginning(const Text& text, const Context& context, const Word& word) {
  const Beginning begins = beginning(text, context, word);
  if (begins.end == 0) return {};
  if (!begins.postcode) {
    if (const std::size_t end = numbered_calle(text, begins.end); end != 0)
      return {Kind::address, word.begin, units(text, end), 75};
  }
  static constexpr FewWords kSmall(
      "dei degli delle dello dell alla al ai alle ad san do das dos et aux au w we los las il lo gli les");
  static constexpr FewWords kElided("dell all sull nell dall d l");
  Word last = word;
  last.end = begins.end;
  for (int words = 0; words < 6; ++words) {
    const std::size_t behind = last.end + (words == 0 && text[last.end] == '.');
    const bool day = words < 2 && !begins.postcode && day_in_name(text, behind).letters != 0;
    const bool short_title = last.letters <= 4 && words > 0;  // "ks. Popiełuszki", "Pres. Vargas"
    Word next = day ? day_in_name(text, behind)
                    : next_word(text, last.end, words == 0 || last.shape == Shape::initial || short_title);
    const std::size_t quote = text[last.end] == '\'' ? 1 : text[last.end] == 0xE2 && text[last.end + 2] == 0x99 ? 3 : 0;
    if (quote != 0 && words > 0 && kElided.has(last) && letter_at(text, last.end + quote) != 0)
      next = word_at(text, last.end + quote);
    if (next.letters == 0) return {};
    const bool numeral = next.shape == Shape::upper &&  // "Corso Vittorio Emanuele II"
                         ((words > 0 && next.letters <= 4) || word.shape == Shape::upper);
    const bool title = next.shape == Shape::lower && next.letters <= 5 && next.letters > 1 && text[next.end] == '.';
    const bool name = day || numeral || begins_with_capital(next);
    if (!name && (next.flags & kParticle) == 0 && !kSmall.has(next) && !title) return {};
    last = next;
    if (!name) continue;
    const std::size_t number = house_number(text, next.end);
    if (number == next.end) continue;
    // "via Roma, 5", but not "via Bologna, 12 minuti"
    const bool word_follows = text[number] == ' ' && text[number + 1] >= 'a' && text[number + 1] <= 'z';
    const bool sign = text[next.end] == ',' ? !word_follows : !is_digit(text[next.end + 1]);
    if (begins.postcode || (begins.sign && !sign)) {
      // "Anschrift: Im Winkel 84b"
      const bool told = begins.postcode && context.near(Cue::address, 1) && number - next.end < 5;
      const std::size_t end = told ? number : with_postcode(text, number);
      return end != 0 ? Match{Kind::address, word.begin, end, 72} : Match{};
    }
    return {Kind::address, word.begin, units(text, number), begins.kind ? 72 : 52};
  }
  return {};
}

}  // namespace

Match match_street(const Text& text, const Context& context, const Word& word) {
  if (const std::size_t end = post_box(text, word); end != 0) return {Kind::address, word.begin, end, 85};
  if (word.shape == Shape::lower) return street_by_its_beginning(text, context, word);
  if (const std::size_t end = military_mail(text, word); end != 0) return {Kind::address, word.begin, end, 80};
  if (begins_with_capital(word)) {
    if (const std::size_t end = premises(text, context, word); end != 0) return {Kind::address, word.begin, end, 80};
  }
  if (begins_with_capital(word) || word.letters > 5) {
    if (const std::size_t end = street_by_its_end(text, context, word); end != 0)
      return {Kind::address, word.begin, units(text, end), 80};
  }
  return street_by_its_beginning(text, context, word);
}

}  // namespace freehold::pii
