// The escapes of a string literal, as Python's "unicode-escape" codec reads them.
#pragma once

#include <string>
#include <string_view>
#include <tl/expected.hpp>

namespace freehold::text::jinja {

// `body` is what stands between the quotes. The error says what is wrong.
tl::expected<std::string, std::string> unescape(std::string_view body);

}  // namespace freehold::text::jinja
