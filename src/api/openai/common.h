// What the requests of OpenAI's endpoints have in common.
#pragma once

#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>

#include "api/fields.h"

namespace freehold::api::openai {

inline constexpr std::int64_t kMostTokens = std::int64_t{1} << 24;
inline constexpr std::size_t kMostPrompts = 2048;

// model, n, sampling, seed, stop, stream, and what vLLM and llama-server add to these.
Parsed<Call> parse_common(Fields& fields);
// Who asks, and bookkeeping on the vendor's side (user, metadata, service_tier …): checked, and without effect.
Parsed<void> parse_bookkeeping(Fields& fields, Call& call);
// `metadata` as JSON text; "null" if there is none.
Parsed<std::string> parse_metadata(Fields& fields);
// How long a model is to think. Models that can be told do not think with `none`; otherwise they decide, and the field
// is named as ignored.
Parsed<std::optional<std::string>> parse_effort(Fields& fields, std::string_view key, Call& call);
// A string that is one of these.
Parsed<std::optional<std::string>> one_of(Fields& fields, std::string_view key,
                                          std::initializer_list<std::string_view> words);
// Structured output as vLLM (structured_outputs, guided_*) and llama-server (grammar, json_schema) take it. One at
// most.
Parsed<void> parse_structured(Fields& fields, Call& call);
// A format object with the schema inside it ({"type", "name", "strict", "schema"}), as `text.format` of responses and
// the inside of response_format have it; `nested`: in a member "json_schema" of its own.
Parsed<Format> parse_format(const Json& format, const std::string& where, bool nested);

// One tool, from {"name", "description", "parameters", "strict"}.
Parsed<Tool> parse_function(const Json& function, const std::string& where);

// `tools` and `parallel_tool_calls`. A tool is {"type": "function", "function": {…}} or, not `nested`, {"type":
// "function", …}.
Parsed<void> parse_tool_list(Fields& fields, bool nested, ToolUse& use);

// `tool_choice` as a word: none, auto or required. False: it is none of them.
bool read_choice(const std::string& word, ToolUse& use);

// A string, an array of token ids, or an array of these: the prompts of completions, the inputs of embeddings.
Parsed<std::vector<PlainPrompt>> parse_plain(Fields& fields, std::string_view key);

// A message's content as plain text: a string, or text parts one after the other.
Parsed<std::string> content_text(const Json& content, const std::string& where);

void add_left_over(const Fields& fields, Call& call);

}  // namespace freehold::api::openai
