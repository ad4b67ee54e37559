// Keys, tokens and passwords: by the prefixes that their makers publish, by their form, or by the words before them.
#include <array>
#include <cmath>
#include <cstdint>
#include <string>

#include "base/hash.h"
#include "pii/recognisers.h"

namespace freehold::pii {
namespace {

using std::string_view;

constexpr std::size_t kLongestToken = 4096;

struct Prefix {
  string_view text;
  std::size_t least, most;  // characters after it
};

// GitHub, GitLab, Slack, Stripe, AWS, Google, OpenAI, Anthropic, Hugging Face … each from its documentation of token
// formats.
constexpr auto kPrefixes = std::to_array<Prefix>({
    {"AKIA", 16, 16},
    {"ASIA", 16, 16},
    {"AROA", 16, 17},
    {"ABIA", 16, 16},
    {"ACCA", 16, 16},
    {"ghp_", 36, 251},
    {"gho_", 36, 251},
    {"ghu_", 36, 251},
    {"ghs_", 36, 251},
    {"ghr_", 36, 251},
    {"github_pat_", 22, 255},
    {"glpat-", 20, 64},
    {"gldt-", 20, 64},
    {"glrt-", 20, 64},
    {"xoxb-", 20, 255},
    {"xoxp-", 20, 255},
    {"xoxa-", 20, 255},
    {"xoxr-", 20, 255},
    {"xoxs-", 20, 255},
    {"xapp-", 20, 255},
    {"sk-ant-", 20, 255},
    {"sk-proj-", 20, 255},
    {"sk-svcacct-", 20, 255},
    {"sk-or-", 20, 255},
    {"sk-", 32, 255},
    {"sk_live_", 16, 255},
    {"sk_test_", 16, 255},
    {"rk_live_", 16, 255},
    {"rk_test_", 16, 255},
    {"pk_live_", 16, 255},
    {"pk_test_", 16, 255},
    {"whsec_", 24, 255},
    {"AIza", 35, 35},
    {"ya29.", 20, 255},
    {"GOCSPX-", 24, 64},
    {"SG.", 40, 80},
    {"hf_", 30, 64},
    {"npm_", 36, 36},
    {"pypi-", 50, 255},
    {"dop_v1_", 64, 64},
    {"doo_v1_", 64, 64},
    {"shpat_", 32, 32},
    {"shpss_", 32, 32},
    {"shpca_", 32, 32},
    {"sq0atp-", 22, 64},
    {"sq0csp-", 40, 64},
    {"EAACEdEose0cBA", 20, 255},
    {"key-", 32, 32},
    {"dckr_pat_", 20, 64},
    {"lin_api_", 32, 64},
    {"secret_", 40, 64},
    {"rubygems_", 40, 64},
    {"gsk_", 40, 64},
    {"r8_", 30, 64},
    {"pplx-", 40, 64},
    {"xai-", 60, 128},
    {"AGE-SECRET-KEY-1", 50, 64},
    {"hvs.", 20, 255},
    {"eyJrIjoi", 40, 255},
    {"dapi", 32, 36},
    {"ATATT3", 40, 255},
    {"figd_", 30, 64},
    {"nfp_", 30, 64},
    {"PMAK-", 40, 80},
    {"sntrys_", 40, 255},
    {"tskey-", 20, 80},
});

bool is_token(unsigned char c) {  // base64, base64url and the joints of tokens
  return is_alphanumeric(c) || c == '_' || c == '-' || c == '.' || c == '+' || c == '/' || c == '=';
}

std::size_t token_end(const Text& text, std::size_t i) {
  std::size_t end = i;
  // '=' only fills up the end: "NAME=value" is two.
  while (end < i + kLongestToken && is_token(text[end]) &&
         (text[end] != '=' || text[end + 1] == '=' || !is_token(text[end + 1])))
    ++end;
  while (end > i && (text[end - 1] == '.' || text[end - 1] == '-')) --end;
  return end;
}

// Bits a character, from how often each occurs.
double entropy(string_view token) {
  std::array<unsigned, 256> count{};
  for (const char c : token) ++count[static_cast<unsigned char>(c)];
  double bits = 0;
  for (const unsigned n : count) {
    if (n == 0) continue;
    const double p = n / static_cast<double>(token.size());
    bits -= p * std::log2(p);
  }
  return bits;
}

bool is_mixed(string_view token) {
  bool digit = false, letter = false;
  for (const char c : token) {
    digit = digit || is_digit(static_cast<unsigned char>(c));
    letter = letter || (is_alphanumeric(static_cast<unsigned char>(c)) && !is_digit(static_cast<unsigned char>(c)));
  }
  return digit && letter;
}

// For each first byte of a prefix: which is the first of them, and the lowest five bits of the bytes that may be
// second. Most tokens have others.
struct PrefixesOfByte {
  std::uint8_t first = kPrefixes.size();
  std::uint32_t seconds = 0;
};
constexpr auto kPrefixesOfByte = [] {
  std::array<PrefixesOfByte, 256> out{};
  for (std::size_t i = kPrefixes.size(); i-- > 0;) {
    PrefixesOfByte& row = out[static_cast<unsigned char>(kPrefixes[i].text[0])];
    row.first = static_cast<std::uint8_t>(i);
    row.seconds |= 1u << (static_cast<unsigned char>(kPrefixes[i].text[1]) & 31);
  }
  return out;
}();
// And behind each the next with the same first byte.
constexpr auto kNextPrefix = [] {
  std::array<std::uint8_t, kPrefixes.size()> out{};
  for (std::size_t i = 0; i < out.size(); ++i) {
    std::size_t next = i + 1;
    while (next < out.size() && kPrefixes[next].text[0] != kPrefixes[i].text[0]) ++next;
    out[i] = static_cast<std::uint8_t>(next);
  }
  return out;
}();

Match by_prefix(const Text& text, std::size_t i) {
  const unsigned char first = text[i];
  const PrefixesOfByte& row = kPrefixesOfByte[first];
  if (row.seconds == 0 || (row.seconds >> (text[i + 1] & 31) & 1) == 0) return {};
  for (std::size_t at = row.first; at < kPrefixes.size(); at = kNextPrefix[at]) {
    const Prefix& prefix = kPrefixes[at];
    bool same = true;
    for (std::size_t k = 1; k < prefix.text.size() && same; ++k)
      same = text[i + k] == static_cast<unsigned char>(prefix.text[k]);
    if (!same) continue;
    std::size_t end = i + prefix.text.size();
    const bool dots = prefix.text.back() == '.';
    while (end < i + 512 && (is_alphanumeric(text[end]) || text[end] == '_' || text[end] == '-' ||
                             (dots && text[end] == '.' && is_alphanumeric(text[end + 1]))))
      ++end;
    const std::size_t length = end - i - prefix.text.size();
    if (length < prefix.least || length > prefix.most) continue;
    const string_view body = text.part(i + prefix.text.size(), end);
    // Short prefixes are the beginnings of words too: "sk-learn-…".
    if (!is_mixed(body) &&
        (prefix.text == "sk-" || prefix.text == "SG." || prefix.text == "key-" || prefix.text == "dapi"))
      continue;
    if (entropy(body) < 2.5) continue;  // "sk-xxxxxxxx": an example
    return {Kind::api_key, i, end, 95};
  }
  return {};
}

// RFC 7519: base64url of JSON, which begins "eyJ", twice or (unsigned header, encrypted body) with other parts, dots
// between.
Match jwt(const Text& text, std::size_t i) {
  if (text[i] != 'e' || text[i + 1] != 'y' || text[i + 2] != 'J') return {};
  std::size_t at = i, dots = 0, part = 0;
  for (; at < i + kLongestToken; ++at) {
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

// What stands behind "password:", "password = '" and the like; the cue was the last word.
Match by_word(const Text& text, std::size_t i, const Context& context) {
  const bool password = context.near(Cue::password, 1);
  const bool secret = context.near(Cue::secret, 2) || context.near(Cue::password, 2);
  if (!password && !secret) return {};
  const unsigned char left = text.before(i, 1);
  const bool quoted = left == '"' || left == '\'' || left == '`';
  std::size_t end = i;
  if (password) {
    // Anything up to a blank or the closing quotation mark.
    while (end < i + 128) {
      const unsigned char c = text[end];
      if (c <= ' ' || c == '"' || c == '`' || c == '<' || c == '>' || (quoted && c == left)) break;
      ++end;
    }
    while (end > i && (text[end - 1] == '.' || text[end - 1] == ',' || text[end - 1] == ';' || text[end - 1] == ')' ||
                       text[end - 1] == '\''))
      --end;
    const string_view value = text.part(i, end);
    bool odd = false;  // no plain word
    for (std::size_t k = 0; k < value.size(); ++k) {
      const auto c = static_cast<unsigned char>(value[k]);
      odd = odd || is_digit(c) ||
            (c < 0x80 && !is_alphanumeric(c) && c != '-' && c != '_' && c != ':' && c != '\'' && c != '/') ||
            (k > 0 && c >= 'A' && c <= 'Z' && value[k - 1] >= 'a');
    }
    const std::size_t back = left == '"' || left == '\'' ? 2 : 1;
    const unsigned char sign = text.before(i, back) == ' ' ? text.before(i, back + 1) : text.before(i, back);
    const bool assigned = sign == ':' || sign == '=';
    if (value.size() >= 4 && (odd || (assigned && value.size() >= 6 && left != ' ')) && value.find('@') != 0 &&
        value.back() != ':') {
      return {Kind::password, i, end, odd ? 80 : 60};
    }
  }
  if (!secret) return {};
  end = token_end(text, i);
  const string_view token = text.part(i, end);
  if (token.size() < 16 || token.size() > 1024 || !is_mixed(token)) return {};
  // English has about 4.1 bits a letter, but not with digits between; 16 hexadecimal digits seldom have under 3.
  const bool path = token.find('/') != string_view::npos && entropy(token) < 4.2;
  if (path || entropy(token) < 3.0) return {};
  return {Kind::secret, i, end, 80};
}

bool is_base58_checked(string_view address) {
  static constexpr string_view kLetters = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";
  std::array<unsigned char, 25> bytes{};
  for (const char c : address) {
    const std::size_t value = kLetters.find(c);
    if (value == string_view::npos) return false;
    std::size_t carry = value;
    for (std::size_t k = bytes.size(); k-- > 0;) {
      carry += bytes[k] * std::size_t{58};
      bytes[k] = static_cast<unsigned char>(carry & 255);
      carry >>= 8;
    }
    if (carry != 0) return false;
  }
  const auto* data = reinterpret_cast<const char*>(bytes.data());
  const Digest once = sha256(string_view(data, 21));
  const Digest twice = sha256(std::span<const std::byte>(once.bytes));
  for (std::size_t k = 0; k < 4; ++k) {
    if (std::to_integer<unsigned char>(twice.bytes[k]) != bytes[21 + k]) return false;
  }
  return true;
}

// BIP 173 and BIP 350.
bool is_bech32(string_view address) {
  static constexpr string_view kLetters = "qpzry9x8gf2tvdw0s3jn54khce6mua7l";
  static constexpr std::uint32_t kGenerator[] = {0x3b6a57b2, 0x26508e6d, 0x1ea119fa, 0x3d4233dd, 0x2a1462b3};
  std::uint32_t check = 1;
  auto step = [&](std::uint32_t value) {
    const std::uint32_t top = check >> 25;
    check = (check & 0x1ffffff) << 5 ^ value;
    for (unsigned bit = 0; bit < 5; ++bit) check ^= (top >> bit & 1) != 0 ? kGenerator[bit] : 0;
  };
  for (const char c : string_view("bc")) step(static_cast<unsigned char>(c) >> 5);
  step(0);
  for (const char c : string_view("bc")) step(static_cast<unsigned char>(c) & 31);
  for (const char c : address.substr(3)) {
    const std::size_t value = kLetters.find(static_cast<char>(c | 0x20));
    if (value == string_view::npos) return false;
    step(static_cast<std::uint32_t>(value));
  }
  return check == 1 || check == 0x2bc830a3;
}

}  // namespace

Match match_secret(const Text& text, std::size_t i, const Context& context) {
  const unsigned char left = text.before(i, 1);
  if (left != '_' && left != '-' && left != '.') {
    if (const Match match = by_prefix(text, i)) return match;
    if (const Match match = jwt(text, i)) return match;
  }
  return by_word(text, i, context);
}

Match match_wallet(const Text& text, std::size_t i, const Context& context) {
  const unsigned char first = text[i];
  if (first != '1' && first != '3' && first != '0' && (first | 0x20) != 'b') return {};
  std::size_t end = i;
  while (end < i + 96 && is_alphanumeric(text[end])) ++end;
  const string_view word = text.part(i, end);
  if (text[end] == '_' || text[end] == '-') return {};
  if ((first == '1' || first == '3') && word.size() >= 26 && word.size() <= 35) {
    if (is_base58_checked(word)) return {Kind::crypto_wallet, i, end, 95};
  } else if ((first | 0x20) == 'b' && word.size() >= 42 && word.size() <= 62 && (word[1] | 0x20) == 'c' &&
             word[2] == '1') {
    if (is_bech32(word)) return {Kind::crypto_wallet, i, end, 95};
  } else if (first == '0' && word.size() == 42 && word[1] == 'x') {
    for (const char c : word.substr(2)) {
      if (!is_hex(static_cast<unsigned char>(c))) return {};
    }
    return {Kind::crypto_wallet, i, end, context.near(Cue::wallet) ? 90 : context.near(Cue::order, 3) ? 30 : 70};
  }
  return {};
}

std::size_t private_key_begins(const Text& text, std::size_t i) {
  // "-----BEGIN RSA PRIVATE KEY-----" and the like (RFC 7468 and older)
  constexpr std::size_t kLongestName = 40;
  std::size_t at = i;
  while (at < i + kLongestName && ((text[at] >= 'A' && text[at] <= 'Z') || text[at] == ' ' || is_digit(text[at]))) ++at;
  for (const unsigned char c : {'-', '-', '-', '-', '-'}) {
    if (text[at++] != c) return 0;
  }
  return text.part(i, at).find("PRIVATE KEY") != string_view::npos ? at : 0;
}

}  // namespace freehold::pii
