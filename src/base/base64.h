// Base64 (RFC 4648, section 4: with padding, the standard alphabet).
#pragma once

#include <string>
#include <string_view>

namespace freehold {

std::string base64(std::string_view bytes);

}  // namespace freehold
