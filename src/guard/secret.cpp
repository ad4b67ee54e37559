#include "guard/secret.h"

#include <sodium.h>

namespace freehold::guard {
namespace {

constexpr std::string_view kIdAlphabet = "abcdefghijkmnpqrstuvwxyz23456789";  // no l, o, 0, 1
static_assert(kIdAlphabet.size() == 32);
constexpr unsigned long long kPasses = 2;
constexpr std::size_t kMemory = std::size_t{19} << 20;

}  // namespace

Result<> prepare_secrets() {
  static const bool ready = sodium_init() >= 0;
  if (!ready) return fail(Errc::internal, "the cryptographic library cannot be started");
  return {};
}

std::string random_key_id() {
  std::string id(kKeyIdLength, '\0');
  for (char& c : id) c = kIdAlphabet[randombytes_uniform(kIdAlphabet.size())];
  return id;
}

std::string random_key_secret() {
  std::array<unsigned char, 32> bytes{};
  randombytes_buf(bytes.data(), bytes.size());
  std::string text(kKeySecretLength + 1, '\0');
  sodium_bin2base64(text.data(), text.size(), bytes.data(), bytes.size(), sodium_base64_VARIANT_URLSAFE_NO_PADDING);
  sodium_memzero(bytes.data(), bytes.size());
  text.pop_back();
  return text;
}

Result<std::string> hash_secret(std::string_view text) {
  std::array<char, crypto_pwhash_STRBYTES> hash{};
  if (crypto_pwhash_str(hash.data(), text.data(), text.size(), kPasses, kMemory) != 0) {
    return fail(Errc::exhausted, "there is not enough memory to hash a key (19 MiB)");
  }
  return std::string(hash.data());
}

bool verify_secret(const std::string& hash, std::string_view text) {
  return crypto_pwhash_str_verify(hash.c_str(), text.data(), text.size()) == 0;
}

Fingerprints::Fingerprints() {
  (void)sodium_mlock(key_.data(), key_.size());  // neither swapped nor dumped
  randombytes_buf(key_.data(), key_.size());
}
Fingerprints::~Fingerprints() {
  sodium_munlock(key_.data(), key_.size());  // wipes it
}

Fingerprints::Print Fingerprints::of(std::string_view text) const {
  Print print{};
  crypto_generichash(print.data(), print.size(), reinterpret_cast<const unsigned char*>(text.data()), text.size(),
                     key_.data(), key_.size());
  return print;
}

bool Fingerprints::equal(const Print& a, const Print& b) {
  return sodium_memcmp(a.data(), b.data(), a.size()) == 0;
}

}  // namespace freehold::guard
