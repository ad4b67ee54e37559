// The request target of RFC 9112 section 3.2: only the origin form ("/path?query") and "*" are accepted.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "http/message.h"

namespace freehold::http {

// Error: invalid (not the origin form, a broken percent escape, an encoded NUL, bytes that are not visible ASCII).
Result<Target> parse_target(std::string_view raw);

// "%41" is 'A'. Error: invalid (a '%' without two hexadecimal digits, or a NUL).
Result<std::string> percent_decode(std::string_view text, bool plus_is_space);

}  // namespace freehold::http
