#include "guard/signature.h"

#include <fmt/format.h>
#include <sodium.h>

#include <array>
#include <vector>

#include "base/file.h"
#include "base/utf8.h"

namespace freehold::guard {
namespace {

std::string hex_of(const unsigned char* bytes, std::size_t n) {
  std::string out;
  for (std::size_t i = 0; i < n; ++i) out += fmt::format("{:02x}", bytes[i]);
  return out;
}

template <std::size_t N>
bool from_hex(std::string_view text, std::array<unsigned char, N>& out) {
  std::size_t length = 0;
  return text.size() == 2 * N &&
         sodium_hex2bin(out.data(), N, text.data(), text.size(), nullptr, &length, nullptr) == 0 && length == N;
}

std::string signed_bytes(std::string_view purpose, std::string_view content) {
  return fmt::format("freehold {}\n{}", purpose, content);
}

}  // namespace

Result<Signature> parse_signature(std::string_view line) {
  while (!line.empty() && (line.back() == '\n' || line.back() == '\r')) line.remove_suffix(1);
  constexpr std::string_view kKind = "ed25519 ";
  std::array<unsigned char, crypto_sign_PUBLICKEYBYTES> key{};
  std::array<unsigned char, crypto_sign_BYTES> signature{};
  if (line.starts_with(kKind) && line.size() == kKind.size() + 64 + 1 + 128 && line[kKind.size() + 64] == ' ') {
    Signature out{std::string(line.substr(kKind.size(), 64)), std::string(line.substr(kKind.size() + 65))};
    if (from_hex(out.public_key, key) && from_hex(out.text, signature)) return out;
  }
  return fail(Errc::invalid, "no signature: it is a line 'ed25519 PUBLIC SIGNATURE'");
}

Result<Signature> sign(const std::filesystem::path& path, std::string_view purpose, std::string_view content) {
  if (sodium_init() < 0) return fail(Errc::internal, "libsodium cannot be initialised");
  std::array<unsigned char, crypto_sign_SEEDBYTES> seed{};
  std::error_code ec;
  if (!std::filesystem::exists(path, ec)) {
    randombytes_buf(seed.data(), seed.size());
    FH_TRY_VOID(write_file_atomically(path, hex_of(seed.data(), seed.size()) + "\n", FileAccess::owner));
  }
  FH_TRY(const std::string text, read_file(path));
  if (!from_hex(std::string_view(text).substr(0, text.find('\n')), seed))
    return fail(Errc::corrupt, fmt::format("{} holds no key", printable(path.string())));
  std::array<unsigned char, crypto_sign_PUBLICKEYBYTES> open{};
  std::array<unsigned char, crypto_sign_SECRETKEYBYTES> secret{};
  crypto_sign_seed_keypair(open.data(), secret.data(), seed.data());
  const std::string bytes = signed_bytes(purpose, content);
  std::array<unsigned char, crypto_sign_BYTES> signature{};
  crypto_sign_detached(signature.data(), nullptr, reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size(),
                       secret.data());
  sodium_memzero(secret.data(), secret.size());
  sodium_memzero(seed.data(), seed.size());
  return Signature{hex_of(open.data(), open.size()), hex_of(signature.data(), signature.size())};
}

bool verify(const Signature& s, std::string_view purpose, std::string_view content) {
  std::array<unsigned char, crypto_sign_PUBLICKEYBYTES> key{};
  std::array<unsigned char, crypto_sign_BYTES> signature{};
  if (sodium_init() < 0 || !from_hex(s.public_key, key) || !from_hex(s.text, signature)) return false;
  const std::string bytes = signed_bytes(purpose, content);
  return crypto_sign_verify_detached(signature.data(), reinterpret_cast<const unsigned char*>(bytes.data()),
                                     bytes.size(), key.data()) == 0;
}

}  // namespace freehold::guard
