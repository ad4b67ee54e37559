// Texts in HTML files that this program writes.
#pragma once

#include <string>
#include <string_view>

namespace freehold::app {

// For elements and attributes in double quotation marks; valid UTF-8 whatever comes in, without control characters.
std::string escaped_html(std::string_view text);

}  // namespace freehold::app
