// Public keys of those who sign tokens: JSON Web Key Sets (RFC 7517), and signatures of RFC 7518 by them. The key says
// which algorithm it is for, the token has no word in that (RFC 8725, section 3.1). OpenSSL stays behind this.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

struct evp_pkey_st;

namespace freehold::guard {

enum class SignatureAlgorithm : std::uint8_t {
  rs256,  // RSASSA-PKCS1-v1_5 with SHA-256 (RFC 7518, section 3.3)
  ps256,  // RSASSA-PSS with SHA-256, MGF1 with SHA-256, a salt of 32 bytes (section 3.5)
  es256,  // ECDSA with P-256 and SHA-256; 64 bytes, r and s (section 3.4)
  eddsa,  // Ed25519; 64 bytes (RFC 8037, section 3.1)
};
std::string_view name_of(SignatureAlgorithm algorithm);  // "RS256", "PS256", "ES256", "EdDSA"

// Bytes of base64url without padding (RFC 7515, section 2), strictly: the alphabet alone, and no bits that are not
// part of a byte.
std::optional<std::string> from_base64url(std::string_view text);

// Immutable; copies share it.
class PublicKey {
 public:
  SignatureAlgorithm algorithm() const { return algorithm_; }
  const std::string& id() const { return id_; }  // kid; may be empty
  // Whether "alg" of a token's header is this key's.
  bool is_for(std::string_view alg) const;
  bool verify(std::string_view content, std::string_view signature) const;

 private:
  friend class KeySet;
  SignatureAlgorithm algorithm_ = SignatureAlgorithm::rs256;
  std::string id_;
  std::shared_ptr<evp_pkey_st> key_;
};

class KeySet {
 public:
  // Keys for encryption and of kinds that are not known are passed over, as the RFC wants it. Errors: invalid, naming
  // the key by its place: no JSON, no key that can be used, a private or symmetric key (it has no place in this file),
  // RSA below 2048 or above 8192 bits, a point that is not on the curve, one kid twice, more than 64 keys.
  static Result<KeySet> parse(std::string_view json);

  // By a token's kid; a token without one: the only key, if there is but one. Null: none. Owner: this.
  const PublicKey* find(const std::optional<std::string>& kid) const;
  const std::vector<PublicKey>& keys() const { return keys_; }

 private:
  static Result<std::shared_ptr<evp_pkey_st>> rsa(std::string_view n, std::string_view e);
  static Result<std::shared_ptr<evp_pkey_st>> p256(std::string_view x, std::string_view y);
  static Result<std::shared_ptr<evp_pkey_st>> ed25519(std::string_view x);

  std::vector<PublicKey> keys_;
};

}  // namespace freehold::guard
