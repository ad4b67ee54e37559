// E-mail addresses, web addresses, IP and hardware addresses.
#include <algorithm>
#include <array>
#include <iterator>
#include <string>

#include "pii/keys.h"
#include "pii/recognisers.h"

namespace freehold::pii {
namespace {

using std::string_view;

constexpr std::size_t kLongestLocal = kEmailReach - 4, kLongestDomain = 253, kLongestUrl = 2048;

bool is_local(unsigned char c) {  // RFC 5322 atext as it is used, and the full stop
  return is_alphanumeric(c) || c == '.' || c == '_' || c == '%' || c == '+' || c == '-' || c == '\'' || c == '&' ||
         c == '~';
}

// How an '@' is written in addresses, in mail (quoted-printable), in HTML and in JSON: how many bytes of it stand at
// `i`.
std::size_t coded_at_sign(const Text& text, std::size_t i) {
  switch (text[i]) {
    case '%':
    case '=':
      return text[i + 1] == '4' && text[i + 2] == '0' ? 3 : 0;
    case '&':
      if (text[i + 1] != '#') return 0;
      if (text[i + 2] == '6') return text[i + 3] == '4' && text[i + 4] == ';' ? 5 : 0;
      return text.has(i + 2, "x40;") ? 6 : 0;
    case '\\':
      if (text[i + 1] == '\\') ++i;
      if (text[i + 1] == 'x') return text.has(i + 2, "40") ? 4 : 0;
      return text.has(i + 1, "u0040") ? 6 : 0;
    default:
      return 0;
  }
}

// The end of the host name at `i`: labels of letters, digits, hyphens; 0 if it has no dot or ends in no letters.
std::size_t host_end(const Text& text, std::size_t i, std::size_t& last_label) {
  std::size_t label = i, end = i, dots = 0;
  const std::size_t most = i + kLongestDomain, here = std::min(most, text.size());
  for (std::size_t at = i; at < most;) {
    if (at < here && is_alphanumeric(text.data()[at])) {
      do ++at;
      while (at < here && is_alphanumeric(text.data()[at]));
      end = at;
      continue;
    }
    const unsigned char c = text[at];
    std::size_t n = c >= 0x80 ? letter_at(text, at) : 0;
    if (n == 0 && c == '-' && at > label && (is_alphanumeric(text[at + 1]) || text[at + 1] == '-')) n = 1;
    if (n != 0) {
      at += n;
      end = at;
      continue;
    }
    if (c != '.' || at == label) break;
    const unsigned char next = text[at + 1];
    if (!is_alphanumeric(next) && (next < 0x80 || letter_at(text, at + 1) == 0)) break;
    label = ++at;
    ++dots;
  }
  last_label = label;
  if (dots == 0 || end - label < 2) return 0;
  for (std::size_t k = label; k < end; ++k) {
    if (is_digit(text[k]) && !text.has(label, "xn--")) return 0;
  }
  return end;
}

// Top-level domains (IANA root zone) that are not the endings of files: for names without "http" before them.
bool is_plain_domain(string_view label) {
  static constexpr string_view kKnown =
      " com org net edu gov mil int info biz io co de uk fr it es nl be at ch pl pt se fi dk no ie cz ro bg hr ee gr "
      "tr br mx cl ar ca in cn kr sg il za au nz jp us eu ru ua "
      "app dev cloud online shop store tech site xyz ai tv ";
  std::string wanted = " " + std::string(label) + " ";
  return kKnown.find(wanted) != string_view::npos;
}

// A token that no word is.
bool is_random(string_view token) {
  return token.size() >= 20 && is_mixed(token) && entropy(token) >= 3.2;
}

bool ends_url(unsigned char c) {
  return c <= ' ' || c == '<' || c == '>' || c == '"' || c == '`' || c == '{' || c == '}' || c == '|' || c == '\\' ||
         c == '^';
}

// The end of the path at `i`, without the sentence's marks at its end.
std::size_t path_end(const Text& text, std::size_t i, std::size_t limit) {
  std::size_t end = i;
  int open = 0;
  for (; i < limit && !ends_url(text[i]); ++i) {
    const unsigned char c = text[i];
    if (c == 0xE2 && text[i + 1] == 0x80 && text[i + 2] >= 0x98 && text[i + 2] <= 0x9F) break;  // quotation marks
    if (c == '(') ++open;
    if (c == ')' && --open < 0) break;
    if (c == ']' || c == '\'') break;
    if (c != '.' && c != ',' && c != ';' && c != ':' && c != '!' && c != '?' && c != '*') end = i + 1;
  }
  return end;
}

int hex_value(unsigned char c) {
  return is_digit(c) ? c - '0' : (c | 0x20) - 'a' + 10;
}

// Whether an underscore at `i` goes on with a name, and does not close Markdown's.
bool goes_on(const Text& text, std::size_t i) {
  return text[i] == '_' && is_alphanumeric(text[i + 1]);
}

// "kernel: DROP SRC=…", "firmware update requested by …": where it came from or went to. `large`: hardly a version,
// which go from one to another as well.
bool is_of_host(const Text& text, std::size_t i, const Context& context, bool large) {
  const PastWord& word = context.previous;
  if (word.letters == 0 || word.cue == Cue::version) return false;
  if (text.before(i, 1) == '=') return true;
  if (text.before(i, 1) != ' ' || !context.joined) return false;
  static constexpr std::uint32_t kHosts[] = {hash_folded("by"),   hash_folded("ip"),    hash_folded("host"),
                                             hash_folded("at"),   hash_folded("peer"),  hash_folded("client"),
                                             hash_folded("via"),  hash_folded("par"),   hash_folded("durch"),
                                             hash_folded("door"), hash_folded("przez"), hash_folded("av")};
  static constexpr std::uint32_t kWays[] = {hash_folded("from"), hash_folded("to"),  hash_folded("von"),
                                            hash_folded("nach"), hash_folded("de"),  hash_folded("desde"),
                                            hash_folded("da"),   hash_folded("van"), hash_folded("naar"),
                                            hash_folded("fran"), hash_folded("fra"), hash_folded("z")};
  return std::find(std::begin(kHosts), std::end(kHosts), word.hash) != std::end(kHosts) ||
         (large && std::find(std::begin(kWays), std::end(kWays), word.hash) != std::end(kWays));
}

Match match_ipv4(const Text& text, std::size_t i, const Context& context) {
  std::size_t at = i;
  int parts[4];
  for (int part = 0; part < 4; ++part) {
    int n = 0;
    std::size_t digits = 0;
    while (digits < 4 && is_digit(text[at])) n = n * 10 + (text[at++] - '0'), ++digits;
    if (digits == 0 || digits > 3 || n > 255 || (digits > 1 && text[at - digits] == '0')) return {};
    parts[part] = n;
    if (part < 3 && text[at++] != '.') return {};
  }
  const unsigned char c = text[at];
  if (is_alphanumeric(c) || goes_on(text, at) || (c == '.' && is_alphanumeric(text[at + 1])) ||
      (c == '-' && (text[at + 1] | 0x20) >= 'a' && is_alphanumeric(text[at + 1])))
    return {};
  if (const unsigned char left = text.before(i, 1);
      left == '.' || left == '-' || left == '/' || left == 'v' || left == 'V') {
    if (left != '/' || is_alphanumeric(text.before(i, 2))) {
      if (left != '-' || !is_digit(text.before(i, 2))) return {};
    }
  }
  // Nobody's: this machine, nothing, masks.
  if (parts[0] == 0 || (parts[0] == 127 && parts[1] == 0 && parts[2] == 0) || (parts[0] == 255 && parts[1] == 255))
    return {};
  int score = 90;
  const bool large = std::count_if(std::begin(parts), std::end(parts), [](int part) { return part >= 32; }) >= 2;
  if (context.near(Cue::version, 2) && !is_of_host(text, i, context, large)) score = 20;
  if (parts[0] < 10 && parts[1] < 10 && parts[2] < 10 && parts[3] < 10 &&
      parts[0] + parts[1] + parts[2] + parts[3] < 16 && context.near(Cue::version, 5))
    score = 20;
  return {Kind::ip, i, at, score};
}

// RFC 4291, section 2.2.
Match match_ipv6(const Text& text, std::size_t i) {
  std::size_t at = i;
  int groups = 0, digits_seen = 0;
  bool compressed = false;
  std::size_t end = i;
  if (text[at] == ':') {
    if (text[at + 1] != ':') return {};
    compressed = true;
    at += 2;
  }
  while (groups < 8) {
    std::size_t length = 0;
    while (length < 5 && is_hex(text[at + length])) digits_seen += is_digit(text[at + length]), ++length;
    if (length > 4 || (length == 0 && !compressed)) return {};
    if (length == 0) break;
    if (text[at + length] == '.' && is_digit(text[at]) && groups <= 6) {  // the last 32 bits as IPv4
      std::size_t v4 = at;
      int dots = 0;
      while (v4 < at + 15 && (is_digit(text[v4]) || (text[v4] == '.' && is_digit(text[v4 + 1]))))
        dots += text[v4++] == '.';
      if (dots == 3) {
        groups += 2;
        end = at = v4;
        break;
      }
    }
    at += length;
    end = at;
    ++groups;
    if (text[at] != ':') break;
    if (text[at + 1] == ':') {
      if (compressed) return {};
      compressed = true;
      at += 2;
      end = at;
      continue;
    }
    if (!is_hex(text[at + 1])) break;
    ++at;
  }
  const unsigned char c = text[end];
  if (is_alphanumeric(c) || goes_on(text, end) || (c == ':' && is_alphanumeric(text[end + 1]))) return {};
  if (compressed ? groups > 7 || groups < 2 : groups != 8) return {};
  if (compressed && digits_seen < (groups < 3 ? 2 : 1)) return {};  // "dead::beef" is a name
  if (c == '%') {
    while (end < i + 60 && is_alphanumeric(text[++end])) {
    }
  }
  return {Kind::ip, i, end, 90};
}

// Whether `mac: "` or "**MAC:** " stands before `i`: the word alone is a computer's, a code's and much else.
bool is_mac_label(const Text& text, std::size_t i, const Context& context) {
  static constexpr std::uint32_t kMac = hash_folded("mac");
  if (context.previous.letters != 3 || context.previous.hash != kMac) return false;
  // "MAC 001b44113ab7": capitals are an address' more than a computer's.
  if (context.joined && context.previous.shape == Shape::upper) return true;
  for (std::size_t back = 1; back < kHistory; ++back) {
    const unsigned char c = text.before(i, back);
    if (c == ':' || c == '=') return true;
    if (c != ' ' && c != '\'' && c != '"' && c != '*' && c != '`') return false;
  }
  return false;
}

// "001B44113AB7" behind the words that say so; digits alone only right behind them.
Match bare_mac(const Text& text, std::size_t i, const Context& context) {
  if (!context.near(Cue::mac, 3) && !is_mac_label(text, i, context)) return {};
  std::size_t at = i;
  int sum = 0;
  bool letter = context.near(Cue::mac, 0);
  for (; at < i + 12 && is_hex(text[at]); ++at) {
    sum += hex_value(text[at]);
    letter = letter || !is_digit(text[at]);
  }
  if (at != i + 12 || is_alphanumeric(text[at]) || text[at] == '_' || !letter || sum == 0 || sum == 12 * 15) return {};
  return {Kind::mac, i, at, 80};
}

// "smtp://mailer:secret@host": whatever the scheme is (RFC 3986, section 3.1), a password stands in it.
Match match_userinfo(const Text& text, std::size_t i) {
  constexpr std::size_t kLongestScheme = 24, kLongest = 256;
  std::size_t at = i;
  while (at < i + kLongestScheme && (is_alphanumeric(text[at]) || text[at] == '+' || text[at] == '-')) ++at;
  if (text[at] != ':' || text[at + 1] != '/' || text[at + 2] != '/') return {};
  const std::size_t user = at += 3;
  std::size_t colon = 0;
  while (at < user + kLongest && !ends_url(text[at]) && text[at] != '/' && text[at] != '@') {
    if (text[at] == ':' && colon == 0) colon = at;
    ++at;
  }
  if (text[at] != '@' || colon == 0 || at == colon + 1 || !is_alphanumeric(text[at + 1])) return {};
  return {Kind::password, i, path_end(text, at, user + kLongestUrl), 92};
}

}  // namespace

bool is_coded_email(const Text& text, std::size_t i) {
  const std::size_t most = i + kLongestLocal;
  while (i < most && (is_alphanumeric(text[i]) || text[i] == '.' || text[i] == '_' || text[i] == '-' || text[i] == '+'))
    ++i;
  return coded_at_sign(text, i) != 0;
}

Match match_email(const Text& text, std::size_t i) {
  std::size_t at = i;
  while (at < i + kLongestLocal) {
    const unsigned char c = text[at];
    if (is_local(c)) {
      if ((c == '%' || c == '&') && coded_at_sign(text, at) != 0) break;
      ++at;
    } else if (c >= 0x80) {
      const std::size_t n = letter_at(text, at);
      if (n == 0) return {};
      at += n;
    } else {
      break;
    }
  }
  const std::size_t sign = text[at] == '@' ? 1 : coded_at_sign(text, at);
  if (sign == 0 || at == i || text[at - 1] == '.') return {};
  std::size_t label = 0;
  const std::size_t end = host_end(text, at + sign, label);
  if (end == 0) return {};
  if (text[end] == ':' && is_alphanumeric(text[end + 1]) && !is_digit(text[end + 1])) return {};  // git@host:path
  return {Kind::email, i, end, 95};
}

Match match_url(const Text& text, std::size_t i) {
  static constexpr string_view kSchemes[] = {"https://",    "http://",       "ftp://",   "sftp://",    "ssh://",
                                             "wss://",      "ws://",         "ftps://",  "file://",    "ldap://",
                                             "postgres://", "postgresql://", "mysql://", "mongodb://", "mongodb+srv://",
                                             "redis://",    "amqp://",       "jdbc:",    "s3://"};
  static constexpr auto kFirstOfScheme = [] {
    std::array<bool, 256> out{};
    for (const string_view scheme : kSchemes) out[static_cast<unsigned char>(scheme[0])] = true;
    return out;
  }();
  const unsigned char first = text[i] | 0x20;
  const std::size_t limit = i + kLongestUrl;
  for (const string_view scheme : kSchemes) {
    if (!kFirstOfScheme[first]) break;
    if (first != static_cast<unsigned char>(scheme[0]) || !text.has(i, scheme)) continue;
    const std::size_t host = i + scheme.size();
    const std::size_t end = path_end(text, host, limit);
    if (end <= host + 1) return {};
    // user:password@host, :password@host
    std::size_t at = host, colon = 0;
    while (at < end && text[at] != '/' && text[at] != '@') {
      if (text[at] == ':') colon = at;
      ++at;
    }
    if (at < end && text[at] == '@' && colon >= host && at > colon + 1)
      return {has_key(text, host, at) ? Kind::api_key : Kind::password, i, end, 92};
    const bool alone = at < end && text[at] == '@' && colon == 0;  // somebody, or a token
    if (alone && is_random(text.part(host, at))) return {Kind::secret, i, end, 92};
    if (has_key(text, host, end)) return {Kind::api_key, i, end, 92};
    return {Kind::url, i, end, 92};
  }
  if (const Match match = match_userinfo(text, i)) return match;
  const bool www = text.has(i, "www.");
  const unsigned char left = text.before(i, 1);
  if (left == '@' || left == '/' || left == '.' || left == '-' || left == '_') return {};
  std::size_t label = 0;
  const std::size_t end = host_end(text, i, label);
  if (end == 0) return {};
  const unsigned char after = text[end];
  if (after == '@' || after == '(' || after == '_' || (after == '.' && is_alphanumeric(text[end + 1]))) return {};
  if (!www && (!is_plain_domain(text.part(label, end)) || label - i < 4)) return {};
  if (!www && (left == ':' || left == '\\')) return {};  // std::io.co
  std::size_t whole = end;
  if (after == ':' && is_digit(text[end + 1])) {
    ++whole;
    while (whole < end + 6 && is_digit(text[whole])) ++whole;
  }
  if (text[whole] == '/' || text[whole] == '?' || text[whole] == '#') whole = path_end(text, whole, limit);
  if (whole > end && has_key(text, i, whole)) return {Kind::api_key, i, whole, www ? 90 : 70};
  return {Kind::url, i, std::max(whole, end), www ? 90 : 70};
}

Match match_ip(const Text& text, std::size_t i, const Context& context) {
  if (is_digit(text[i])) {
    if (const Match match = match_ipv4(text, i, context)) return match;
  }
  return match_ipv6(text, i);
}

Match match_mac(const Text& text, std::size_t i, const Context& context) {
  // 00:1b:44:11:3a:b7, 00-1B-44-11-3A-B7, 001b.4411.3ab7 (IEEE 802)
  for (const std::size_t width : {std::size_t{2}, std::size_t{4}}) {
    const std::size_t groups = 12 / width;
    const unsigned char separator = text[i + width];
    if (width == 2 ? separator != ':' && separator != '-' : separator != '.') continue;
    std::size_t at = i;
    bool good = true;
    int sum = 0;
    for (std::size_t g = 0; g < groups && good; ++g) {
      for (std::size_t k = 0; k < width && good; ++k, ++at) {
        good = is_hex(text[at]);
        if (good) sum += hex_value(text[at]);
      }
      if (g + 1 < groups && good) good = text[at++] == separator;
    }
    if (!good) continue;
    const unsigned char c = text[at];
    if (is_alphanumeric(c) || goes_on(text, at) || (c == separator && is_alphanumeric(text[at + 1]))) return {};
    // Part of a longer row; "MAC-Adresse:00:1b:…" is none.
    if (text.before(i, 1) == separator && is_hex(text.before(i, 2)) && is_hex(text.before(i, 3)) &&
        !is_alphanumeric(text.before(i, 4)))
      return {};
    // Twelve digits in fours are India's number of a person, too.
    if (width == 4 && context.near(Cue::aadhaar, 4)) continue;
    return sum == 0 || sum == 12 * 15 ? Match{} : Match{Kind::mac, i, at, 92};  // nobody's, everybody's
  }
  return bare_mac(text, i, context);
}

}  // namespace freehold::pii
