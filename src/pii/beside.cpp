// What nothing tells but the word right before it: names of users, the digits that check a card, numbers of dockets.
#include <algorithm>
#include <iterator>

#include "pii/lexicon.h"
#include "pii/recognisers.h"

namespace freehold::pii {
namespace {

// Whether a colon, an equals sign or a quotation mark stands right before `i`.
bool is_assigned(const Text& text, std::size_t i) {
  std::size_t back = 1;
  while (back < 4 && text.before(i, back) == ' ') ++back;
  const unsigned char c = text.before(i, back);
  return c == ':' || c == '=' || (back == 1 && (c == '"' || c == '\''));
}

// The name of a file, "config.yaml".
bool is_file(const Text& text, std::size_t begin, std::size_t end) {
  static constexpr std::string_view kEndings[] = {"yaml", "yml", "json", "xml", "txt",  "csv",  "log", "conf", "cfg",
                                                  "ini",  "py",  "js",   "ts",  "html", "css",  "md",  "sh",   "sql",
                                                  "db",   "php", "java", "cpp", "exe",  "dll",  "zip", "gz",   "pdf",
                                                  "png",  "jpg", "gif",  "env", "get",  "post", "put", "args", "argv"};
  for (const std::string_view ending : kEndings) {
    if (end - begin == ending.size() && text.has(begin, ending)) return true;
  }
  return false;
}

// Whether a word of small letters from `begin` to `end` may be somebody's: a name, or what no list knows.
bool may_be_name(const Text& text, std::size_t begin, std::size_t end) {
  if (end == begin || letter_at(text, begin) == 0) return false;
  const Word word = word_at(text, begin);
  if (word.end != end || word.shape != Shape::lower || word.cue != Cue::none) return false;
  return (word.flags & (kGiven | kSurname)) != 0 || (word.flags & (kCommon | kFiller)) == 0;
}

// "fwinter02", "silva.joao", "ann_lee": how names of users are made of names; `least` letters in each part.
bool is_made_of_names(const Text& text, std::size_t begin, std::size_t end, std::size_t least) {
  constexpr std::size_t kLeastBeforeDigits = 4, kMostDigits = 4;
  std::size_t digits = 0, parts = 0;
  while (end - digits > begin && is_digit(text[end - digits - 1])) ++digits;
  const std::size_t letters_end = end - digits;
  for (std::size_t part = begin; part < letters_end; ++parts) {
    std::size_t at = part;
    while (at < letters_end && is_alphanumeric(text[at]) && !is_digit(text[at])) ++at;
    const bool last = at == letters_end;
    if (!last && text[at] != '.' && text[at] != '_') return false;
    if (last && part > begin && text.before(part, 1) == '.' && is_file(text, part, at)) return false;
    if (at - part < least || !may_be_name(text, part, at)) return false;
    part = at + !last;
  }
  if (parts == 1) return digits > 0 && digits <= kMostDigits && letters_end - begin >= kLeastBeforeDigits;
  return parts > 1 && parts <= 3 && digits <= kMostDigits;
}

// What a program's value is of, "uint32".
bool is_type(const Text& text, std::size_t begin, std::size_t end) {
  static constexpr std::string_view kTypes[] = {"uint", "float", "string", "char", "varchar", "real", "double"};
  return std::any_of(std::begin(kTypes), std::end(kTypes), [&](std::string_view type) {
    return end > begin + type.size() && text.has(begin, type) && is_digit(text[begin + type.size()]);
  });
}

// Whether one of the words between full stops and underscores is a name: "args.config" has none.
bool has_name(const Text& text, std::size_t begin, std::size_t end) {
  for (std::size_t i = begin; i < end; ++i) {
    if ((i > begin && text[i - 1] != '.' && text[i - 1] != '_') || letter_at(text, i) == 0) continue;
    const Word word = word_at(text, i);
    if ((word.flags & (kGiven | kSurname)) != 0 && (word.flags & kCommon) == 0) return true;
  }
  return false;
}

// "user … password …", "Passwort: …, Benutzer: …", "invalid user … from …": what stands beside a word of small letters
// from `word` on makes it a user's name, unless it is an ordinary one.
bool is_users_here(const Text& text, const Word& word, const Context& context) {
  constexpr std::size_t kLeast = 3;
  if (word.shape != Shape::lower || word.letters < kLeast || word.end - word.begin != word.letters ||
      word.cue != Cue::none || (word.flags & (kCommon | kFiller | kProper)) != 0)
    return false;
  static constexpr std::uint32_t kInvalid[] = {hash_folded("invalid"), hash_folded("illegal"), hash_folded("unknown")};
  if (std::find(std::begin(kInvalid), std::end(kInvalid), context.before_previous.hash) != std::end(kInvalid))
    return true;
  constexpr std::uint32_t kFar = 3;
  if (context.near(Cue::password, kFar)) return true;
  std::size_t i = word.end + (text[word.end] == ',' || text[word.end] == ';');
  i += blank_at(text, i);
  if (i == word.end || letter_at(text, i) == 0) return false;
  const Word next = word_at(text, i);
  bool password = false;
  lexicon().each_cue(0, next, [&](Cue cue) { password = password || cue == Cue::password || cue == Cue::pass; });
  if (password) return text[next.end] == ':' || text[next.end] == '=' || text[next.end] == ' ';
  return next.end == i + 4 && text.has(i, "from ") && is_hex(text[i + 5]) &&
         (is_digit(text[i + 5]) || is_digit(text[i + 6]) || text[i + 9] == ':');
}

// "kovacsb", "jmoreau": a surname with an initial, and behind "username" also a word that none is like.
bool is_shortened(const Text& text, const Word& word, const Context& context) {
  constexpr std::size_t kMost = 24;
  // "my username is kovacsb"
  static constexpr std::uint32_t kIs[] = {hash_folded("is"), hash_folded("ist"),  hash_folded("est"),
                                          hash_folded("es"), hash_folded("jest"), hash_folded("ar"),
                                          hash_folded("er"), hash_folded("e")};
  const bool said = context.joined && std::find(std::begin(kIs), std::end(kIs), context.previous.hash) != std::end(kIs);
  const std::size_t kLeast = said ? 4 : 5;
  if (word.shape != Shape::lower || word.letters < kLeast || word.end - word.begin != word.letters ||
      word.letters > kMost || word.flags != 0 || word.cue != Cue::none)
    return false;
  const std::string_view letters = text.part(word.begin, word.end);
  for (const bool first : {true, false}) {
    const Word name = word_at(Text(first ? letters.substr(1) : letters.substr(0, letters.size() - 1), true), 0);
    if ((name.flags & kSurname) != 0 && (name.flags & kCommon) == 0) return true;
  }
  static constexpr std::uint32_t kNames[] = {
      hash_folded("username"),     hash_folded("userid"),         hash_folded("id"),
      hash_folded("benutzername"), hash_folded("loginname"),      hash_folded("gebruikersnaam"),
      hash_folded("screenname"),   hash_folded("anvandarnamn"),   hash_folded("brukernavn"),
      hash_folded("brugernavn"),   hash_folded("kayttajatunnus"), hash_folded("login")};
  const std::uint32_t name = said ? context.before_previous.hash : context.previous.hash;
  static constexpr std::uint32_t kLogin = hash_folded("login");
  if ((!said && name == kLogin) || std::find(std::begin(kNames), std::end(kNames), name) == std::end(kNames))
    return false;
  static constexpr std::string_view kEndings[] = {
      "tion", "tions", "ing",  "ment", "ity",   "able",   "ness", "ism",   "ical", "ious",  "ally", "ed",  "ence",
      "ance", "ible",  "ized", "izer", "field", "fields", "ung",  "ungen", "ator", "ators", "heit", "keit"};
  if (letters.starts_with("ge") && letters.ends_with('t')) return false;  // "gefragt"
  return std::none_of(std::begin(kEndings), std::end(kEndings),
                      [&](std::string_view ending) { return letters.ends_with(ending); });
}

}  // namespace

Match match_user(const Text& text, std::size_t i, const Context& context) {
  constexpr std::size_t kLeast = 3, kMost = 32;
  const bool named = context.near(Cue::user, 0);
  const bool apart = text.before(i, 1) == ' ' && context.joined;
  const bool given = is_assigned(text, i);
  if (!named && !((apart || given) && (context.previous.roles & kUserWord) != 0)) return {};
  if (is_as_word(context.before_previous.hash)) return {};  // "als Benutzername angegeben"
  const bool at_sign = text[i] == '@';
  const std::size_t begin = at_sign ? i + 1 : i;
  if (!is_alphanumeric(text[begin]) || is_digit(text[begin])) return {};
  std::size_t end = begin, digits = 0, signs = 0;
  while (end < begin + kMost) {
    const unsigned char c = text[end];
    const bool sign = (c == '.' || c == '_' || c == '-') && is_alphanumeric(text[end + 1]);
    if (!is_alphanumeric(c) && !sign) break;
    digits += is_digit(c);
    signs += sign;
    ++end;
  }
  const unsigned char next = text[end];
  if (end < begin + kLeast || is_alphanumeric(next) || next == '_' || next == '@' || next == '(' || next >= 0x80)
    return {};
  // "user fwinter02 logged in", "user: fwinter02": the word says less.
  if (!named) {
    if (given && digits == 0 && signs == 0 && !at_sign) {
      const Word word = word_at(text, begin);
      const bool users = word.end == end && (is_shortened(text, word, context) || is_users_here(text, word, context));
      return users ? Match{Kind::other_id, i, end, 60} : Match{};
    }
    if (apart && digits == 0 && signs == 0 && !at_sign) {
      const Word word = word_at(text, begin);
      return word.end == end && is_users_here(text, word, context) ? Match{Kind::other_id, i, end, 60} : Match{};
    }
    const bool code = given && (is_type(text, begin, end) || (digits == 0 && !has_name(text, begin, end)));
    return !at_sign && !code && is_made_of_names(text, begin, end, 3) ? Match{Kind::other_id, i, end, 62} : Match{};
  }
  if (apart && !at_sign && digits == 0 && signs > 0 && is_made_of_names(text, begin, end, 2))
    return {Kind::other_id, i, end, 66};
  if (!at_sign && digits == 0 && (signs == 0 || !given)) {
    // A word alone: one that no list knows, where it is given.
    const Word word = word_at(text, begin);
    static constexpr std::uint32_t kHandle = hash_folded("handle");  // what is done, too
    if (apart && signs == 0 && word.end == end && context.previous.hash != kHandle && is_shortened(text, word, context))
      return {Kind::other_id, i, end, 62};
    if (!given || word.end != end || word.flags != 0 || word.cue != Cue::none || signs != 0 ||
        word.shape != Shape::lower)
      return {};
    static constexpr std::string_view kNobody[] = {"null", "string", "admin", "root", "guest", "test", "true", "none"};
    for (const std::string_view nobody : kNobody) {
      if (word.letters == nobody.size() && text.has(begin, nobody)) return {};
    }
  }
  return {Kind::other_id, i, end, 70};
}

namespace {

// "Your code is 170275.", "your code: 170275", but not "your code is 2000 lines long".
bool is_somebodys_code(const Text& text, const Context& context, const Code::Group& number) {
  if (!context.near(Cue::code, 0)) return false;
  if (!is_assigned(text, number.begin) && !(context.joined && is_saying(context.previous.hash))) return false;
  const bool year = number.size() == 4 && (text.has(number.begin, "19") || text.has(number.begin, "20"));
  const std::size_t blank = blank_at(text, number.end);
  return !year && (blank == 0 || letter_at(text, number.end + blank) == 0 ||
                   word_at(text, number.end + blank).shape != Shape::lower);
}

}  // namespace

Match match_check(const Text& text, const Context& context, const Code& code) {
  const Code::Group& group = code.groups[0];
  // A number between them forgets the words: "CVV 123.45 and 123 people".
  const std::uint32_t words = context.before_previous.letters != 0 ? 1 : 0;
  const bool card = context.near(Cue::check, words) && group.size() >= 3 && group.size() <= 4;
  const bool told = context.near(Cue::one_time, words) || is_somebodys_code(text, context, group);
  const bool once = !card && told && group.size() >= 4 && group.size() <= 8;
  if ((!card && !once) || group.digits != group.size() || code.joined || code.hyphened || code.money ||
      (once && code.underscored))
    return {};
  const unsigned char next = text[group.end];
  if (is_alphanumeric(next) || next == '_' || next == '%') return {};
  if ((next == '.' || next == ',' || next == '-' || next == '/' || next == ':') && is_digit(text[group.end + 1]))
    return {};
  return {once ? Kind::password : Kind::other_id, group.begin, group.end, 85};
}

Match match_docket(const Text& text, std::size_t i, const Context& context) {
  constexpr std::size_t kMost = 40, kLeastDigits = 3, kMostLetters = 4;
  if (!context.near(Cue::docket, 1)) return {};
  // "Numéro de dossier patient"
  if (context.near(Cue::medical_record, 1) && context.distance(Cue::medical_record) <= context.distance(Cue::docket))
    return {};
  // "Phoenix, AZ 85001"
  if (context.previous.letters == 2 && context.previous.shape == Shape::upper) return {};
  std::size_t at = i, end = i, digits = 0, end_digits = 0;
  bool year = false, mixed = false;
  while (at < i + kMost) {
    const std::size_t group = at;
    std::size_t letters = 0, group_digits = 0;
    while (at < i + kMost && is_alphanumeric(text[at])) (is_digit(text[at++]) ? group_digits : letters) += 1;
    if (at == group || (letters > 0 && group_digits == 0 && letters > kMostLetters)) break;
    digits += group_digits;
    if (group_digits > 0 || (group > i && text.before(group, 1) != ' ')) end = at, end_digits = digits;
    const unsigned char sign = text[at], next = text[at + 1];
    if ((sign == '-' || sign == '/' || sign == ':' || sign == '.') && is_alphanumeric(next)) {
      year = year || sign == '/';
      mixed = true;
      ++at;
    } else if (sign == ' ' && !year && (is_digit(next) || is_upper(next))) {
      ++at;
    } else {
      break;
    }
  }
  // A word alone is none, nor a year or a number of pages.
  if (end_digits < kLeastDigits || (!mixed && end_digits < 5) || text[end] == '_' || text[end] == '@') return {};
  return {Kind::other_id, i, end, 72};
}

}  // namespace freehold::pii
