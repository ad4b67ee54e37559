// Ed25519 signatures over files that people hand to each other: who made this, and has it been changed since?
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "base/result.h"

namespace freehold::guard {

// A signature as text, one line: "ed25519 PUBLIC SIGNATURE", both in hexadecimal.
struct Signature {
  std::string public_key;  // 64 digits
  std::string text;        // 128 digits
  std::string line() const { return "ed25519 " + public_key + " " + text + "\n"; }
};
// Errors: invalid.
Result<Signature> parse_signature(std::string_view line);

// Signs with the key in `path`, which is made if it is not there (mode 0600). `purpose` is signed along, so that a
// signature of one thing is none of another. Errors: of reading or writing the key; corrupt, if it is none.
Result<Signature> sign(const std::filesystem::path& path, std::string_view purpose, std::string_view content);
// Whether the signature is right, by the key that it names.
bool verify(const Signature& signature, std::string_view purpose, std::string_view content);

}  // namespace freehold::guard
