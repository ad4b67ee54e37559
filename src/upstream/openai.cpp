// OpenAI's chat completions (platform.openai.com/docs/api-reference/chat), which many others speak too.
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "base/utf8.h"
#include "upstream/values.h"
#include "upstream/wire.h"

namespace freehold::upstream {
namespace {

using Json = nlohmann::ordered_json;

std::string_view role_of(Message::Role role) {
  switch (role) {
    case Message::Role::system:
      return "system";
    case Message::Role::user:
      return "user";
    case Message::Role::assistant:
      break;
  }
  return "assistant";
}

Result<Outgoing> write_chat(const Call& call, const http::Url& base) {
  Json body;
  body["model"] = call.model;
  body["messages"] = Json::array();
  for (const Message& m : call.messages) body["messages"].push_back({{"role", role_of(m.role)}, {"content", m.text}});
  // OpenAI's newer models know the second name alone, other servers often the first alone.
  body[base.host == "api.openai.com" ? "max_completion_tokens" : "max_tokens"] = call.max_tokens;
  if (call.temperature) body["temperature"] = *call.temperature;
  if (call.top_p) body["top_p"] = *call.top_p;
  if (call.seed) body["seed"] = *call.seed;
  if (!call.stop.empty()) body["stop"] = call.stop;
  if (!call.schema.empty()) {
    body["response_format"] = {
        {"type", "json_schema"},
        {"json_schema", {{"name", "answer"}, {"strict", true}, {"schema", Json::parse(call.schema, nullptr, false)}}}};
  }
  body["stream"] = true;
  body["stream_options"] = {{"include_usage", true}};
  return Outgoing{"/chat/completions", {}, body.dump(-1, ' ', false, Json::error_handler_t::replace)};
}

class ChatReading : public Reading {
 public:
  Result<> event(std::string_view, std::string_view data) override {
    if (data == "[DONE]") {
      complete_ = ended_;
      return {};
    }
    FH_TRY(const format::Value chunk, object_of(data));
    if (const format::Value* error = chunk.member("error"); error != nullptr && !error->is_null())
      return fail(Errc::io, complaint_of(data).message);
    take(chunk, "delta");
    return {};
  }

 private:
  Result<> take_whole(const format::Value& answer) override {
    take(answer, "message");
    return {};
  }

  // `said`: where a choice has its text, all of it or what is new.
  void take(const format::Value& answer, std::string_view said) {
    if (reply_.id.empty()) reply_.id = text_at(&answer, {"id"});
    if (reply_.model.empty()) reply_.model = text_at(&answer, {"model"});
    if (const format::Value* usage = answer.member("usage"); usage != nullptr && usage->is_object()) {
      counted_ = {count_at(usage, {"prompt_tokens"}), count_at(usage, {"completion_tokens"}),
                  count_at(usage, {"prompt_tokens_details", "cached_tokens"}).value_or(0), 0};
    }
    const format::Value* choices = answer.member("choices");
    if (choices == nullptr) return;
    for (const format::Value& choice : choices->items()) {
      reply_.text += text_at(&choice, {said, "content"});
      const std::string_view why = text_at(&choice, {"finish_reason"});
      if (why.empty()) continue;
      ended_ = true;
      reply_.ending = why == "stop"             ? Ending::stop
                      : why == "length"         ? Ending::length
                      : why == "content_filter" ? Ending::filtered
                                                : Ending::other;
    }
  }
};

}  // namespace

const Wire kOpenAi = {
    "openai",          "openai",         "https://api.openai.com/v1",
    "OPENAI_BASE_URL", "OPENAI_API_KEY", "authorization",
    "Bearer ",         &write_chat,      []() -> std::unique_ptr<Reading> {
                        return std::make_unique<ChatReading>(); }};

}  // namespace freehold::upstream
