// Which model a request is about, before a dialect reads it: whoever answers can bring that model into memory first.
#pragma once

#include <string>
#include <string_view>

namespace freehold::api {

// The string under "model" at the top level of a JSON object, or else under "name", as Ollama's older clients write it;
// the last, if there are several. Empty if there is none, or no such object: the dialect will say what is wrong.
// Nothing is kept of the rest.
std::string model_in(std::string_view body);

}  // namespace freehold::api
