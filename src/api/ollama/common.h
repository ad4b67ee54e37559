// What the requests of Ollama's endpoints have in common.
#pragma once

#include <string>

#include "api/fields.h"
#include "api/ollama/ollama.h"

namespace freehold::api::ollama {

inline constexpr std::int64_t kMostTokens = std::int64_t{1} << 24;

// `model` or, as older clients have it, `name`.
Parsed<std::string> parse_model(Fields& fields);
// The members of `options` that decide about an answer.
Parsed<void> parse_options(const Json& options, Asked& asked);
// model, options, format, think, logprobs, stream, truncate, keep_alive. `unload`: keep_alive is 0.
Parsed<Asked> parse_common(Fields& fields, const FindParameters& parameters, bool& unload);

}  // namespace freehold::api::ollama
