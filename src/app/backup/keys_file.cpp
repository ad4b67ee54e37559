#include "app/backup/keys_file.h"

#include <fmt/format.h>
#include <sodium.h>

#include <charconv>
#include <vector>

#include "app/backup/manifest.h"
#include "audit/master_key.h"
#include "audit/note.h"
#include "base/base64.h"

namespace freehold::app {
namespace {

constexpr std::string_view kKeysHead = "freehold-keys 1 argon2id ";
// A stranger's file must not make us work for hours.
constexpr std::uint64_t kMostOperations = 20, kMostMemoryKib = std::uint64_t{2} << 20;

Result<audit::Secret> key_of_passphrase(std::string_view passphrase, std::string_view salt,
                                        const PassphraseCost& cost) {
  if (sodium_init() < 0) return fail(Errc::internal, "libsodium cannot be used");
  audit::Secret out;
  if (crypto_pwhash(out.data(), audit::Secret::kBytes, passphrase.data(), passphrase.size(),
                    reinterpret_cast<const unsigned char*>(salt.data()), cost.operations,
                    static_cast<std::size_t>(cost.memory_kib) * 1024, crypto_pwhash_ALG_ARGON2ID13) != 0) {
    return fail(Errc::exhausted,
                fmt::format("a passphrase takes {} MiB of memory, which are not there", cost.memory_kib / 1024));
  }
  return out;
}

Unexpected no_keys_file() {
  return fail(Errc::corrupt, "this is no file of keys made by freehold backup, or it was changed");
}

std::optional<std::uint64_t> whole_number(std::string_view text) {
  std::uint64_t out = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  if (error != std::errc() || end != text.data() + text.size() || std::to_string(out) != text) return std::nullopt;
  return out;
}

// Takes the text up to `end` off `rest`.
std::optional<std::string_view> take_until(std::string_view& rest, char end) {
  const std::size_t at = rest.find(end);
  if (at == std::string_view::npos) return std::nullopt;
  const std::string_view out = rest.substr(0, at);
  rest.remove_prefix(at + 1);
  return out;
}

Result<HomeKeys> parse_keys(std::string_view rest) {
  HomeKeys out;
  while (!rest.empty()) {
    const auto line = take_until(rest, '\n');
    const std::size_t blank = line ? line->rfind(' ') : std::string_view::npos;
    if (blank == std::string_view::npos) return no_keys_file();
    const auto length = whole_number(line->substr(blank + 1));
    const std::string path(line->substr(0, blank));
    if (!length || !safe_backup_path(path) || *length >= rest.size() || rest[*length] != '\n') return no_keys_file();
    out.emplace(path, SecretText(std::string(rest.substr(0, *length))));
    rest.remove_prefix(*length + 1);
  }
  return out;
}

}  // namespace

Result<std::string> lock_keys(const HomeKeys& keys, std::string_view passphrase, const PassphraseCost& cost) {
  if (sodium_init() < 0) return fail(Errc::internal, "libsodium cannot be used");
  std::string salt(crypto_pwhash_SALTBYTES, '\0');
  randombytes_buf(salt.data(), salt.size());
  FH_TRY(const audit::Secret key, key_of_passphrase(passphrase, salt, cost));
  const std::string head = fmt::format("{}{} {} {}\n", kKeysHead, cost.operations, cost.memory_kib, base64(salt));
  std::size_t size = 0;
  for (const auto& [path, bytes] : keys) size += path.size() + bytes.text().size() + 24;
  std::string plain;
  plain.reserve(size);  // so that it does not move, and leave copies behind
  for (const auto& [path, bytes] : keys) {
    plain += fmt::format("{} {}\n", path, bytes.text().size());
    plain.append(bytes.text()).push_back('\n');
  }
  const SecretText wiped(std::move(plain));
  return head + base64(audit::seal(key, wiped.text(), head)) + "\n";
}

Result<HomeKeys> unlock_keys(std::string_view file, std::string_view passphrase) {
  std::string_view rest = file;
  const auto head = take_until(rest, '\n');
  if (!head || !head->starts_with("freehold-keys ")) return no_keys_file();
  if (!head->starts_with(kKeysHead)) {
    return fail(Errc::unsupported, "this file of keys was written by a newer freehold: use that");
  }
  std::string_view fields = head->substr(kKeysHead.size());
  const auto operations = take_until(fields, ' '), memory = take_until(fields, ' ');
  const auto salt = audit::from_base64(fields);
  if (!operations || !memory || !salt || salt->size() != crypto_pwhash_SALTBYTES) return no_keys_file();
  const auto ops = whole_number(*operations), kib = whole_number(*memory);
  if (!ops || !kib) return no_keys_file();
  if (*ops < crypto_pwhash_OPSLIMIT_MIN || *ops > kMostOperations || *kib * 1024 < crypto_pwhash_MEMLIMIT_MIN ||
      *kib > kMostMemoryKib) {
    return fail(Errc::unsupported, fmt::format("this file of keys asks for {} operations with {} KiB", *ops, *kib));
  }
  if (!rest.ends_with('\n')) return no_keys_file();
  const auto sealed = audit::from_base64(rest.substr(0, rest.size() - 1));
  if (!sealed) return no_keys_file();
  FH_TRY(const audit::Secret key, key_of_passphrase(passphrase, *salt, {*ops, *kib}));
  auto opened = audit::unseal(key, *sealed, file.substr(0, head->size() + 1));
  if (!opened) return fail(Errc::corrupt, "the file of keys does not open: another passphrase, or it was changed");
  const SecretText plain(std::move(*opened));
  return parse_keys(plain.text());
}

}  // namespace freehold::app
