// The methods of each address, in one table: what a 405 and an answer to OPTIONS say in Allow, and what each is to the
// policy.
#pragma once

#include <optional>
#include <string_view>

#include "guard/policy.h"
#include "http/message.h"

namespace freehold::app {

// As Allow lists them ("GET, HEAD"), without OPTIONS, which every address has. Nothing: the table does not know the
// address, which then is its handler's business.
std::optional<std::string_view> methods_of(const http::Request& request);

// What a request of this address and method is to the policy; of addresses that are not in the table, GET is reading
// and everything else asking.
guard::Action action_of(const http::Request& request);

// Whether the list names it.
bool has_method(std::string_view methods, std::string_view method);

}  // namespace freehold::app
