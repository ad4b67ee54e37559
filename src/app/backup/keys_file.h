// The keys of a home in one file, under a passphrase: apart from the backup, so that whoever has one of the two reads
// nothing that was kept of requests, and signs nothing (docs/formats/backup.md).
//
//     freehold-keys 1 argon2id OPERATIONS MEMORY SALT
//     BASE64
//
// OPERATIONS and MEMORY (KiB) are libsodium's limits of crypto_pwhash, SALT 16 bytes in base64. What is in base64 is
// sealed (audit/master_key.h: XChaCha20-Poly1305) under the 32 bytes that Argon2id makes of the passphrase, bound to
// the first line. Opened it is a row of "PATH LENGTH\n", so many bytes, "\n"; paths are those in the home.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "app/secret.h"
#include "base/result.h"

namespace freehold::app {

using HomeKeys = std::map<std::string, SecretText>;  // by path below the home

// What trying one passphrase costs whoever has found the file.
struct PassphraseCost {
  std::uint64_t operations = 3;
  std::uint64_t memory_kib = 262'144;  // libsodium's "moderate"
};

// Errors: exhausted (no memory for it).
Result<std::string> lock_keys(const HomeKeys& keys, std::string_view passphrase, const PassphraseCost& cost = {});
// Errors: corrupt (no such file, changed, or another passphrase: which, nobody can tell), unsupported (a later version,
// or a cost that no sane file has), exhausted.
Result<HomeKeys> unlock_keys(std::string_view file, std::string_view passphrase);

}  // namespace freehold::app
