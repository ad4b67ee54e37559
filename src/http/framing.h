// What a request's fields say about its body and its connection (RFC 9112 sections 3.2, 6 and 9, RFC 9110 section
// 10.1.1), once all of them are there.
#pragma once

#include <optional>

#include "http/head.h"

namespace freehold::http {

// Fills in where the body ends and what becomes of the connection; takes Host from an address in absolute form, as
// RFC 9112 section 3.2.2 says.
std::optional<HeadError> read_framing(Head& head);

// Without the optional white space around it.
std::string_view trim(std::string_view text);

// Whether the comma-separated list `value` names `option`.
bool lists(std::string_view value, std::string_view option);

}  // namespace freehold::http
