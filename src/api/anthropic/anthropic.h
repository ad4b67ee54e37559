// Anthropic's wire format: messages, the counting of tokens, models, errors (docs.anthropic.com/en/api, as the SDKs of
// November 2026 read it). Functions from text to text: no socket, no model.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/answer.h"
#include "api/call.h"

namespace freehold::api::anthropic {

// A conversation that the server keeps, so that the next request brings only what is new: the SDKs' message threads,
// over which their tool runner works. Known by the id of its last answer. Texts are JSON.
struct Thread {
  std::string fixed;     // an object: the `system` and `tools` that it began with
  std::string messages;  // an array, as on the wire
};
using FindThread = std::function<std::optional<Thread>(std::string_view message_id)>;
using KeepThread = std::function<void(std::string message_id, Thread thread)>;

struct MessagesCall {
  Call call;
  bool only_prompt = false;      // max_tokens 0: the prompt is read (and cached), no answer is told
  bool hides_thinking = false;   // thinking.display is omitted: its blocks come empty
  std::optional<Thread> thread;  // to be kept with the answer
};

// POST /v1/messages and /v1/messages/count_tokens, which has no max_tokens. Failures name the field. Refused by name:
// images, documents and other blocks that are not text, tools that the vendor runs, MCP servers, containers.
Parsed<MessagesCall> parse_messages(std::string_view body, const FindThread& find = {});
Parsed<Call> parse_count(std::string_view body);

// `keep` gets the call's thread, if it has one, when the answer is complete.
std::unique_ptr<Encoder> messages_encoder(const MessagesCall& call, AnswerId id, KeepThread keep = {});
std::string count_json(std::size_t tokens);

struct ModelEntry {
  std::string id;
  std::int64_t created = 0;  // Unix seconds
  std::uint64_t context = 0;
  bool thinks = false;
};
// Of GET /v1/models: as they stand in the query; empty = not there.
struct Page {
  std::string_view limit, after, before;
  std::vector<std::string_view> lifecycle = {};
};
// Failures: a limit or stage of life that is none, an id that is not there.
Parsed<std::string> models_json(const std::vector<ModelEntry>& models, const Page& page);
std::string model_json(const ModelEntry& model);

// {"type":"error","error":{"type","message"},"request_id"}, and error.details.error_code where clients act upon it.
std::string error_json(const Failure& failure, std::string_view request_id);
// 529 where others say 503.
int error_status(Problem problem);

}  // namespace freehold::api::anthropic
