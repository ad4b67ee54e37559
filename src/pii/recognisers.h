// What looks at one place of the text each, and says what stands there. All are called where a token begins; all read a
// bounded number of bytes, so that scanning is linear.
//
// Most tokens are nothing, and most recognisers need a word before them or a sign at a known place: a `may_be_…` beside
// a recogniser tells that in a few instructions, in line. It says no only where the recogniser finds nothing; a
// recogniser without one is asked always. To add one: a function in a file of its own, declared here, asked for in
// scanner_tokens.cpp; if it costs much there, a `may_be_…` too.
#pragma once

#include "pii/code.h"
#include "pii/context.h"

namespace freehold::pii {

// numbers.cpp: numbers of states, cards, telephones and what else is digits; codes with letters; what cues name.
Match match_code(const Text& text, const Context& context, const Code& code);
// Whether a code that match_code or match_postcode finds may begin with so many letters and a sign, where no word that
// names_number() stands at most kOwnReach words before it and none is said of it behind it (may_be_said).
bool may_lead_code(std::size_t letters);
// Whether what is said of a code may stand behind some of its groups.
bool may_be_said(const Text& text, const Code& code);
inline constexpr std::uint32_t kOwnReach = 4;
bool names_number(Cue cue);  // whether it says there what a number is: those words have an index of their own
// phone.cpp: what begins with '+' or '(' at `i`, and groups of digits.
Match match_phone(const Text& text, std::size_t i, const Context& context);
int phone_score(const Written& written, std::string_view digits, const Context& context);
bool is_phone_label(const Text& text, const Code& code);  // "M: 91 507 84 39"
// The end of an extension ("x123", "ext. 5") that follows `end`, or `end`.
std::size_t phone_extension(const Text& text, std::size_t end);
// dates.cpp: numeric dates and ages (at a digit), dates that begin with a month's name (at a word).
inline constexpr std::uint32_t kBirthReach = 5;  // a date of birth is at most so many words behind the word
Match match_date(const Text& text, const Context& context, const Code& code);
Match match_month(const Text& text, const Context& context, const Word& month);
Match match_age(const Text& text, const Context& context, const Code& code);
// Of codes that begin with digits alone.
inline bool may_be_date(const Text& text, const Code& code) {
  const std::size_t size = code.groups[0].size(), end = code.groups[0].end;
  if (size == 4 && code.count < 3) {  // "1961-Mar-21"
    const unsigned char sign = text[end];
    return letter_at(text, end + (sign == '-' || sign == '/' || sign == ' ')) != 0;
  }
  return code.count >= 3 || size <= 2 || size == 8 || size == 12 || size == 14;
}
inline bool may_be_age(const Text& text, const Code& code) {  // from 90 to 130
  const std::size_t size = code.groups[0].size(), begin = code.groups[0].begin;
  if (code.groups[0].digits < size && (text[begin + code.groups[0].digits] | 0x20) != 'y') return false;
  return (size >= 2 && size <= 6 && text[begin] == '9') || (size > 3 && size <= 6 && text[begin] == '1') ||
         (size == 3 && text[begin] <= '1');
}
// net.cpp
inline constexpr std::size_t kEmailReach = 68;  // an address' '@' stands less than so many bytes after its beginning
Match match_email(const Text& text, std::size_t i);
// Whether the '@' of one is written in another way, "ann%40example.org", behind what begins at `i`; and whether that
// may be, where letters and digits end at `end`.
bool is_coded_email(const Text& text, std::size_t i);
inline bool may_be_coded_email(const Text& text, std::size_t end) {
  switch (text[end]) {
    case '%':
    case '=':
      return text[end + 1] == '4';
    case '&':
      return text[end + 1] == '#';
    case '\\':
      return text[end + 1] == 'u' || text[end + 1] == 'x' || text[end + 1] == '\\';
    case '.':
    case '_':
    case '-':
    case '+':
      return is_alphanumeric(text[end + 1]);
    default:
      return false;
  }
}
Match match_url(const Text& text, std::size_t i);
// Whether what stands at `end`, behind the letters and digits that begin at `i`, may belong to a web address.
inline bool may_be_url(const Text& text, std::size_t i, std::size_t end) {
  const unsigned char next = text[end + 1];
  switch (text[end]) {
    case '.':
      return is_alphanumeric(next) || next >= 0x80;
    case '-':
      return is_alphanumeric(next) || next == '-';
    case ':':
      return next == '/' || (text[i] | 0x20) == 'j';
    case '+':
      return is_alphanumeric(next);  // "git+ssh://"
    default:
      return text[end] >= 0x80;
  }
}
Match match_ip(const Text& text, std::size_t i, const Context& context);  // IPv4, IPv6
Match match_mac(const Text& text, std::size_t i, const Context& context);
inline bool may_be_mac(const Text& text, std::size_t i, const Context& context) {
  const unsigned char third = text[i + 2];
  return third == ':' || third == '-' || text[i + 4] == '.' || context.previous.letters == 3 ||
         context.near(Cue::mac, 3);
}
// positions.cpp
Match match_position(const Text& text, std::size_t i, const Context& context);
inline bool may_be_position(const Context& context) {
  constexpr std::uint32_t kFar = 3;
  return context.near(Cue::position, kFar) || context.near(Cue::address, kFar);
}
// secrets.cpp
Match match_secret(const Text& text, std::size_t i, const Context& context);
// Where the value of an element begins whose name ends with the word `name`: "<password>", "<wsse:Password Type=…>"; 0
// if that is no element's or none of a password. And the password that is the whole value at `i`.
inline bool opens_element(const Text& text, const Word& name) {
  const unsigned char left = text.before(name.begin, 1);
  return left == '<' || left == ':';
}
std::size_t element_value(const Text& text, const Word& name, bool password);
Match match_element(const Text& text, std::size_t i);
inline constexpr std::uint32_t kSecretReach = 2;            // words between a secret and what tells of it
bool may_be_secret_alone(const Text& text, std::size_t i);  // with no such word
// another.cpp: what follows at `end` and tells of it. " to", " auf": behind a password that another one takes the place
// of. "and mine is …", "to …": behind a number. "to …", "me (…)": behind the word that says that one was given.
bool gives_another(const Text& text, std::size_t end);
bool gives_another_number(const Text& text, std::size_t end);
bool gives_value(const Text& text, std::size_t end, bool password);
inline constexpr std::uint32_t kGivenReach = 4;  // words between what it is and that
// options.cpp
Match match_option(const Text& text, std::size_t i, const Context& context);  // "mysql -psecret", "curl -u me:secret"
// logins.cpp
Match match_login(const Text& text, std::size_t i);  // the user of "creds are ann:hunter22"
Match match_used(const Text& text, std::size_t i);   // "use Winter14$ as the password"
// "Winter14$ is my password", "(password)", "… is my username": what is said of it behind it. `end`: of its first
// letters and digits.
Match match_said_login(const Text& text, std::size_t i, std::size_t end, const Context& context);
// wallets.cpp
inline constexpr std::size_t kShortestWallet = 26;  // letters and digits
Match match_wallet(const Text& text, std::size_t i, const Context& context);
// long_values.cpp: whether the value of a match goes on with the byte at `i`; and its end, without the sentence's
// marks, where it ends at `end`.
bool value_goes_on(const Text& text, std::size_t i, Rest rest, unsigned char quote);
std::size_t value_end(const Text& text, std::size_t begin, std::size_t end, Rest rest);
bool is_token(unsigned char c);  // base64, base64url and the joints of tokens
// Whether what a block ends with looks like base64 and not like prose: the block goes on.
bool is_inside_block(std::string_view end);
// The mark with which a private key's block begins.
Match private_key_begins(const Text& text, std::size_t i);
// beside.cpp: what nothing tells but the word right before it.
Match match_user(const Text& text, std::size_t i, const Context& context);      // "login: jdoe42", "handle @jane_doe"
Match match_check(const Text& text, const Context& context, const Code& code);  // "CVV 123"
inline bool may_be_check(const Context& context) {
  return context.near(Cue::check, 1) || context.near(Cue::one_time, 1) || context.near(Cue::code, 0);
}
Match match_docket(const Text& text, std::size_t i, const Context& context);  // "Az. 12 O 345/20"
// places.cpp: "12 Main Street", "12 rue …"; "Hauptstraße 12", "Via Roma 5", "ul. Kwiatowa 57"
Match match_address(const Text& text, const Context& context, const Code& code);
Match match_street(const Text& text, const Context& context, const Word& word);
// postcodes.cpp
Match match_postcode(const Text& text, const Context& context, const Code& code);
// Behind a house number stands a blank, a sign before one, or another number.
inline bool may_be_address(const Text& text, const Code& code) {
  const Code::Group& number = code.groups[0];
  if (code.joined || code.money || number.digits == 0 || number.size() > 6 || number.size() - number.digits > 1)
    return false;
  const unsigned char next = text[number.end];
  return next == ' ' || next == ',' || next == '-' || next == '/' || next == '\t' || next >= 0x80;
}
inline bool may_be_postcode(const Code& code, const Context& context) {
  constexpr std::uint32_t kReach = 6;
  if (code.joined || code.money) return false;
  const bool near_street = context.near(Cue::address, kReach);
  if (code.hyphened && !near_street) return false;
  const std::size_t first = code.groups[0].size(), second = code.count > 1 ? code.groups[1].size() : 0;
  if (first <= 2 && second != 0 && code.groups[0].digits == 0) return true;  // "D-10115"
  if (first < 2 || first > 8) return false;
  if (first == 5 || (first <= 5 && second >= 2 && second <= 4)) return true;
  if (first == 6 && code.groups[0].digits == 4 && code.groups[0].upper == 2) return true;  // "3646GK"
  const bool state = context.joined && context.previous.shape == Shape::upper;             // "NSW 2000"
  return first >= 4 && (near_street || (state && first == 4) || context.near(Cue::postcode, 3));
}

}  // namespace freehold::pii
