// The methods of each address, in one table: what a 405 and an answer to OPTIONS say in Allow, and what each is to the
// policy.
#pragma once

#include <optional>
#include <string>
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

// Whether a request of this address and method begins something that goes on when it has been answered: a batch, a
// fine-tuning job. (A response in the background says so in its body.)
bool outlives_request(const http::Request& request);

// What the audit log says of an address that was refused: anything may stand in one, names of people too. An address of
// the table with each of its open parts, unless it has the form of an id that was made here, as the first 16 digits of
// its SHA-256 ("/v1/files/sha256:0123456789abcdef"); of any other address the SHA-256 of its path. Never the query.
std::string logged_path(const http::Request& request);
// HTTP's own methods as they are; "other".
std::string_view logged_method(std::string_view method);

// Whether the list names it.
bool has_method(std::string_view methods, std::string_view method);

}  // namespace freehold::app
