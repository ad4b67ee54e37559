// The messages of a request, in the form that chat templates expect.
#pragma once

#include <string>
#include <vector>

#include "api/fields.h"

namespace freehold::api::anthropic {

// `system` and `messages`. Neighbours of one role become one message; results of tools become messages of their own.
// A last message of the assistant is the beginning of the answer.
Parsed<Conversation> parse_conversation(Fields& fields, std::vector<std::string>& ignored);

}  // namespace freehold::api::anthropic
