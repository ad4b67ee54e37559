// Keys, tokens and passwords: by their form (keys.h), or by the words before them.
#include <algorithm>
#include <array>
#include <iterator>
#include <string>

#include "pii/keys.h"
#include "pii/lexicon.h"
#include "pii/recognisers.h"

namespace freehold::pii {
namespace {

using std::string_view;

// Bytes that are looked at; what goes on behind them is followed (Rest).
constexpr std::size_t kLongestToken = 4096, kLongestPassword = 128;
constexpr std::size_t kLongestQuoted = 512;  // a password with blanks

// The end of the longest value from `i` on, of at most `most` bytes; `rest`: none if it ends there, else how it goes
// on.
std::size_t end_of_value(const Text& text, std::size_t i, std::size_t most, Rest& rest, unsigned char quote = 0) {
  std::size_t end = i;
  while (end < i + most && value_goes_on(text, end, rest, quote)) ++end;
  if (end == i + most) return end;
  end = value_end(text, i, end, rest);
  rest = Rest::none;
  return end;
}

// RFC 7519: base64url of JSON, which begins "eyJ", twice or (unsigned header, encrypted body) with other parts, dots
// between.
Match jwt(const Text& text, std::size_t i) {
  if (text[i] != 'e' || text[i + 1] != 'y' || text[i + 2] != 'J') return {};
  // Its first part may hold certificates.
  constexpr std::size_t kLongestHeader = 4 * kLongestToken;
  std::size_t at = i, dots = 0, part = 0;
  for (; at < i + kLongestHeader; ++at) {
    if (dots > 0 && at >= i + kLongestToken) return {Kind::jwt, i, at, 95, Rest::jwt};
    const unsigned char c = text[at];
    if (is_alphanumeric(c) || c == '_' || c == '-') {
      ++part;
    } else if (c == '.' && part > 0 && dots < 4 && (is_alphanumeric(text[at + 1]) || dots > 0)) {
      ++dots;
      part = 0;
    } else {
      break;
    }
  }
  if (dots < 2 || at - i < 36) return {};
  if (text[at - 1] == '.' && dots > 2) --at;
  return {Kind::jwt, i, at, 95};
}

// The lines of a PuTTY key that are secret: "Private-Lines: 14" and what follows.
Match private_lines(const Text& text, std::size_t i) {
  constexpr string_view kName = "private-lines: ";
  if (!text.has(i, kName)) return {};
  std::size_t at = i + kName.size();
  const std::size_t most = at + 4;
  while (at < most && is_digit(text[at])) ++at;
  if (at == i + kName.size()) return {};
  if (text[at] == '\r') ++at;
  if (text[at] != '\n') return {};
  return {Kind::private_key, at + 1, at + 1, 97, Rest::lines};
}

// "$6$salt$hash", as crypt(3) and its likes write a password: what follows the first '$'.
Match crypt_hash(const Text& text, std::size_t i) {
  static constexpr string_view kMethods[] = {"1$",
                                             "2a$",
                                             "2b$",
                                             "2y$",
                                             "5$",
                                             "6$",
                                             "7$",
                                             "y$",
                                             "gy$",
                                             "apr1$",
                                             "argon2i$",
                                             "argon2d$",
                                             "argon2id$",
                                             "scrypt$",
                                             "pbkdf2-sha256$",
                                             "pbkdf2-sha512$",
                                             "bcrypt$"};
  constexpr std::size_t kLeast = 22, kMost = 256;
  for (const string_view method : kMethods) {
    if (!text.has(i, method)) continue;
    std::size_t end = i + method.size(), signs = 0;
    while (end < i + kMost && (is_token(text[end]) || text[end] == '$' || text[end] == ','))
      signs += text[end++] == '$';
    while (text[end - 1] == '.' || text[end - 1] == ',' || text[end - 1] == '-') --end;
    if (end - i < kLeast + method.size() || signs == 0) continue;
    return {Kind::password, i, end, 90};
  }
  return {};
}

// Whether the word at `i` ends at `end` and a list has it.
bool is_known_word(const Text& text, std::size_t i, std::size_t end) {
  if (letter_at(text, i) == 0) return false;
  const Word word = word_at(text, i);
  return word.end == end && (word.flags & (kCommon | kFiller)) != 0;
}

// Letters alone that no word is: capitals and small letters are about as many.
bool is_jumbled(string_view token) {
  constexpr std::size_t kLeast = 20;
  std::size_t upper = 0, lower = 0;
  for (const char c : token) {
    upper += c >= 'A' && c <= 'Z';
    lower += c >= 'a' && c <= 'z';
  }
  return token.size() >= kLeast && upper * 4 > token.size() && lower * 4 > token.size() && entropy(token) >= 3.6;
}

// "Failed password for jdoe42": whose it is, or where.
bool is_given_to(const Text& text, std::size_t i, const Context& context) {
  if (text.before(i, 1) == '/' && context.previous.letters != 0) return true;  // "pw/branch-2"
  if (text.before(i, 1) != ' ' || !context.joined) return false;
  static constexpr std::uint32_t kWords[] = {
      hash_folded("for"),  hash_folded("of"),  hash_folded("from"), hash_folded("by"),  hash_folded("at"),
      hash_folded("fur"),  hash_folded("von"), hash_folded("pour"), hash_folded("par"), hash_folded("para"),
      hash_folded("per"),  hash_folded("por"), hash_folded("di"),   hash_folded("van"), hash_folded("voor"),
      hash_folded("till"), hash_folded("til"), hash_folded("af"),   hash_folded("av"),  hash_folded("dla"),
      hash_folded("pro"),  hash_folded("user")};
  return std::find(std::begin(kWords), std::end(kWords), context.previous.hash) != std::end(kWords);
}

// Where nothing stands between that gives it, "the password I was given is …", the word says less: small letters,
// capitals and digits, or a sign.
bool is_password_of_sentence(const Text& text, const Context& context, string_view value, std::size_t begin) {
  static constexpr std::uint32_t kGives[] = {
      hash_folded("is"),   hash_folded("was"), hash_folded("ist"),   hash_folded("war"),     hash_folded("est"),
      hash_folded("es"),   hash_folded("e"),   hash_folded("given"), hash_folded("entered"), hash_folded("typed"),
      hash_folded("used"), hash_folded("era"), hash_folded("etait"), hash_folded("lautet"),  hash_folded("foi"),
      hash_folded("jest"), hash_folded("byl"), hash_folded("bylo"),  hash_folded("ar"),      hash_folded("var"),
      hash_folded("er")};
  const unsigned char left = text.before(begin, 1);
  const bool gives =
      left == '(' || (left == ' ' && context.joined &&
                      std::find(std::begin(kGives), std::end(kGives), context.previous.hash) != std::end(kGives));
  if (!gives || value.size() < 8) return false;
  bool upper = false, lower = false, digit = false, sign = false;
  for (const char byte : value) {
    const auto c = static_cast<unsigned char>(byte);
    if (c == '.' || c == '/' || c == '(' || c == '=' || c == ':' || c == ',') return false;
    upper = upper || (c >= 'A' && c <= 'Z');
    lower = lower || (c >= 'a' && c <= 'z');
    digit = digit || is_digit(c);
    sign = sign || (string_view("$%&*#@^~+").find(byte) != string_view::npos);
  }
  sign = sign || value.find_first_of("!?") < value.size() - 1 || (digit && value.ends_with('!'));
  return lower && ((digit && (upper || sign)) || (upper && sign));
}

// No plain word; `assigned`: behind "password: ".
bool is_odd(string_view value, bool assigned) {
  for (std::size_t k = 0; k < value.size(); ++k) {
    const auto c = static_cast<unsigned char>(value[k]);
    if (is_digit(c) || (c < 0x80 && !is_alphanumeric(c) && c != '-' && c != '_' && c != ':' && c != '\'' && c != '/') ||
        (k > 0 && is_upper(value[k]) && value[k - 1] >= 'a'))
      return true;
    // "KCFAgkAGU"
    if (assigned && value.size() >= 8 && k > 1 && c >= 'a' && c <= 'z' && is_upper(value[k - 1]) &&
        is_upper(value[k - 2]))
      return true;
  }
  return false;
}

// Whether the words before `value` at `begin` say that it is a password, one of them at most kSecretReach words back.
bool is_named_password(const Text& text, const Context& context, string_view value, std::size_t begin) {
  // "********" hides one.
  if (value.find_first_not_of(value[0]) == string_view::npos && !is_digit(static_cast<unsigned char>(value[0])))
    return false;
  // "changed my password from … to …"
  static constexpr std::uint32_t kFrom[] = {hash_folded("from"), hash_folded("von"), hash_folded("de"),
                                            hash_folded("da"), hash_folded("van")};
  if (context.joined && value.size() >= 6 && gives_another(text, begin + value.size()) &&
      std::find(std::begin(kFrom), std::end(kFrom), context.previous.hash) != std::end(kFrom))
    return true;
  static constexpr std::uint32_t kInstead = hash_folded("instead"), kLieu = hash_folded("lieu");
  const bool other = context.before_previous.hash == kInstead || context.before_previous.hash == kLieu;
  // "lösenord till Meadow14$" changes it: nobody is called so.
  const bool strong =
      value.find_first_of("!$%&#*^~") != string_view::npos &&
      std::any_of(value.begin(), value.end(), [](char c) { return is_digit(static_cast<unsigned char>(c)); });
  if (!other && !strong && is_given_to(text, begin, context)) return false;
  return context.near(Cue::password, 1) || is_password_of_sentence(text, context, value, begin);
}

// Where the value ends that begins at `i`, behind a quotation mark: at the next one like it on the same line; 0 if none
// is near.
std::size_t closing_quote(const Text& text, std::size_t i, unsigned char quote) {
  const bool within = text.before(i, 2) == '\\';  // JSON in a string: the closing one has a backslash as well
  for (std::size_t end = i; end < i + kLongestQuoted && text[end] >= ' '; ++end) {
    const unsigned char c = text[end];
    if (c == quote) {
      if (quote == '\'' && is_alphanumeric(text[end + 1])) return 0;  // "don't"
      while (within && end > i && text[end - 1] == '\\') --end;
      return end;
    }
    if (c == '\\' && !within) ++end;
  }
  return 0;
}

// What stands behind "password:", "password = '" and the like; the cue was the last word.
Match by_word(const Text& text, std::size_t i, const Context& context) {
  const bool password = context.near(Cue::password, kSecretReach);
  const bool secret = context.near(Cue::secret, 2) || context.near(Cue::password, 2);
  if (!secret) return {};
  const unsigned char left = text.before(i, 1);
  if (left == '/' && text.before(i, 2) == '<') return {};  // "</password>"
  const bool quoted = left == '"' || left == '\'' || left == '`';
  std::size_t end = i;
  if (password) {
    // Anything up to a blank or the closing quotation mark.
    const unsigned char quote = quoted ? left : 0;
    Rest rest = Rest::password;
    end = end_of_value(text, i, kLongestPassword, rest, quote);
    const bool marked = left == '"' || left == '\'';
    std::size_t back = marked ? 2 : 1;
    while (marked && back < 5 && text.before(i, back) == '\\') ++back;
    const unsigned char sign = text.before(i, back) == ' ' ? text.before(i, back + 1) : text.before(i, back);
    const bool named = sign == ':' || sign == '=';
    // In quotation marks it goes to the closing one, blanks and all.
    const std::size_t close = named && marked ? closing_quote(text, i, left) : 0;
    if (close != 0 && context.near(Cue::password, 0)) {
      end = close;
      rest = Rest::none;
    }
    const string_view value = text.part(i, end);
    const bool odd = is_odd(value, left == ' ' && text.before(i, 2) == ':');
    // "--password hunter": a word that is known is none.
    const std::size_t end_of_option = text.before(i, 1) == ' ' ? 2 : back + 1;
    const bool option = context.option && is_alphanumeric(text.before(i, end_of_option)) && text[i] != '-' &&
                        !is_known_word(text, i, end);
    const bool assigned = named || option;
    // "Where is the PIN letter?"
    const bool word = !assigned && (value.ends_with('?') || value.ends_with('!')) && is_known_word(text, i, end - 1);
    const bool date = !assigned && value.find_first_of("./") != string_view::npos &&
                      value.find_first_not_of("0123456789./-") == string_view::npos;  // "password changed on 1.5.2023"
    const bool fits = !word && !date && (odd || (assigned && value.size() >= 6 && (left != ' ' || option))) &&
                      value.size() >= 4 && value.find('@') != 0 && value.back() != ':';
    if (fits && is_named_password(text, context, value, i)) {
      if (close > end) return {Kind::password, i, close, odd ? 80 : 60};
      return {Kind::password, i, end, odd ? 80 : 60, rest, quote};
    }
  }
  if (!secret) return {};
  Rest rest = Rest::token;
  end = end_of_value(text, i, kLongestToken, rest);
  const string_view token = text.part(i, end);
  if (token.size() < 16) return {};
  const bool given = quoted || left == '=' || left == ':';
  if (!is_mixed(token) && !(given && is_jumbled(token))) return {};
  // English has about 4.1 bits a letter, but not with digits between; 16 hexadecimal digits seldom have under 3.
  const bool path = token.find('/') != string_view::npos && entropy(token) < 4.2;
  if (path || entropy(token) < 3.0) return {};
  return {Kind::secret, i, end, 80, rest};
}

}  // namespace

std::size_t element_value(const Text& text, const Word& name, bool password) {
  constexpr std::size_t kLongestTag = 256;
  const unsigned char left = text.before(name.begin, 1);
  if (!opens_element(text, name) && left != '_' && left != '-' && left != '.') return 0;
  lexicon().each_cue(0, name, [&](Cue cue) { password = password || cue == Cue::password || cue == Cue::pass; });
  if (!password) return 0;
  std::size_t i = name.end;
  if (text[i] == ' ' && opens_element(text, name)) {  // attributes
    while (i < name.end + kLongestTag && text[i] >= ' ' && text[i] != '<' && text[i] != '>') ++i;
  }
  return text[i] == '>' && text[i - 1] != '/' ? i + 1 : 0;
}

Match match_element(const Text& text, std::size_t i) {
  constexpr std::size_t kLeast = 4;
  std::size_t end = i;
  while (end < i + kLongestQuoted && text[end] >= ' ' && text[end] != '<') ++end;
  if (text[end] != '<' || text[end + 1] != '/') return {};
  while (end > i && text[end - 1] == ' ') --end;
  return end < i + kLeast ? Match{} : Match{Kind::password, i, end, 80};
}

bool may_be_secret_alone(const Text& text, std::size_t i) {
  const unsigned char left = text.before(i, 1);
  if (left == '$') return true;
  if (left == '_' || left == '-' || left == '.') return false;
  if (text[i] == 'P' && text[i + 1] == 'r' && text[i + 7] == '-') return true;  // private_lines()
  return may_be_key(text, i) || (text[i] == 'e' && text[i + 1] == 'y' && text[i + 2] == 'J');
}

Match match_secret(const Text& text, std::size_t i, const Context& context) {
  const unsigned char left = text.before(i, 1);
  if (left == '$') {
    if (const Match match = crypt_hash(text, i)) return match;
  }
  if (left != '_' && left != '-' && left != '.') {
    if (const Match match = match_key(text, i)) return match;
    if (const Match match = jwt(text, i)) return match;
    if (const Match match = private_lines(text, i)) return match;
  }
  return by_word(text, i, context);
}

// "-----BEGIN RSA PRIVATE KEY-----" and the like (RFC 7468 and older), "---- BEGIN SSH2 ENCRYPTED PRIVATE KEY ----"
// (RFC 4716), also as an address has it: "BEGIN%20PRIVATE%20KEY".
Match private_key_begins(const Text& text, std::size_t i) {
  constexpr std::size_t kLongestName = 48;
  const bool four = text.has(i, "---- begin ");
  if (!four && !text.has(i, "-----begin")) return {};
  const std::size_t name = i + 10;
  std::size_t at = name;
  while (at < name + kLongestName && ((text[at] >= 'A' && text[at] <= 'Z') || text[at] == ' ' || text[at] == '%' ||
                                      text[at] == '+' || is_digit(text[at])))
    ++at;
  const std::size_t end = at;
  while (at < end + (four ? 4 : 5)) {
    if (text[at++] != '-') return {};
  }
  const string_view said = text.part(name, end);
  const unsigned char blank = text[name];
  if ((blank != ' ' && blank != '%' && blank != '+') || said.find("PRIVATE") == string_view::npos ||
      said.find("KEY") == string_view::npos)
    return {};
  return {Kind::private_key, i, at, 97, Rest::block, static_cast<unsigned char>(four ? ' ' : '-')};
}

}  // namespace freehold::pii
