#include "guard/token.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "format/json.h"
#include "guard/jwk.h"

namespace freehold::guard {
namespace {

constexpr format::JsonLimits kTokenJson{.depth = 8, .memory = std::uint64_t{1} << 20, .token = std::size_t{16} << 10};
constexpr std::size_t kLongestSubject = 255;  // OpenID Connect Core, section 2
constexpr std::size_t kMostAudiences = 64;
constexpr double kLatest = 1e11;  // seconds: the year 5138; beyond it is a mistake (milliseconds)

std::array<std::string_view, 3> parts_of(std::string_view text) {
  const std::size_t first = text.find('.'), second = text.rfind('.');
  return {text.substr(0, first), text.substr(first + 1, second - first - 1), text.substr(second + 1)};
}

Result<format::Value> object_in(std::string_view part, std::string_view what) {
  const auto bytes = from_base64url(part);
  if (!bytes) return fail(Errc::invalid, fmt::format("the {} is not base64url", what));
  auto value = format::parse_json(*bytes, kTokenJson);
  // Neither blanks nor a byte-order mark before it.
  if (!value || !value->is_object() || bytes->front() != '{') {
    // The parser's message may quote the text.
    return fail(Errc::invalid, fmt::format("the {} is not one JSON object with each name once", what));
  }
  return std::move(*value);
}

Result<std::optional<std::string>> text_member(const format::Value& object, std::string_view name) {
  const format::Value* member = object.member(name);
  if (member == nullptr) return std::optional<std::string>();
  if (const auto text = member->as_string()) return std::optional(std::string(*text));
  return fail(Errc::invalid, fmt::format("'{}' is not a string", name));
}

// NumericDate: seconds, perhaps with a fraction, which is cut off.
Result<std::optional<std::int64_t>> moment(const format::Value& claims, std::string_view name) {
  const format::Value* member = claims.member(name);
  if (member == nullptr) return std::optional<std::int64_t>();
  const auto time = member->as_f64();
  if (!time || !std::isfinite(*time) || *time < 0 || *time > kLatest) {
    return fail(Errc::invalid, fmt::format("'{}' is no time in seconds", name));
  }
  return std::optional(static_cast<std::int64_t>(*time));
}

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return out;
}

}  // namespace

bool is_token_form(std::string_view text) {
  if (!text.starts_with("eyJ") || std::count(text.begin(), text.end(), '.') != 2) return false;
  return std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' ||
           c == '.';
  });
}

Result<Token> parse_token(std::string_view text) {
  if (text.size() > kLongestToken) {
    return fail(Errc::invalid, fmt::format("a token has at most {} bytes", kLongestToken));
  }
  if (std::count(text.begin(), text.end(), '.') != 2) return fail(Errc::invalid, "a token has three parts");
  const auto [head, payload, signature] = parts_of(text);
  Token token;
  FH_TRY(const format::Value header, object_in(head, "header"));
  FH_TRY(const auto alg, text_member(header, "alg"));
  if (!alg) return fail(Errc::invalid, "the header has no 'alg'");
  token.alg = *alg;
  FH_TRY(token.kid, text_member(header, "kid"));
  FH_TRY(const auto type, text_member(header, "typ"));
  token.type = lower(type.value_or(""));
  constexpr std::string_view kPrefix = "application/";  // RFC 7515, section 4.1.9: may be left out
  if (token.type.starts_with(kPrefix)) token.type.erase(0, kPrefix.size());
  // Extensions that must be understood (there is none here), and tokens in tokens.
  for (const char* other : {"crit", "cty", "zip", "enc"}) {
    if (header.member(other) != nullptr) {
      return fail(Errc::invalid, fmt::format("the header has '{}', which is not supported", other));
    }
  }
  FH_TRY(token.claims, object_in(payload, "payload"));
  auto bytes = from_base64url(signature);
  if (!bytes) return fail(Errc::invalid, "the signature is not base64url");
  token.signature = std::move(*bytes);
  token.signed_ = text.substr(0, text.rfind('.'));
  return token;
}

Result<Claims> claims_of(const format::Value& claims) {
  Claims out;
  FH_TRY(auto issuer, text_member(claims, "iss"));
  FH_TRY(auto subject, text_member(claims, "sub"));
  if (!issuer) return fail(Errc::invalid, "there is no 'iss'");
  const bool good = subject && !subject->empty() && subject->size() <= kLongestSubject && subject->front() != ' ' &&
                    subject->back() != ' ' &&
                    std::all_of(subject->begin(), subject->end(), [](char c) { return c >= ' ' && c < 0x7F; });
  if (!good) return fail(Errc::invalid, fmt::format("'sub' is not 1 to {} characters of ASCII", kLongestSubject));
  out.issuer = std::move(*issuer);
  out.subject = std::move(*subject);
  const format::Value* audience = claims.member("aud");
  if (audience == nullptr) return fail(Errc::invalid, "there is no 'aud'");
  if (const auto one = audience->as_string()) {
    out.audiences.emplace_back(*one);
  } else if (const auto many = audience->as_strings(); many && many->size() <= kMostAudiences) {
    out.audiences.assign(many->begin(), many->end());
  } else {
    return fail(Errc::invalid, fmt::format("'aud' is neither a string nor a list of at most {}", kMostAudiences));
  }
  FH_TRY(const auto expires, moment(claims, "exp"));
  if (!expires) return fail(Errc::invalid, "there is no 'exp'");
  out.expires = *expires;
  FH_TRY(out.not_before, moment(claims, "nbf"));
  FH_TRY(out.issued, moment(claims, "iat"));
  return out;
}

}  // namespace freehold::guard
