// JSON Web Tokens in the compact form (RFC 7519, RFC 7515, section 7.1): taken apart, and what they claim. Strict:
// whatever can be written in two ways has one here, and what is not understood is refused (RFC 8725). Nothing that a
// header says of keys (jwk, jku, x5u, x5c) is looked at.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "format/metadata.h"

namespace freehold::guard {

inline constexpr std::size_t kLongestToken = std::size_t{16} << 10;  // bytes

struct Token {
  std::string alg;
  std::optional<std::string> kid;
  std::string type;          // "typ" in lower case, without "application/"; may be empty
  format::Value claims;      // an object
  std::string_view signed_;  // header and payload as they were sent; the caller's text
  std::string signature;     // bytes
};

// Whether a text has the form of a token: three parts of base64url, the first of an object.
bool is_token_form(std::string_view text);
// Nothing is verified yet. Errors: invalid, saying what part is wrong and never what stands in it.
Result<Token> parse_token(std::string_view text);

// What was registered by RFC 7519, section 4.1, of a token whose signature was verified.
struct Claims {
  std::string issuer, subject;
  std::vector<std::string> audiences;
  std::int64_t expires = 0;                // seconds since 1970, as the others; exp
  std::optional<std::int64_t> not_before;  // nbf
  std::optional<std::int64_t> issued;      // iat
};
// Errors: invalid: a claim that is missing (iss, sub, aud, exp) or of another type.
Result<Claims> claims_of(const format::Value& claims);

}  // namespace freehold::guard
