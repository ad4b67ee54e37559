// The methods of each address, in one table: what a 405 and an answer to OPTIONS say in Allow.
#pragma once

#include <optional>
#include <string_view>

#include "http/message.h"

namespace freehold::app {

// As Allow lists them ("GET, HEAD"), without OPTIONS, which every address has. Nothing: the table does not know the
// address, which then is its handler's business.
std::optional<std::string_view> methods_of(const http::Request& request);

// Whether the list names it.
bool has_method(std::string_view methods, std::string_view method);

}  // namespace freehold::app
