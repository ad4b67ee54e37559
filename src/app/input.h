// What users hand over in files: text, token ids.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace freehold::app {

// A whole file as text, "-" for standard input; over 1 GiB is refused (Errc::exhausted). An interrupt is
// Errc::cancelled.
Result<std::string> read_input(std::string_view path);
Result<std::string> read_standard_input();

// Token ids as a JSON array or separated by white space or commas; each must be below `vocab`. Errors: Errc::invalid,
// naming the first that is wrong.
Result<std::vector<std::int32_t>> parse_ids(std::string_view text, std::uint32_t vocab);

}  // namespace freehold::app
