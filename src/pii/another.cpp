// What follows a value and says that another one of its kind comes: "from … to …", "… and the new one is …".
#include <algorithm>
#include <string_view>

#include "pii/recognisers.h"
#include "pii/word_set.h"

namespace freehold::pii {
namespace {

// What stands between two values of a kind, in the languages that cues.cpp knows.
const WordSet kBetween(
    "and or to into now not but then instead of rather than is was are were be should it its the a an my mine his hers "
    "her ours our yours your their theirs new old other former previous current correct right wrong one second next "
    "changed replaced by with actually also "
    "und oder auf zu jetzt nicht sondern statt anstatt ist war lautet die der das mein meine meins meiner ihr ihre "
    "seine seiner neu neue neuer neues alt alte alter altes andere richtig richtige nun durch zweite "
    "et ou a au en maintenant est etait le la les l mon ma mien mienne sien sienne nouveau nouvelle nouvel ancien "
    "ancienne autre lieu de par deuxieme "
    "y o e al ahora es era el los las mi mio mia suyo suya nuevo nueva anterior antiguo antigua otro otra vez por "
    "segundo "
    "ora adesso il lo gli i mio sua suo nuovo nuova vecchio vecchia precedente altro altra invece di da con "
    "agora eh foi os as meu minha seu sua novo nova antigo antiga outro outra em para com "
    "naar nu niet maar het een mijn zijn haar nieuw nieuwe oud oude andere plaats van door tweede "
    "na i albo teraz jest byl to moj moja jego jej nowy nowa nowe stary stara poprzedni zamiast "
    "till og och eller nya nytt gamla ny nye gamle ar er mitt min hans hennes i stallet for "
    "ja tai nyt on uusi vanha ve veya yeni eski nebo je novy nove stary stare");

// Bytes of letters, digits and signs at `i` up to a blank, and whether a digit is among them.
struct Token {
  std::size_t end = 0, characters = 0;
  bool digit = false, sign = false;
};
Token token_at(const Text& text, std::size_t i) {
  constexpr std::size_t kMost = 40;
  Token out{.end = i};
  for (; out.end < i + kMost && text[out.end] > ' '; ++out.end) {
    const unsigned char c = text[out.end];
    out.characters += is_alphanumeric(c) || c >= 0x80;
    out.digit = out.digit || is_digit(c);
    out.sign = out.sign || std::string_view("!$%&#*^~").find(static_cast<char>(c)) != std::string_view::npos;
  }
  return out;
}

}  // namespace

bool gives_another(const Text& text, std::size_t end) {
  static constexpr std::string_view kWords[] = {" to ",
                                                " into ",
                                                " auf ",
                                                " zu ",
                                                " naar ",
                                                " til ",
                                                " till ",
                                                " na ",
                                                " \xC3\xA0 ",
                                                " instead of ",
                                                " and the new one is ",
                                                " statt ",
                                                " au lieu de "};
  if (text[end] == ',') return gives_another_number(text, end);
  if (text[end] != ' ') return false;
  if (text.has(end, " a ")) {  // "de Hunter22 a Hunter23", but not "a valid …"
    std::size_t i = end + 3;
    while (i < end + 32 && text[i] > ' ' && !is_digit(text[i])) ++i;
    return is_digit(text[i]);
  }
  return std::any_of(std::begin(kWords), std::end(kWords),
                     [&](std::string_view word) { return text.has(end, word); }) ||
         gives_another_number(text, end);
}

bool gives_another_number(const Text& text, std::size_t end) {
  constexpr int kMostWords = 7;
  constexpr std::size_t kLeast = 4;
  std::size_t i = end;
  if (text[i] == ',' || text[i] == ';') ++i;
  const std::size_t first = blank_at(text, i);
  if (first == 0 || (text[i + first] < 'a' && text[i + first] != '(')) return false;
  i += first;
  for (int words = 0; words < kMostWords; ++words) {
    if (text[i] == '(') ++i;
    if (letter_at(text, i) == 0) break;
    const Word word = word_at(text, i);
    if (!is_digit(text[word.end]) && word.shape == Shape::lower && kBetween.has(word.hash)) {
      i = word.end + (text[word.end] == ':' || text[word.end] == ',');
      if (const std::size_t blank = blank_at(text, i); blank != 0) {
        i += blank;
        continue;
      }
      return false;
    }
    if (words == 0) return false;
    if ((word.flags & kMonth) != 0) return true;
    // "AN 2476914": a series before it
    if (word.shape != Shape::upper && word.shape != Shape::initial && !is_digit(text[word.end])) return false;
    const Token token = token_at(text, i);
    return token.digit ? token.characters >= kLeast : text[token.end] == ' ' && is_digit(text[token.end + 1]);
  }
  if (i == end + first) return false;
  const Token token = token_at(text, i);
  if (!token.digit || token.characters >= kLeast) return token.digit;
  if (text[token.end] != ' ') return false;
  return is_digit(text[token.end + 1]) ||
         (letter_at(text, token.end + 1) != 0 && (word_at(text, token.end + 1).flags & kMonth) != 0);  // "6 April 1978"
}

bool gives_value(const Text& text, std::size_t end, bool password) {
  static constexpr std::string_view kGates[] = {
      " to ",  " into ",  " (",    " is ",     " was ",    " it was ", " it is ", " it's ", " as ",
      " auf ", " zu ",    " ist ", " war ",    " es ist ", " es war ", " als ",   " en ",   " par ",
      " est ", " c'est ", " era ", " es ",     " por ",    " a ",      " para ",  " como ", " naar ",
      " na ",  " till ",  " til ", " it is: ", " var ",    " in "};
  constexpr std::size_t kMostWhom = 4, kLeast = 5;
  auto gives = [&](std::size_t i) {
    return std::any_of(std::begin(kGates), std::end(kGates), [&](std::string_view gate) {
      if (!text.has(i, gate) || i + gate.size() >= text.size()) return false;
      const Token token = token_at(text, i + gate.size());
      const std::string_view value = text.part(i + gate.size(), token.end);
      const bool letters = std::any_of(value.begin(), value.end(), [](char c) {
        return (kByteKinds[static_cast<unsigned char>(c)] & kLetterByte) != 0;
      });
      const std::size_t mail = value.find('@');
      if (!password) {
        const bool series = token.characters <= 3 && is_upper(text[i + gate.size()]) && text[token.end] == ' ';
        return (token.digit && !token.sign && token.characters >= kLeast) || (series && is_digit(text[token.end + 1]));
      }
      return letters && (token.digit || token.sign) && token.characters >= kLeast &&
             (mail == std::string_view::npos || mail + 4 >= value.size());
    });
  };
  if (text[end] != ' ') return false;
  if (gives(end)) return true;
  std::size_t whom = end + 1;  // "the one you gave me (…)"
  while (whom < end + 1 + kMostWhom && is_alphanumeric(text[whom])) ++whom;
  return whom > end + 1 && gives(whom);
}

}  // namespace freehold::pii
