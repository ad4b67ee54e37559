// What looks at one place of the text each, and says what stands there. All are called where a token begins; all read a
// bounded number of bytes, so that scanning is linear.
#pragma once

#include "pii/code.h"
#include "pii/context.h"

namespace freehold::pii {

// numbers.cpp: numbers of states, cards, telephones and what else is digits; codes with letters; what cues name.
Match match_code(const Text& text, const Context& context, const Code& code);
// phone.cpp: what begins with '+' or '(' at `i`, and groups of digits.
Match match_phone(const Text& text, std::size_t i, const Context& context);
int phone_score(const Written& written, std::string_view digits, const Context& context);
// The end of an extension ("x123", "ext. 5") that follows `end`, or `end`.
std::size_t phone_extension(const Text& text, std::size_t end);
// dates.cpp: numeric dates and ages (at a digit), dates that begin with a month's name (at a word).
inline constexpr std::uint32_t kBirthReach = 5;  // a date of birth is at most so many words behind the word
Match match_date(const Text& text, const Context& context, const Code& code);
Match match_month(const Text& text, const Context& context, const Word& month);
Match match_age(const Text& text, const Context& context, const Code& code);
// net.cpp
inline constexpr std::size_t kEmailReach = 68;  // an address' '@' stands less than so many bytes after its beginning
Match match_email(const Text& text, std::size_t i);
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
      return (text[i] | 0x20) == 'm';
    default:
      return text[end] >= 0x80;
  }
}
Match match_ip(const Text& text, std::size_t i, const Context& context);  // IPv4, IPv6
Match match_mac(const Text& text, std::size_t i, const Context& context);
// positions.cpp
Match match_position(const Text& text, std::size_t i, const Context& context);
// secrets.cpp
Match match_secret(const Text& text, std::size_t i, const Context& context);
// options.cpp
Match match_option(const Text& text, std::size_t i, const Context& context);  // "mysql -psecret", "curl -u me:secret"
// wallets.cpp
inline constexpr std::size_t kShortestWallet = 26;  // letters and digits
Match match_wallet(const Text& text, std::size_t i, const Context& context);
// Right behind "-----BEGIN" at `i`, whether a private key follows; the end of that line's mark.
std::size_t private_key_begins(const Text& text, std::size_t i);
// beside.cpp: what nothing tells but the word right before it.
Match match_user(const Text& text, std::size_t i, const Context& context);      // "login: jdoe42", "handle @jane_doe"
Match match_check(const Text& text, const Context& context, const Code& code);  // "CVV 123"
Match match_docket(const Text& text, std::size_t i, const Context& context);    // "Az. 12 O 345/20"
// places.cpp
Match match_address(const Text& text, const Context& context, const Code& code);  // "12 Main Street", "12 rue …"
Match match_street(const Text& text, const Word& word);                           // "Hauptstraße 12", "Via Roma 5"
Match match_postcode(const Text& text, const Context& context, const Code& code);

}  // namespace freehold::pii
