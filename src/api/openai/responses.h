// POST /v1/responses (platform.openai.com/docs/api-reference/responses): items instead of messages, named events
// instead of chunks, and answers that are kept so that a later request can go on from them.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/answer.h"
#include "api/call.h"
#include "api/openai/files.h"

namespace freehold::api::openai {

// What is kept of a response. Texts are JSON.
struct StoredResponse {
  std::string id;            // resp_…
  std::string response;      // the response object
  std::string input_items;   // an array: this request's input, with ids
  std::string conversation;  // an array: all items before and in it, and its output; not the instructions
  std::string running;       // the id of the request that still makes it, in the background; empty: it is over
  std::string label = {};    // of all that is in it (guard/policy.h); whoever keeps it says so
  bool streamed = false;     // its events went out as they came, with other numbers than those made from what is kept
  std::vector<std::string> subjects = {};         // for whom any of it was asked; "": for nobody in particular
  std::chrono::steady_clock::time_point asked{};  // when its request came
};

struct ResponseCall {
  Call call;             // its input is empty until `join`
  std::string previous;  // previous_response_id; may be empty
  bool store = true;
  bool background = false;   // made whether the client stays or not; without a stream it asks for the answer later
  bool summary = false;      // thoughts go where summaries do, which is what clients show
  bool truncate = false;     // the oldest turns may go where the context is too short
  std::string settings;      // a JSON object: the request's settings, as the response repeats them
  std::string instructions;  // may be empty
  std::string input_items;   // a JSON array, with ids
  std::string conversation;  // after `join`: a JSON array of all items but the output
};

// Failures name the field. Refused by name: tools other than functions, conversation, prompt.
// `id`: random letters and digits, from which the ids of input items are made.
Parsed<ResponseCall> parse_response(std::string_view body, std::string_view id);
// Makes the messages: the instructions, what `previous` (null if there is none) was about, the input. Items that the
// input only refers to are asked for by their id.
using FindItem = std::function<std::optional<std::string>(std::string_view id)>;
Parsed<void> join(ResponseCall& call, const StoredResponse* previous, const FindItem& find_item);

// The response before anything of it has been made.
std::string begun_json(const ResponseCall& call, const AnswerId& id);

// `keep` gets the response when it is complete and recorded; empty: it is not kept.
std::unique_ptr<Encoder> response_encoder(ResponseCall call, AnswerId id, std::function<void(StoredResponse)> keep);

std::string input_tokens_json(std::size_t tokens);
// GET …/input_items: {"object":"list", …}. Error: `after` is no item's id.
Parsed<std::string> input_items_json(const StoredResponse& stored, const Page& page);
// The events that build a response which is over, those up to number `after` left out.
Parsed<std::string> replayed_events(const StoredResponse& stored, std::int64_t after);
bool is_background(std::string_view response);
// The response object with another status; with an error, if there is one.
std::string with_status(std::string_view response, std::string_view status, const Failure* failure = nullptr);
std::string deleted_json(std::string_view id);

}  // namespace freehold::api::openai
