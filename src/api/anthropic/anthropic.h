// Anthropic's wire format: messages, the counting of tokens, models, errors (docs.anthropic.com/en/api, as the SDKs of
// November 2026 read it). Functions from text to text: no socket, no model.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "api/answer.h"
#include "api/call.h"

namespace freehold::api::anthropic {

struct MessagesCall {
  Call call;
  bool only_prompt = false;  // max_tokens 0: the prompt is read (and cached), no answer is told
};

// POST /v1/messages and /v1/messages/count_tokens, which has no max_tokens. Failures name the field. Refused by name:
// images, documents and other blocks that are not text, tools that the vendor runs, MCP servers.
Parsed<MessagesCall> parse_messages(std::string_view body);
Parsed<Call> parse_count(std::string_view body);

std::unique_ptr<Encoder> messages_encoder(const MessagesCall& call, AnswerId id);
std::string count_json(std::size_t tokens);

struct ModelEntry {
  std::string id;
  std::int64_t created = 0;  // Unix seconds
  std::uint64_t context = 0;
};
// Of GET /v1/models: as they stand in the query; empty = not there.
struct Page {
  std::string_view limit, after, before;
};
// Failures: a limit that is none, an id that is not there.
Parsed<std::string> models_json(const std::vector<ModelEntry>& models, const Page& page);
std::string model_json(const ModelEntry& model);

// {"type":"error","error":{"type","message"},"request_id"}
std::string error_json(const Failure& failure, std::string_view request_id);
// 529 where others say 503.
int error_status(Problem problem);

}  // namespace freehold::api::anthropic
