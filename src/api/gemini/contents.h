// The contents of a request, in the form that chat templates expect.
#pragma once

#include <string>
#include <vector>

#include "api/gemini/proto_fields.h"

namespace freehold::api::gemini {

// `systemInstruction` and `contents`. Neighbours of one role become one message (a chat's history holds an answer in
// the pieces in which it came); results of functions become messages of their own. A last content of the model is the
// beginning of the answer.
Parsed<Conversation> parse_contents(ProtoFields& fields, std::vector<std::string>& ignored);

// The text of one content; other parts are refused.
Parsed<std::string> content_text(const Json& content, const std::string& where, std::vector<std::string>& ignored);

}  // namespace freehold::api::gemini
