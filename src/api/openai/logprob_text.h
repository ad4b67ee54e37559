// Log-probabilities as JSON text, without a tree of values: there are up to 21 for each token, and what writes them
// holds up the next step of everybody's answers. A tree takes several times as long.
#pragma once

#include <string>
#include <string_view>

#include "engine/event.h"

namespace freehold::api::openai {

// A JSON string; what is not UTF-8 becomes U+FFFD, as `dump` has it.
void append_string(std::string& out, std::string_view bytes);
// The shortest that reads back as the same; null if it is not finite.
void append_number(std::string& out, double value);
// One more of a list: with a comma before it, but for the first. {"token", "logprob", "bytes", "top_logprobs": [the
// same without the last]}
void append_entry(std::string& list, const engine::TokenLogprobs& token);

}  // namespace freehold::api::openai
