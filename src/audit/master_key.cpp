#include "audit/master_key.h"

#include <fmt/format.h>
#include <sodium.h>
#include <sys/stat.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "audit/note.h"
#include "base/base64.h"
#include "base/check.h"
#include "base/file.h"
#include "base/file_mode.h"
#include "base/utf8.h"

namespace freehold::audit {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kMasterHead = "freehold-master-key 1 ";
constexpr std::size_t kNonce = crypto_aead_xchacha20poly1305_ietf_NPUBBYTES;
constexpr std::size_t kTag = crypto_aead_xchacha20poly1305_ietf_ABYTES;
static_assert(Secret::kBytes == crypto_aead_xchacha20poly1305_ietf_KEYBYTES);

const unsigned char* raw(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

// Two keys of one, for two purposes.
Secret derived(const Secret& from, std::uint64_t purpose) {
  Secret out;
  crypto_kdf_derive_from_key(out.data(), Secret::kBytes, purpose, "freehold", from.data());
  return out;
}

}  // namespace

Secret Secret::random() {
  FH_CHECK(sodium_init() >= 0, "libsodium can be used");
  Secret out;
  randombytes_buf(out.data(), kBytes);
  return out;
}
Secret::Secret(Secret&& other) noexcept : bytes_(other.bytes_) {
  sodium_memzero(other.data(), kBytes);
}
Secret& Secret::operator=(Secret&& other) noexcept {
  std::swap(bytes_, other.bytes_);
  return *this;
}
Secret::~Secret() {
  sodium_memzero(data(), kBytes);
}

std::string seal(const Secret& key, std::string_view text, std::string_view bound_to) {
  std::string out(kNonce + text.size() + kTag, '\0');
  auto* bytes = reinterpret_cast<unsigned char*>(out.data());
  randombytes_buf(bytes, kNonce);
  crypto_aead_xchacha20poly1305_ietf_encrypt(bytes + kNonce, nullptr, raw(text), text.size(), raw(bound_to),
                                             bound_to.size(), nullptr, bytes, key.data());
  return out;
}

Result<std::string> unseal(const Secret& key, std::string_view sealed, std::string_view bound_to) {
  const Error bad{Errc::corrupt, "it cannot be opened: it was changed, or is of another key"};
  if (sealed.size() < kNonce + kTag) return tl::unexpected(bad);
  std::string out(sealed.size() - kNonce - kTag, '\0');
  if (crypto_aead_xchacha20poly1305_ietf_decrypt(reinterpret_cast<unsigned char*>(out.data()), nullptr, nullptr,
                                                 raw(sealed) + kNonce, sealed.size() - kNonce, raw(bound_to),
                                                 bound_to.size(), raw(sealed), key.data()) != 0) {
    return tl::unexpected(bad);
  }
  return out;
}

Result<MasterKey> MasterKey::open(const fs::path& file, Make make) {
  if (sodium_init() < 0) return fail(Errc::internal, "libsodium cannot be used");
  std::error_code ec;
  if (make == Make::if_missing && !fs::exists(file, ec)) {
    if (file.has_parent_path()) {
      const bool there = fs::exists(file.parent_path(), ec);
      FH_TRY_VOID(make_directories(file.parent_path()));
      if (!there) set_mode(file.parent_path(), 0700);
    }
    const Secret key = Secret::random();
    std::string line = fmt::format("{}{}\n", kMasterHead, base64(key.text()));
    const auto written = write_file_atomically(file, line, FileAccess::owner);
    sodium_memzero(line.data(), line.size());
    FH_TRY_VOID(written);
  }
  struct stat about {};
  if (::stat(file.c_str(), &about) == 0 && (about.st_mode & 077) != 0) {
    return fail(Errc::invalid, fmt::format("the master key {} may be read by others than its owner: chmod 600 it",
                                           printable(file.string())));
  }
  auto text = read_file(file, 4096);
  if (!text) return in_context(std::move(text).error(), "the master key");
  std::string_view line = *text;
  while (!line.empty() && (line.back() == '\n' || line.back() == '\r')) line.remove_suffix(1);
  std::optional<std::string> bytes;
  if (line.starts_with(kMasterHead)) bytes = from_base64(line.substr(kMasterHead.size()));
  sodium_memzero(text->data(), text->size());
  if (!bytes || bytes->size() != Secret::kBytes) {
    return fail(Errc::corrupt, fmt::format("{} is no master key: it must be one line, '{}' and 32 bytes in base64",
                                           printable(file.string()), kMasterHead));
  }
  Secret master;
  std::copy(bytes->begin(), bytes->end(), master.data());
  sodium_memzero(bytes->data(), bytes->size());
  MasterKey out;
  out.wrapping_ = derived(master, 1);
  out.naming_ = derived(master, 2);
  return out;
}

std::string MasterKey::blind(std::string_view text) const {
  unsigned char print[32];
  crypto_generichash(print, sizeof print, raw(text), text.size(), naming_.data(), Secret::kBytes);
  char hex[2 * sizeof print + 1];
  return sodium_bin2hex(hex, sizeof hex, print, sizeof print);
}

fs::path usual_master_key(const fs::path& home) {
  return home / "keys" / "master.key";
}

}  // namespace freehold::audit
