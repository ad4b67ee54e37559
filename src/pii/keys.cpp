#include "pii/keys.h"

#include <array>
#include <cstdint>

namespace freehold::pii {
namespace {

using std::string_view;

// What of a key's letters must be among them: short beginnings are those of words too ("sk-learn-…").
enum class Must : std::uint8_t {
  nothing,
  mixed,  // letters and digits
  cases,  // capitals, small letters and digits
};

// A form: letters that stand for themselves, and in braces what follows and how often. 'a' letters and digits, 'w'
// these and '_' and '-', 'd' these and full stops within, 'm' base64, 'h' hexadecimal, 'u' capitals and digits, 'b'
// base32, 'n' digits, '*' a UUID.
struct KeyForm {
  string_view form;
  Must must = Must::nothing;
};

// From the makers' documentation of their tokens, or as they hand them out. The first two letters are always given.
constexpr auto kForms = std::to_array<KeyForm>({
    // clouds and hosting
    {"AKIA{u16}"},
    {"ASIA{u16}"},
    {"AROA{u16,17}"},
    {"ABIA{u16}"},
    {"ACCA{u16}"},
    {"amzn.mws.{*}"},
    {"amzn1.oa2-cs.v1.{h64}"},
    {"AIza{w35}"},
    {"GOCSPX-{w24,64}"},
    {"ya29.{d20,500}"},
    {"AKID{a32}", Must::mixed},
    {"LTAI{a20}"},
    {"LTAI{a12,19}", Must::mixed},
    {"dop_v1_{h64}"},
    {"doo_v1_{h64}"},
    {"dor_v1_{h64}"},
    {"HRKU-{w36,70}"},
    {"v1.0-{h24}-{h146}"},  // Cloudflare, origins
    {"nfp_{w30,64}"},
    {"vcp_{a24,60}", Must::mixed},
    {"fo1_{w43}"},
    {"FlyV1 fm1_{m80,500}"},
    {"FlyV1 fm2_{m80,500}"},
    {"fm1a_{m80,500}"},
    {"fm1r_{m80,500}"},
    {"fm2_{m80,500}"},
    {"tskey-{w20,80}"},
    {"sbp_{h40}"},
    {"sb_secret_{w20,60}"},
    {"pscale_tkn_{d32,64}"},
    {"pscale_pw_{d32,64}"},
    {"pscale_oauth_{d32,64}"},
    {"dapi{h32}"},
    {"dapi{h32}-{n1}"},
    {"dp.pt.{a40,44}"},
    {"dp.ct.{a40,44}"},
    {"dp.st.{d40,90}"},
    {"dp.sa.{a40,44}"},
    {"dp.scim.{a40,44}"},
    {"dp.audit.{a40,44}"},
    {"hvs.{d20,300}"},
    {"hvb.{d20,400}"},
    {"hvr.{d20,300}"},
    {"pul-{h40}"},
    {"pnu_{a36}"},
    {"pnb_{a36}"},
    {"ico-{a32}", Must::mixed},
    {"dnkey-{w26}-{w52}"},
    {"AQVN{w35,38}", Must::mixed},
    // code
    {"ghp_{a36,251}"},
    {"gho_{a36,251}"},
    {"ghu_{a36,251}"},
    {"ghs_{a36,251}"},
    {"ghr_{a36,251}"},
    {"github_pat_{w22,255}"},
    {"glpat-{d20,300}"},
    {"gldt-{w20,64}"},
    {"glrt-{d20,64}"},
    {"glrtr-{w20,64}"},
    {"glcbt-{w20,64}"},
    {"glptt-{w40}"},
    {"glft-{w20,64}"},
    {"glimt-{w20,64}"},
    {"glagent-{w50,64}"},
    {"glsoat-{w20,64}"},
    {"gloas-{w64}"},
    {"GR1348941{w20}"},
    {"ATATT3{w40,300}={h8}"},
    {"ATATT3{w40,300}"},
    {"ATCTT3{w40,300}={h8}"},
    {"ATCTT3{w40,300}"},
    {"ATBB{a28,36}", Must::mixed},
    {"npm_{a36}"},
    {"pypi-{w50,255}"},
    {"rubygems_{w40,64}"},
    {"CLOJARS_{h60}"},
    {"oy2{a43}", Must::mixed},  // NuGet
    {"AKCp{a69}"},
    {"dckr_pat_{w20,64}"},
    {"dckr_oat_{w20,64}"},
    {"bkua_{h40}"},
    {"CCIPAT_{a22}_{h40}"},
    {"sgp_{h16}_{h40}"},
    {"sgp_{h40}"},
    {"figd_{w30,64}"},
    {"figu_{w30,64}"},
    {"PMAK-{h24}-{h34}"},
    {"API-{u26}", Must::mixed},  // Octopus Deploy
    {"rdme_{a70}"},
    // who watches
    {"NRAK-{u27}"},
    {"NRAA-{h27}"},
    {"NRJS-{h19}"},
    {"NRII-{w32}"},
    {"NRRA-{h42}"},
    {"glsa_{a32}_{h8}"},
    {"glc_{m32,400}"},
    {"eyJrIjoi{m40,400}"},
    {"sntrys_{m40,300}"},
    {"sntrys_{m40,300}_{m20,60}"},
    {"sntryu_{h64}"},
    {"dt0c01.{u24}.{u64}"},
    {"dt0s01.{u8,24}.{u64}"},
    {"dt0s02.{u8,24}.{u64}"},
    {"dt0s16.{u8,24}.{u64}"},
    {"phc_{a43}"},
    {"phx_{a43}"},
    {"sdk-{*}"},  // LaunchDarkly
    {"mob-{*}"},
    {"api-{*}"},
    // payment and shops
    {"sk_live_{w16,255}"},
    {"rzp_live_{a14}"},
    {"rzp_test_{a14}"},
    {"re_{a8}_{a20,32}", Must::mixed},  // Resend
    {"fw_{a22,24}", Must::cases},       // Fireworks
    {"sk_test_{w16,255}"},
    {"rk_live_{w16,255}"},
    {"rk_test_{w16,255}"},
    {"pk_live_{w16,255}"},
    {"pk_test_{w16,255}"},
    {"whsec_{m24,255}"},
    {"shpat_{h32}"},
    {"shpca_{h32}"},
    {"shppa_{h32}"},
    {"shpss_{h32}"},
    {"shpua_{h32}"},
    {"sq0atp-{w22,64}"},
    {"sq0csp-{w40,64}"},
    {"sq0idp-{w22,64}"},
    {"duffel_live_{w43}"},
    {"duffel_test_{w43}"},
    {"FLWSECK-{a32,40}-X"},
    {"FLWPUBK-{a32,40}-X"},
    {"FLWSECK_TEST-{a12,40}-X"},
    {"FLWPUBK_TEST-{a12,40}-X"},
    {"FLWSECK_TEST-{a12,40}"},
    {"shippo_live_{h40}"},
    {"shippo_test_{h40}"},
    {"EZAK{a54}"},
    {"EZTK{a54}"},
    {"access-sandbox-{*}"},  // Plaid
    {"access-development-{*}"},
    {"access-production-{*}"},
    // messages
    {"xoxb-{w20,255}"},
    {"xoxp-{w20,255}"},
    {"xoxa-{w20,255}"},
    {"xoxr-{w20,255}"},
    {"xoxs-{w20,255}"},
    {"xoxo-{w20,255}"},
    {"xoxc-{w20,255}"},
    {"xoxd-{w20,255}"},
    {"xoxe-{w20,255}"},
    {"xoxe.xoxb-{w100,255}"},
    {"xoxe.xoxp-{w100,255}"},
    {"xapp-{w20,255}"},
    {"SK{h32}"},  // Twilio
    {"AC{h32}"},
    {"SG.{w16,32}.{w16,64}"},
    {"SG.{d40,80}", Must::mixed},
    {"key-{h32}", Must::mixed},  // Mailgun
    {"pubkey-{h32}", Must::mixed},
    {"xkeysib-{h64}-{a16}"},
    {"xsmtpsib-{h64}-{a16}"},
    {"EAA{a60,400}", Must::cases},  // Facebook, Square
    {"EAAA{w60}", Must::cases},
    // whom they know and what is written down
    {"00{w40}", Must::cases},  // Okta
    {"ntn_{a40,60}"},
    {"secret_{w40,64}", Must::mixed},
    {"pat{a14}.{h64}"},  // Airtable
    {"lin_api_{w32,64}"},
    {"lin_oauth_{w32,64}"},
    {"pat-na1-{*}"},  // HubSpot
    {"pat-na2-{*}"},
    {"pat-eu1-{*}"},
    {"pat-ap1-{*}"},
    {"tfp_{d40,64}"},
    {"CFPAT-{w43}"},
    {"1/{n16}:{h32}"},  // Asana
    {"0/{h32}"},
    {"2/{n16}/{n16}:{h32}"},
    {"aio_{a28}"},
    {"ops_eyJ{m200,900}"},  // 1Password
    {"A3-{u6}-{u11}-{u5}-{u5}-{u5}"},
    {"A3-{u6}-{u6}-{u5}-{u5}-{u5}-{u5}"},
    {"AGE-SECRET-KEY-1{a50,64}"},
    {"sk.eyJ{w50,300}.{w20,30}"},  // Mapbox
    {"pk.eyJ{w50,300}.{w20,30}"},
    // models
    {"sk-ant-{w20,255}"},
    {"sk-proj-{w20,255}"},
    {"sk-svcacct-{w20,255}"},
    {"sk-admin-{w20,255}"},
    {"sk-or-{w20,255}"},
    {"sk-lf-{*}"},
    {"sk-{w32,255}", Must::mixed},
    {"hf_{w30,64}"},
    {"api_org_{a34}"},
    {"gsk_{w40,64}"},
    {"r8_{w30,64}"},
    {"pplx-{w40,64}"},
    {"xai-{w60,128}"},
    {"nvapi-{w60,70}"},
    {"tgp_v1_{w43}"},
    {"tvly-{w20,64}", Must::mixed},
    {"pcsk_{w50,80}"},
    {"lsv2_pt_{h32}_{h10}"},
    {"lsv2_sk_{h32}_{h10}"},
    {"jina_{w50,70}"},
});
static_assert(kForms.size() < 256);

constexpr std::size_t kLongestQuery = 1024;

bool is_kind(unsigned char kind, unsigned char c) {
  switch (kind) {
    case 'a':
      return is_alphanumeric(c);
    case 'h':
      return is_hex(c);
    case 'u':
      return is_digit(c) || (c >= 'A' && c <= 'Z');
    case 'b':
      return (c >= '2' && c <= '7') || (c >= 'A' && c <= 'Z');
    case 'n':
      return is_digit(c);
    case 'm':
      return is_alphanumeric(c) || c == '+' || c == '/' || c == '_' || c == '-';
    default:
      return is_alphanumeric(c) || c == '_' || c == '-';
  }
}

std::size_t uuid_end(const Text& text, std::size_t i) {
  static constexpr std::size_t kSizes[] = {8, 4, 4, 4, 12};
  for (const std::size_t size : kSizes) {
    if (size != kSizes[0] && text[i++] != '-') return 0;
    for (std::size_t k = 0; k < size; ++k) {
      if (!is_hex(text[i++])) return 0;
    }
  }
  return i;
}

// The end of what is written as `form` at `i`, 0 if something else is; `body`: where the part of it that is random
// begins. What a piece may be made of is taken as far as it goes.
std::size_t end_of_form(const Text& text, std::size_t i, string_view form, std::size_t& body) {
  body = 0;
  bool random = false;
  for (std::size_t k = 0; k < form.size(); ++k) {
    if (form[k] != '{') {
      if (text[i++] != static_cast<unsigned char>(form[k])) return 0;
      continue;
    }
    if (!random) body = i;
    random = true;
    const auto kind = static_cast<unsigned char>(form[++k]);
    if (kind == '*') {
      i = uuid_end(text, i);
      if (i == 0) return 0;
      ++k;
      continue;
    }
    std::size_t least = 0, most = 0;
    for (++k; is_digit(static_cast<unsigned char>(form[k])); ++k) least = least * 10 + std::size_t(form[k] - '0');
    if (form[k] == ',') {
      for (++k; is_digit(static_cast<unsigned char>(form[k])); ++k) most = most * 10 + std::size_t(form[k] - '0');
    } else {
      most = least;
    }
    const std::size_t begin = i;
    while (i - begin < most &&
           (is_kind(kind, text[i]) || (kind == 'd' && text[i] == '.' && is_alphanumeric(text[i + 1]))))
      ++i;
    if (i - begin < least) return 0;
    if (kind == 'm') {
      for (int pad = 0; pad < 2 && text[i] == '='; ++pad) ++i;
    }
  }
  return i;
}

// Nothing goes on behind it.
bool ends_key(const Text& text, std::size_t end) {
  const unsigned char c = text[end];
  return !is_alphanumeric(c) && c != '_' && (c != '-' || !is_alphanumeric(text[end + 1]));
}

bool has_what_it_must(Must must, string_view body) {
  if (must == Must::nothing) return true;
  if (must == Must::cases) {
    bool upper = false, lower = false;
    for (const char c : body) {
      upper = upper || (c >= 'A' && c <= 'Z');
      lower = lower || (c >= 'a' && c <= 'z');
    }
    if (!upper || !lower) return false;
  }
  return is_mixed(body);
}

// Forms by their first two letters: the first of those that have them, and behind each the next one. Most tokens have
// others.
constexpr std::size_t slot_of(unsigned char first, unsigned char second) {
  return (first & 127u) << 7 | (second & 127u);
}
constexpr std::uint8_t kNoForm = kForms.size();
struct FormSlots {
  std::array<std::uint8_t, 1 << 14> first;
  std::array<std::uint8_t, kForms.size()> next;
};
constexpr auto kFormSlots = [] {
  FormSlots out{};
  out.first.fill(kNoForm);
  for (std::size_t i = kForms.size(); i-- > 0;) {
    const string_view form = kForms[i].form;
    std::uint8_t& slot = out.first[slot_of(static_cast<unsigned char>(form[0]), static_cast<unsigned char>(form[1]))];
    out.next[i] = slot;
    slot = static_cast<std::uint8_t>(i);
  }
  return out;
}();

Match as_form(const Text& text, std::size_t i, const KeyForm& form) {
  std::size_t body = 0;
  const std::size_t end = end_of_form(text, i, form.form, body);
  if (end == 0 || !ends_key(text, end)) return {};
  const string_view random = text.part(body, end);
  if (!has_what_it_must(form.must, random) || entropy(random) < 2.5) return {};  // "sk-xxxxxxxx": an example
  return {Kind::api_key, i, end, 95};
}

// Forms of which the first letters are random: what is within tells them, at a place that is known.
constexpr KeyForm kTelegram[] = {{"{n8}:AA{w32,34}"}, {"{n9}:AA{w32,34}"}, {"{n10}:AA{w32,34}"}};
constexpr KeyForm kTerraform = {"{a14}.atlasv1.{w60,80}"};
constexpr KeyForm kMailchimp = {"{h32}-us{n1,2}"};
constexpr KeyForm kDiscord = {"{w23,28}.{w6,7}.{w27,40}", Must::cases};

Match by_middle(const Text& text, std::size_t i) {
  const unsigned char first = text[i];
  if (is_digit(first)) {
    for (const std::size_t digits : {8, 9, 10}) {
      if (!is_digit(text[i + digits - 1])) break;
      if (text[i + digits] == ':') return as_form(text, i, kTelegram[digits - 8]);
    }
  }
  if (is_hex(first) && is_hex(text[i + 14]) && text[i + 32] == '-') {
    if (const Match match = as_form(text, i, kMailchimp)) return match;
  }
  // A user's number in base64: "MT…", "Nz…", "OD…"
  if (first >= 'M' && first <= 'O' && is_alphanumeric(text[i + 3])) {
    if (const Match match = as_form(text, i, kDiscord)) return match;
  }
  for (std::size_t k = 1; k < 14; ++k) {
    if (!is_alphanumeric(text[i + k])) return {};
  }
  return text[i + 14] == '.' && text[i + 15] == 'a' ? as_form(text, i, kTerraform) : Match{};
}

// Addresses that are keys.
constexpr string_view kAddresses[] = {
    "hooks.slack.com/services/T{u8,12}/B{u8,12}/{a20,28}",
    "hooks.slack.com/workflows/T{u8,12}/A{u8,12}/{n15,20}/{a20,28}",
    "hooks.slack.com/triggers/{u9,12}/{n10,20}/{h32}",
    "discord.com/api/webhooks/{n17,20}/{w60,90}",
    "discordapp.com/api/webhooks/{n17,20}/{w60,90}",
    "hooks.zapier.com/hooks/catch/{n4,9}/{a5,9}",
};

// The value at `i` of a member of a query whose name ends at `end`.
bool is_key_member(const Text& text, std::size_t begin, std::size_t end) {
  static constexpr string_view kNames[] = {
      "sig",      "token",  "access_token",  "api_key",         "apikey",       "api-key",
      "key",      "secret", "client_secret", "x-amz-signature", "auth",         "signature",
      "password", "passwd", "pwd",           "auth_token",      "private_token"};
  for (const string_view name : kNames) {
    if (end - begin == name.size() && text.has(begin, name)) return true;
  }
  return false;
}

// Whether one may begin with these bytes: few tokens do.
constexpr std::size_t kAhead = 15;
bool may_begin(const unsigned char* bytes) {
  const unsigned char first = bytes[0];
  if (kFormSlots.first[slot_of(first, bytes[1])] != kNoForm) return true;
  if (bytes[14] == '.') return true;
  if (is_hex(bytes[4]) && is_hex(first) && is_hex(bytes[7]) && is_hex(bytes[8]) && is_hex(bytes[14])) return true;
  if (is_digit(first)) return bytes[8] == ':' || bytes[9] == ':' || bytes[10] == ':';
  return (first >= 'M' && first <= 'O' && is_alphanumeric(bytes[7]));
}

[[gnu::noinline]] Match key_at(const Text& text, std::size_t i) {
  const unsigned char third = text[i + 2];
  for (std::size_t at = kFormSlots.first[slot_of(text[i], text[i + 1])]; at != kNoForm; at = kFormSlots.next[at]) {
    const string_view form = kForms[at].form;
    if (form[2] != '{') {
      if (static_cast<unsigned char>(form[2]) != third) continue;
      if (form[3] != '{' && static_cast<unsigned char>(form[3]) != text[i + 3]) continue;
    }
    if (const Match match = as_form(text, i, kForms[at])) return match;
  }
  return is_alphanumeric(text[i + 7]) ? by_middle(text, i) : Match{};
}

}  // namespace

bool may_be_key(const Text& text, std::size_t i) {
  return i + kAhead > text.size() || may_begin(text.data() + i);
}

Match match_key(const Text& text, std::size_t i) {
  return may_be_key(text, i) ? key_at(text, i) : Match{};
}

bool has_key(const Text& text, std::size_t begin, std::size_t end) {
  constexpr std::size_t kLeastSecret = 16;
  std::size_t body = 0;
  for (const string_view address : kAddresses) {
    if (end_of_form(text, begin, address, body) != 0) return true;
  }
  const std::size_t most = std::min(end, begin + kLongestQuery);
  std::size_t name = 0;  // of a member of the query
  for (std::size_t i = begin; i < most; ++i) {
    const unsigned char c = text[i];
    if (c == '?' || c == '&' || c == '#') name = i + 1;
    const bool begins = i == begin || c == '/' || c == '=' || c == ':' || c == '?' || c == '&' || c == '#';
    if (!begins) continue;
    std::size_t at = i == begin ? i : i + 1;
    if (c == '/' && text.has(at, "bot") && is_digit(text[at + 3])) at += 3;  // Telegram's
    if (is_alphanumeric(text[at])) {
      const Match match = match_key(text, at);
      if (match && match.end <= end) return true;
    }
    if (c != '=' || name == 0 || !is_key_member(text, name, i)) continue;
    std::size_t value = i + 1;
    while (value < most && text[value] != '&' && text[value] != '#') ++value;
    const string_view token = text.part(i + 1, value);
    if (token.size() >= kLeastSecret && is_mixed(token) && entropy(token) >= 3.0) return true;
  }
  return false;
}

}  // namespace freehold::pii
