// What users hand over in files: text, token ids.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace freehold::app {

// The longest input, in bytes, unless the caller says otherwise.
inline constexpr std::uint64_t kInputLimit = std::uint64_t{1} << 30;

// A whole file as text, "-" for standard input; a pipe (such as a shell's <(…)) is read to its end. More than `limit`
// bytes are refused (Errc::exhausted). An interrupt is Errc::cancelled.
Result<std::string> read_input(std::string_view path, std::uint64_t limit = kInputLimit);
Result<std::string> read_standard_input();

// Token ids as a JSON array or separated by white space or commas; each must be below `vocab`. Errors: Errc::invalid,
// naming the first that is wrong.
Result<std::vector<std::int32_t>> parse_ids(std::string_view text, std::uint32_t vocab);

}  // namespace freehold::app
