// What holds of tokens and key sets whatever the bytes are: for the fuzzer (fuzz/token_fuzz.cpp) and for the unit test
// that gives the same door inputs made by hand.
#pragma once

#include <string>
#include <string_view>

#include "guard/jwk.h"
#include "guard/token.h"
#include "guard/token_testing.h"

namespace freehold::guard::testing {

// Empty: all holds; otherwise what does not.
inline std::string broken_of_token(std::string_view text) {
  const auto token = parse_token(text);
  if (!token) return token.error().code == Errc::invalid ? "" : "an error of another code";
  if (text.size() > kLongestToken) return "too long, and taken";
  if (token->alg.empty() && text.find('.') == 0) return "no header, and taken";
  if (!token->claims.is_object()) return "claims that are no object";
  // One way of writing: what was read is what was sent.
  if (std::string(token->signed_) + "." + base64url(token->signature) != text) return "a second way of writing";
  const auto claims = claims_of(token->claims);
  if (!claims) return claims.error().code == Errc::invalid ? "" : "an error of another code";
  if (claims->subject.empty() || claims->subject.size() > 255 || claims->audiences.size() > 64) return "a claim's size";
  if (claims->expires < 0 || claims->not_before.value_or(0) < 0 || claims->issued.value_or(0) < 0) return "a time";
  return {};
}

inline std::string broken_of_keys(std::string_view json) {
  const auto set = KeySet::parse(json);
  if (!set) return set.error().code == Errc::invalid || set.error().code == Errc::internal ? "" : "another code";
  if (set->keys().empty() || set->keys().size() > 64) return "a number of keys";
  for (const PublicKey& key : set->keys()) {
    if (set->find(key.id()) != &key) return "a key that is not found by its id";
    if (!key.is_for(name_of(key.algorithm())) || key.is_for("none") || key.is_for("HS256")) return "an algorithm";
    if (key.verify("content", json.substr(0, 64))) return "a signature that nobody made";
  }
  return {};
}

// A key set, a zero byte, and a token: each by itself, and the one by the other. Without a zero byte all of it is both.
inline std::string broken_of_sign_in(std::string_view bytes) {
  const std::size_t zero = bytes.find('\0');
  const std::string_view json = bytes.substr(0, zero);
  const std::string_view text = zero == std::string_view::npos ? bytes : bytes.substr(zero + 1);
  if (std::string broken = broken_of_keys(json); !broken.empty()) return "keys: " + broken;
  if (std::string broken = broken_of_token(text); !broken.empty()) return "token: " + broken;
  const auto set = KeySet::parse(json);
  const auto token = parse_token(text);
  if (!set || !token) return {};
  const PublicKey* key = set->find(token->kid);
  if (key != nullptr && key->is_for(token->alg)) (void)key->verify(token->signed_, token->signature);
  return {};
}

}  // namespace freehold::guard::testing
