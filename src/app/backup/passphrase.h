// A passphrase, from a file or from whoever sits at the terminal.
#pragma once

#include <string_view>

#include "app/backup/keys_file.h"
#include "app/command.h"
#include "base/result.h"

namespace freehold::app {

Option passphrase_file_option();

// The first line of a file ("-": of standard input). Errors: not_found, io.
Result<SecretText> secret_from_file(std::string_view file);
// What somebody types, which is not shown. Errors: invalid (no terminal; `option` would name a file), io.
Result<SecretText> typed_secret(std::string_view question, std::string_view option);

inline constexpr std::size_t kShortestPassphrase = 8;  // bytes

// The first line of --passphrase-file ("-": of standard input); otherwise typed, without being shown, and a new one
// twice. Errors: invalid (too short, two different ones, no terminal), not_found, io.
enum class Passphrase : std::uint8_t { known, fresh };
Result<SecretText> passphrase_from(const Arguments& arguments, Passphrase which);

}  // namespace freehold::app
