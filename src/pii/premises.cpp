// Addresses that begin with a flat, a house or a plot, and post office boxes.
#include <string_view>

#include "pii/addresses.h"

namespace freehold::pii {
namespace {

// Where an Indian address' part ends that begins at `i`, "Banjara Hills", "Sector 27", "5th Cross": of up to five words
// with capitals; `area` if one of them says what it is. `i` if it is none.
std::size_t part_of_town(const Text& text, std::size_t i, bool& area) {
  static constexpr FewWords kAreas(
      "road rd street st marg nagar vihar colony layout enclave extension extn bagh hills hill chowk bazaar bazar "
      "market "
      "society apartments apartment apts residency residences heights towers tower niketan puram park garden gardens "
      "complex chambers arcade plaza estate salai path lane gali galli cross main mohalla cantonment cantt circle "
      "junction kunj bhavan bhawan sadan square township village villas homes meadows greens peth puri avenue flats "
      "mansion building nivas niwas sarani chs area zone");
  static constexpr FewWords kNumbered("sector phase stage block ward pocket cross main wing lane street");
  area = false;
  std::size_t end = i;
  bool counted = false;  // "Sector" went by
  for (int words = 0; words < 5; ++words) {
    std::size_t at = end;
    if (words > 0) {
      if (text[at] == '-' && counted) {
        ++at;
      } else {
        const std::size_t n = blank_at(text, at);
        if (n == 0) break;
        at += n;
      }
    }
    if (is_digit(text[at])) {
      std::size_t k = at;
      while (k < at + 4 && is_digit(text[k])) ++k;
      const bool ordinal = text.has(k, "st") || text.has(k, "nd") || text.has(k, "rd") || text.has(k, "th");
      k += ordinal ? 2 : counted && text[k] >= 'A' && text[k] <= 'Z' ? 1 : 0;
      if (is_alphanumeric(text[k]) || (!ordinal && !counted)) break;
      area = area || counted;
      counted = false;
      end = k;
      continue;
    }
    if (letter_at(text, at) == 0) break;
    const Word word = word_at(text, at);
    if (word.shape == Shape::lower) break;
    const bool roman = counted && word.shape != Shape::capital && word.letters <= 3;
    counted = kNumbered.has(word);
    area = area || roman || (kAreas.has(word) && (words > 0 || counted)) ||
           (word.letters > 7 && (text.has(word.end - 5, "nagar") || text.has(word.end - 5, "puram") ||
                                 text.has(word.end - 5, "halli") || text.has(word.end - 5, "palya")));
    end = word.end;
    if (text[end] == '.' && word.letters <= 3 && text[end + 1] == ' ') ++end;
  }
  return end;
}

// ", Lotus Residency, MG Road" behind `end`: the end of the last part that says what it is, or `end`.
std::size_t parts_of_town(const Text& text, std::size_t end) {
  std::size_t last = end, i = end;
  for (int parts = 0, unknown = 0; parts < 5 && unknown < 2; ++parts) {
    if (text[i] == ',') ++i;
    if (text[i] == '\n' && i > last) {
      ++i;
    } else {
      const std::size_t n = blank_at(text, i);
      if (n == 0) break;
      i += n;
    }
    bool area = false;
    const std::size_t part = part_of_town(text, i, area);
    if (part == i) break;
    if (area) last = part;
    unknown = area ? 0 : unknown + 1;
    i = part;
    if (text[i] != ',') break;
  }
  return last;
}

// "5-69/16", "B-204", "12A" at `i`: its end, or `i`.
std::size_t premises_number(const Text& text, std::size_t i) {
  std::size_t k = i, digits = 0, letters = 0;
  while (k < i + 14) {
    if (is_digit(text[k])) {
      ++digits;
    } else if (is_alphanumeric(text[k])) {
      if (++letters > 2) return i;
    } else if ((text[k] != '-' && text[k] != '/') || !is_alphanumeric(text[k + 1]) || k == i) {
      break;
    }
    ++k;
  }
  return digits == 0 || is_alphanumeric(text[k]) ? i : k;
}

// What `word` and the words behind it are, "Plot No. ", "H.No. ": where the number may begin.
struct Lead {
  std::size_t number = 0;  // 0: none
  bool sure = false;       // "H.No." is nothing else
};
Lead lead_of(const Text& text, const Word& word) {
  static constexpr FewWords kLeads(
      "flat studio apartment apt unit suite plot lot shop villa house h door d level floor block bungalow quarter qtr "
      "gala "
      "site townhouse cottage no old new room office khasra survey tower building bldg");
  static constexpr FewWords kSure("flat house h door d bungalow qtr quarter villa");
  if (!kLeads.has(word)) return {};
  std::size_t i = word.end;
  bool named = false;
  if (text[i] == '.') ++i;
  for (int words = 0; words < 2; ++words) {
    const std::size_t at = i + (blank_at(text, i) != 0 ? blank_at(text, i) : 0);
    if (!text.has(at, "no") || letter_at(text, at + 2) != 0) break;
    named = true;
    i = at + 2;
    if (text[i] == '.') ++i;
  }
  if (!named && word.letters == 1) return {};
  if (text[i] == ':' || text[i] == '-') ++i;
  if (text[i] == ' ') ++i;
  if (text[i] == '#') ++i;
  // "Flat No. 4 is noisy"
  static constexpr FewWords kOften("flat door villa quarter qtr bungalow");
  std::size_t end = i;
  bool parts = false;
  while (end < i + 14 && (is_alphanumeric(text[end]) || text[end] == '/' || text[end] == '-')) {
    parts = parts || !is_alphanumeric(text[end]);
    ++end;
  }
  return {i, named && kSure.has(word) && (parts || text[end] == ',' || !kOften.has(word))};
}

}  // namespace

namespace {

// ", APO AE 09123" behind `end`: its end, or `end`.
std::size_t military_office(const Text& text, std::size_t end) {
  std::size_t i = end + (text[end] == ',');
  if (text[i] != ' ' && text[i] != '\n') return end;
  ++i;
  if (!text.has(i, "APO ") && !text.has(i, "FPO ") && !text.has(i, "DPO ")) return end;
  i += 4;
  if (!text.has(i, "AE") && !text.has(i, "AA") && !text.has(i, "AP")) return end;
  i += 2;
  if (is_alphanumeric(text[i])) return end;
  std::size_t code = i + 1;
  while (text[i] == ' ' && code < i + 6 && is_digit(text[code])) ++code;
  return code == i + 6 && !is_alphanumeric(text[code]) ? code : i;
}

// "2 Travis Dene," and "Clint divide," behind a flat's number at `i`: the end, 0 if it is none.
std::size_t street_of_flat(const Text& text, std::size_t i) {
  constexpr std::size_t kMost = 4;  // figures
  std::size_t at = i;
  while (at < i + kMost && is_digit(text[at])) ++at;
  const bool numbered = at != i;
  if (numbered && text[at++] != ' ') return 0;
  if (letter_at(text, at) == 0) return 0;
  const Word name = word_at(text, at);
  const Word kind = next_word(text, name.end, false);
  if (!begins_with_capital(name) || kind.letters < 3 || text[kind.end] != ',') return 0;
  const bool small = kind.shape == Shape::lower && (kind.flags & kStreet) != 0;
  const bool capital = numbered && begins_with_capital(kind) && (name.flags & kCommon) == 0;
  return small || capital ? kind.end : 0;
}

}  // namespace

std::size_t military_mail(const Text& text, const Word& word) {
  static constexpr FewWords kUnits("unit psc cmr omc umr"), kShips("uss usns uscgc"), kBox("box");
  if (kShips.has(word) && word.shape == Shape::upper) {
    Word last = word;
    for (int words = 0; words < 3; ++words) {
      last = next_word(text, last.end, false);
      if (last.letters == 0 || last.shape == Shape::lower) return 0;
      if (const std::size_t end = military_office(text, last.end); end != last.end) return end;
    }
  }
  if (!kUnits.has(word) || word.shape == Shape::lower) return 0;
  const std::size_t number = house_number(text, word.end);
  if (number == word.end) return 0;
  const Word box = next_word(text, number + (text[number] == ','), false);
  const std::size_t boxed = kBox.has(box) ? house_number(text, box.end) : number;
  if (kBox.has(box) && boxed == box.end) return 0;
  const std::size_t end = military_office(text, boxed);
  return end != boxed || kBox.has(box) ? end : 0;
}

std::size_t premises(const Text& text, const Context& context, const Word& word) {
  Word lead = word;
  bool sure = false;
  for (int leads = 0; leads < 3; ++leads) {
    const Lead here = lead_of(text, lead);
    sure = sure || here.sure;
    if (here.number == 0) return 0;
    const std::size_t number = premises_number(text, here.number);
    if (number == here.number) return 0;
    std::size_t i = number;
    if (text[i] == ',') ++i;
    if (text[i] == ' ' || (text[i] == '\n' && i > number)) ++i;
    static constexpr FewWords kBeforeStreet("unit lot shop flat studio apartment apt suite villa townhouse level");
    if (i > number && text[number] != ',' && letter_at(text, i) != 0 && is_digit(text[here.number]) &&
        kBeforeStreet.has(lead)) {
      // "Unit 4/82 Banksia Esplanade"
      const Match match = match_address(text, context, code_at(text, here.number));
      if (match.score > 0) return match.end;
    }
    if (i > number && text[number] == ',' && is_alphanumeric(text[i])) {
      const std::size_t street = kBeforeStreet.has(lead) ? street_of_flat(text, i) : 0;
      if (is_digit(text[i])) {
        const Match match = match_address(text, context, code_at(text, i));
        if (match.score > 0) return match.end;
        if (street != 0) return street;
      } else if (street != 0) {
        return street;
      } else if (letter_at(text, i) != 0) {
        const Word next = word_at(text, i);
        if (lead_of(text, next).number != 0) {
          lead = next;
          continue;
        }
      }
    }
    const std::size_t town = text[number] == ',' ? parts_of_town(text, number) : number;
    return town != number ? town : sure && leads == 0 ? number : 0;
  }
  return 0;
}

std::size_t town_behind_number(const Text& text, std::size_t number) {
  const std::size_t end = parts_of_town(text, number);
  return end != number ? end : 0;
}

std::size_t post_box(const Text& text, const Word& word) {
  static constexpr FewWords kBoxes(
      "po p post gpo pob pmb postfach postbus apartado apdo postboks boks casella caixa skrytka locked private boite "
      "bp "
      "b cs pl cp c pf box pobox postbox postilokero schliessfach postlada tsa");
  if (!kBoxes.has(word) || (word.shape == Shape::lower && word.hash != hash_folded("po"))) return 0;
  static constexpr FewWords kMore("box office boks correos de postal postale postales pocztowa bag no number nr o p b");
  static constexpr FewWords kSure(
      "gpo pob pmb postfach postbus apartado apdo postboks pobox postbox postilokero schliessfach postlada");
  static constexpr FewWords kSays("box boks postal postale pocztowa bag");
  bool sure = kSure.has(word);
  std::size_t i = word.end;
  for (int words = 0; words < 4; ++words) {
    std::size_t at = i;
    if (text[at] == '.') ++at;
    at += blank_at(text, at);
    if (at == i || letter_at(text, at) == 0) break;
    const Word next = word_at(text, at);
    if (!kMore.has(next)) break;
    sure = sure || kSays.has(next);
    i = next.end;
  }
  // "P.", "Post" and "Private" want to be told by what follows, and letters by a postal code.
  static constexpr FewWords kCodes("bp b cs pl cp c pf box tsa");
  if (!sure && !kCodes.has(word)) return 0;
  const std::size_t named = i;
  while (i < named + 3 && (text[i] == ' ' || text[i] == '.' || text[i] == ':' || text[i] == '#')) ++i;
  if (i == named || !is_digit(text[i])) return 0;
  // "Postfach 10 20 30": groups of three figures at most.
  std::size_t end = i;
  static constexpr FewWords kGrouped("postfach postbus");
  for (int groups = 0; groups < (kGrouped.has(word) ? 4 : 1); ++groups) {
    std::size_t k = groups == 0 ? i : end + 1, figures = 0;
    if (groups > 0 && text[end] != ' ') break;
    while (figures < 9 && is_digit(text[k])) ++k, ++figures;
    if (figures == 0 || figures > (groups == 0 ? 8u : 3u) || (groups > 0 && is_alphanumeric(text[k]))) break;
    end = k;
    if (figures > 3) break;
  }
  if (end == i) return 0;
  if (is_alphanumeric(text[end])) {
    if (is_digit(text[end]) || is_alphanumeric(text[end + 1])) return 0;
    ++end;  // "PO Box 12A"
  }
  if (sure) return end;
  const bool two = word.letters > 1 || i > word.end + 1;  // "B.P."
  return two && with_postcode(text, end) != 0 ? end : 0;
}

}  // namespace freehold::pii
