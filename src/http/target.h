// The request target of RFC 9112 section 3.2: the origin form ("/path?query"), the absolute form
// ("http://host/path?query") and "*". Nothing is normalised: "/a/../b" has three segments.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "http/message.h"

namespace freehold::http {

// Error: invalid (another form, a fragment, a broken percent escape, an encoded NUL, bytes that are not visible ASCII
// or, decoded, not UTF-8).
Result<Target> parse_target(std::string_view raw);

// The segments and the query of an address that may be wrong, as far as they can be told: enough to see whose words the
// client speaks. Never to be acted upon.
Target rough_target(std::string_view raw);

// The path written in one way only, however it came: "/api/%63reate" is "/api/create", a slash within a segment "%2F".
// Of a target without segments its path as it is.
std::string canonical_path(const Target& target);

// "%41" is 'A'. Error: invalid (a '%' without two hexadecimal digits, or a NUL).
Result<std::string> percent_decode(std::string_view text, bool plus_is_space);

}  // namespace freehold::http
