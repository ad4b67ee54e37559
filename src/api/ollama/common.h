// What the requests of Ollama's endpoints have in common.
#pragma once

#include <chrono>
#include <optional>
#include <string>

#include "api/fields.h"
#include "api/ollama/ollama.h"

namespace freehold::api::ollama {

inline constexpr std::int64_t kMostTokens = std::int64_t{1} << 24;

// `model` or, as older clients have it, `name`.
Parsed<std::string> parse_model(Fields& fields);
// The members of `options` that decide about an answer.
Parsed<void> parse_options(const Json& options, Asked& asked);
// model, options, format, think, logprobs, stream, truncate, keep_alive.
Parsed<Asked> parse_common(Fields& fields, const FindParameters& parameters);
// How long the model is to stay in memory after its last use; nothing if the client does not say.
Parsed<std::optional<std::chrono::nanoseconds>> parse_keep_alive(Fields& fields);

}  // namespace freehold::api::ollama
