// Which model a request is about, before a dialect reads it: whoever answers can bring that model into memory first.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace freehold::api {

// The string under "model" at the top level of a JSON object, or else under "name", as Ollama's older clients write it;
// the last, if there are several. Empty if there is none, or no such object: the dialect will say what is wrong.
// Nothing is kept of the rest.
std::string model_in(std::string_view body);

// Whom a client says it asks for: the string under "user", or else under "safety_identifier", as OpenAI has them; with
// `metadata`, that under "user_id" of the object "metadata", as Anthropic has it. Empty if there is none.
std::string user_in(std::string_view body, bool metadata);
// The string under a name at the top level, or under "OBJECT.NAME" in an object there; empty if there is none.
std::string string_in(std::string_view body, std::string_view name);
// The same of several names, in their order, as far as what may be no JSON, or no UTF-8, can be read.
std::vector<std::string> strings_in(std::string_view text, std::vector<std::string_view> names);

}  // namespace freehold::api
