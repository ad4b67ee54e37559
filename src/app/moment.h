// Moments as people write and read them: "30d" from now, "2027-01-31", "2027-01-31T12:00:00Z". All in UTC.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace freehold::app {

enum class Direction : std::int8_t { past = -1, future = 1 };

// Seconds since 1970. A span is a whole number and one of m, h, d, w (minutes to weeks), counted from `now` into
// `direction`. Errors: invalid, naming `what`.
Result<std::int64_t> parse_moment(std::string_view what, std::string_view text, std::int64_t now, Direction direction);

// "2027-01-31T12:00:00Z"; a year that has not four digits is shown as the number of seconds.
std::string show_moment(std::int64_t seconds);

}  // namespace freehold::app
