#include "base/hash.h"

#include <openssl/evp.h>

#include "base/check.h"

namespace freehold {

struct Sha256::State {
  EVP_MD_CTX* context = EVP_MD_CTX_new();
  ~State() { EVP_MD_CTX_free(context); }
};

Sha256::Sha256() : state_(std::make_unique<State>()) {
  FH_CHECK(state_->context != nullptr, "OpenSSL allocates a context");
  FH_CHECK(EVP_DigestInit_ex(state_->context, EVP_sha256(), nullptr) == 1, "OpenSSL has SHA-256");
}
Sha256::Sha256(Sha256&&) noexcept = default;
Sha256& Sha256::operator=(Sha256&&) noexcept = default;
Sha256::~Sha256() = default;

void Sha256::update(std::span<const std::byte> bytes) {
  FH_CHECK(EVP_DigestUpdate(state_->context, bytes.data(), bytes.size()) == 1, "hashing memory cannot fail");
}

Sha256 Sha256::copy() const {
  Sha256 out;
  FH_CHECK(EVP_MD_CTX_copy_ex(out.state_->context, state_->context) == 1, "OpenSSL copies a context");
  return out;
}

Digest Sha256::finish() {
  Digest digest;
  FH_CHECK(EVP_DigestFinal_ex(state_->context, reinterpret_cast<unsigned char*>(digest.bytes.data()), nullptr) == 1,
           "hashing memory cannot fail");
  return digest;
}

std::string Digest::hex() const {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string out;
  out.reserve(64);
  for (std::byte b : bytes) {
    out += kDigits[std::to_integer<int>(b) >> 4];
    out += kDigits[std::to_integer<int>(b) & 15];
  }
  return out;
}

std::optional<Digest> Digest::parse(std::string_view name) {
  if (!name.starts_with("sha256:") || name.size() != 7 + 64) return std::nullopt;
  name.remove_prefix(7);
  Digest digest;
  for (std::size_t i = 0; i < 64; ++i) {
    char c = name[i];
    int value = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
    if (value < 0) return std::nullopt;
    digest.bytes[i / 2] = static_cast<std::byte>(std::to_integer<int>(digest.bytes[i / 2]) << 4 | value);
  }
  return digest;
}

Digest sha256(std::span<const std::byte> bytes) {
  Sha256 hash;
  hash.update(bytes);
  return hash.finish();
}

Digest sha256(std::string_view text) {
  return sha256(std::as_bytes(std::span(text.data(), text.size())));
}

}  // namespace freehold
