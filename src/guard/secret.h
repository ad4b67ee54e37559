// The secrets of keys: drawing, hashing and verifying them. libsodium stays behind this.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace freehold::guard {

inline constexpr std::size_t kKeyIdLength = 8;
inline constexpr std::size_t kKeySecretLength = 43;  // base64url without padding of 32 bytes

// Errc::internal if libsodium cannot be used. Before anything else here; any number of times.
Result<> prepare_secrets();

std::string random_key_id();      // 8 of 32 characters that are not mistaken for each other: 40 bits
std::string random_key_secret();  // 256 bits of the operating system's randomness

// Argon2id with 2 passes over 19 MiB (OWASP's least for passwords; the secrets have 256 random bits). Tens of
// milliseconds.
Result<std::string> hash_secret(std::string_view text);
bool verify_secret(const std::string& hash, std::string_view text);

// BLAKE2b under a key that is drawn when this is made: what is compared instead of a secret, in constant time.
class Fingerprints {
 public:
  using Print = std::array<unsigned char, 32>;
  Fingerprints();
  ~Fingerprints();  // wipes the key
  Fingerprints(const Fingerprints&) = delete;
  Fingerprints& operator=(const Fingerprints&) = delete;

  Print of(std::string_view text) const;
  static bool equal(const Print& a, const Print& b);  // in constant time

 private:
  std::array<unsigned char, 32> key_{};
};

}  // namespace freehold::guard
