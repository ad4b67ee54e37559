// Amounts of memory as people write them.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace freehold::app {

// "8GiB", "8G" (the same), "8GB" (powers of 1000), "1.5g", "800M", "123456" (bytes). Nothing if it is none, or more
// than 64 bits hold.
std::optional<std::uint64_t> parse_bytes(std::string_view text);

}  // namespace freehold::app
