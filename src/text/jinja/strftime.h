// strftime in the C locale, for strftime_now.
#pragma once

#include <ctime>
#include <string>
#include <string_view>

namespace freehold::text::jinja {

// glibc's conversions, with the flags - _ 0 ^ in front of the letter; an unknown one is copied as it stands.
std::string format_time(std::string_view format, const std::tm& time);

}  // namespace freehold::text::jinja
