// Anthropic's messages (docs.anthropic.com/en/api/messages-streaming).
#include <nlohmann/json.hpp>

#include "upstream/values.h"
#include "upstream/wire.h"

namespace freehold::upstream {
namespace {

using Json = nlohmann::ordered_json;

Result<Outgoing> write_messages(const Call& call, const http::Url&) {
  if (call.seed) return fail(Errc::unsupported, "seed: Anthropic's messages take none");
  Json body;
  body["model"] = call.model;
  body["max_tokens"] = call.max_tokens;
  std::string system;
  body["messages"] = Json::array();
  for (const Message& m : call.messages) {
    if (m.role == Message::Role::system) {
      system += (system.empty() ? "" : "\n\n") + m.text;
    } else {
      body["messages"].push_back({{"role", m.role == Message::Role::user ? "user" : "assistant"}, {"content", m.text}});
    }
  }
  if (!system.empty()) body["system"] = system;
  if (call.temperature) body["temperature"] = *call.temperature;
  if (call.top_p) body["top_p"] = *call.top_p;
  if (!call.stop.empty()) body["stop_sequences"] = call.stop;
  if (!call.schema.empty()) {
    body["output_config"] = {
        {"format", {{"type", "json_schema"}, {"schema", Json::parse(call.schema, nullptr, false)}}}};
  }
  body["stream"] = true;
  Outgoing out{"/v1/messages", {}, body.dump(-1, ' ', false, Json::error_handler_t::replace)};
  out.headers.add("anthropic-version", "2023-06-01");
  return out;
}

class MessageReading : public Reading {
 public:
  Result<> event(std::string_view, std::string_view data) override {
    FH_TRY(const format::Value event, object_of(data));
    const std::string_view type = text_at(&event, {"type"});
    if (type == "error") return fail(Errc::io, complaint_of(data).message);
    if (type == "message_start") {
      reply_.id = text_at(&event, {"message", "id"});
      reply_.model = text_at(&event, {"message", "model"});
      count(at(&event, {"message", "usage"}));  // what it says of the answer is of its beginning alone
    } else if (type == "content_block_delta") {
      reply_.text += text_at(&event, {"delta", "text"});
    } else if (type == "message_delta") {
      end(text_at(&event, {"delta", "stop_reason"}));
      count(event.member("usage"));
      if (const auto output = count_at(&event, {"usage", "output_tokens"})) counted_.output = output;
    } else if (type == "message_stop") {
      complete_ = true;
    }
    return {};
  }

 private:
  Result<> take_whole(const format::Value& answer) override {
    reply_.id = text_at(&answer, {"id"});
    reply_.model = text_at(&answer, {"model"});
    if (const format::Value* content = answer.member("content")) {
      for (const format::Value& block : content->items()) reply_.text += text_at(&block, {"text"});
    }
    end(text_at(&answer, {"stop_reason"}));
    count(answer.member("usage"));
    counted_.output = count_at(&answer, {"usage", "output_tokens"});
    return {};
  }

  void end(std::string_view why) {
    if (why.empty()) return;
    ended_ = true;
    reply_.ending = why == "end_turn" || why == "stop_sequence"                     ? Ending::stop
                    : why == "max_tokens" || why == "model_context_window_exceeded" ? Ending::length
                    : why == "refusal"                                              ? Ending::filtered
                                                                                    : Ending::other;
  }

  // Each event counts from the beginning, and says of the prompt what it likes to: each number is the last that was
  // said.
  void count(const format::Value* usage) {
    if (const auto plain = count_at(usage, {"input_tokens"})) plain_ = plain;
    counted_.cached_input = count_at(usage, {"cache_read_input_tokens"}).value_or(counted_.cached_input);
    counted_.cache_writes = count_at(usage, {"cache_creation_input_tokens"}).value_or(counted_.cache_writes);
    if (plain_) counted_.input = *plain_ + counted_.cached_input + counted_.cache_writes;
  }

  std::optional<std::uint64_t> plain_;  // of the prompt: neither read from the cache nor written to it
};

}  // namespace

const Wire kAnthropic = {"anthropic",
                         "anthropic",
                         "https://api.anthropic.com",
                         "ANTHROPIC_BASE_URL",
                         "ANTHROPIC_API_KEY",
                         "x-api-key",
                         "",
                         &write_messages,
                         []() -> std::unique_ptr<Reading> { return std::make_unique<MessageReading>(); }};

}  // namespace freehold::upstream
