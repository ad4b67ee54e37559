// A passphrase, from a file or from whoever sits at the terminal.
#pragma once

#include <cstddef>
#include <cstdint>

#include "app/command.h"
#include "app/secret.h"
#include "base/result.h"

namespace freehold::app {

Option passphrase_file_option();

inline constexpr std::size_t kShortestPassphrase = 8;  // bytes

// The first line of --passphrase-file ("-": of standard input); otherwise typed, without being shown, and a new one
// twice. Errors: invalid (too short, two different ones, no terminal), not_found, io.
enum class Passphrase : std::uint8_t { known, fresh };
Result<SecretText> passphrase_from(const Arguments& arguments, Passphrase which);

}  // namespace freehold::app
