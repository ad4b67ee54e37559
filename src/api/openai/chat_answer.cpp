// Answers of POST /v1/chat/completions, in one piece or as server-sent events.
#include <fmt/format.h>

#include "api/openai/answer_base_json.h"
#include "api/openai/openai.h"

namespace freehold::api::openai {
namespace {

Json token_json(const engine::TokenLogprob& t) {
  return {{"token", std::string(t.bytes)}, {"logprob", t.logprob}, {"bytes", bytes_json(t.bytes)}};
}

class Chat : public AnswerBase {
 public:
  Chat(const Call& call, AnswerId id)
      : AnswerBase(call, std::move(id), "chatcmpl-", call.request.n),
        calls_only_(call.tool_use.choice == ToolChoice::required && !call.tool_use.tools.empty()) {}

  // The role of every choice comes before anything else. Where nothing but calls will come, no text is begun.
  std::string begin() override {
    std::string out;
    for (std::uint32_t i = 0; stream_ && i < choices_.size(); ++i) {
      out += chunk_with(choice_json(i, {{"role", "assistant"}, {"content", calls_only_ ? Json(nullptr) : Json("")}},
                                    nullptr, nullptr));
    }
    return out;
  }

 private:
  std::string_view object(bool chunk) const override { return chunk ? "chat.completion.chunk" : "chat.completion"; }

  static Json choice_json(std::uint32_t index, Json delta, Json logprobs, Json reason) {
    return {{"index", index},
            {"delta", std::move(delta)},
            {"logprobs", std::move(logprobs)},
            {"finish_reason", std::move(reason)}};
  }
  Json take_logprobs(Choice& choice) const {
    if (!logprobs_) return nullptr;
    Json out = {{"content", std::move(choice.logprobs)}, {"refusal", nullptr}};
    choice.logprobs = Json::array();
    return out;
  }
  Json delta(std::uint32_t index, Json what) {
    return choice_json(index, std::move(what), take_logprobs(choices_[index]), nullptr);
  }
  Json text_choice(std::uint32_t index, std::string_view text) override {
    return delta(index, {{"content", std::string(text)}});
  }
  Json thinking_choice(std::uint32_t index, std::string_view text) override {
    return delta(index, {{"reasoning_content", std::string(text)}});
  }
  std::string call_id(std::uint32_t choice, std::uint32_t index) const {
    return fmt::format("call_{}{:02x}{:02x}", id_.id, choice, index);
  }
  Json tool_start_choice(std::uint32_t index, std::uint32_t call, std::string_view name) override {
    return delta(index,
                 {{"tool_calls", Json::array({{{"index", call},
                                               {"id", call_id(index, call)},
                                               {"type", "function"},
                                               {"function", {{"name", std::string(name)}, {"arguments", ""}}}}})}});
  }
  // Without id, type and name: clients take a second name for another call.
  Json tool_arguments_choice(std::uint32_t index, std::uint32_t call, std::string_view fragment) override {
    return delta(index, {{"tool_calls",
                          Json::array({{{"index", call}, {"function", {{"arguments", std::string(fragment)}}}}})}});
  }
  Json last_choice(std::uint32_t index) override {
    Choice& c = choices_[index];
    Json rest = logprobs_ && !c.logprobs.empty() ? take_logprobs(c) : Json(nullptr);
    return choice_json(index, Json::object(), std::move(rest), std::string(c.reason));
  }
  Json whole_choice(std::uint32_t index) override {
    Choice& c = choices_[index];
    Json message = {{"role", "assistant"},
                    {"content", c.text.empty() && !c.calls.empty() ? Json(nullptr) : Json(c.text)},
                    {"refusal", nullptr}};
    if (!c.thinking.empty()) message["reasoning_content"] = c.thinking;
    for (std::uint32_t i = 0; i < c.calls.size(); ++i) {
      message["tool_calls"].push_back({{"id", call_id(index, i)},
                                       {"type", "function"},
                                       {"function", {{"name", c.calls[i].name}, {"arguments", c.calls[i].arguments}}}});
    }
    return {{"index", index},
            {"message", std::move(message)},
            {"logprobs", take_logprobs(c)},
            {"finish_reason", std::string(c.reason)}};
  }
  void add_logprobs(Choice& choice, const engine::TokenLogprobs& token) override {
    Json entry = token_json(token.sampled);
    entry["top_logprobs"] = Json::array();
    for (const engine::TokenLogprob& t : token.top) entry["top_logprobs"].push_back(token_json(t));
    choice.logprobs.push_back(std::move(entry));
  }

  const bool calls_only_;
};

}  // namespace

std::unique_ptr<Encoder> chat_encoder(const Call& call, AnswerId id) {
  return std::make_unique<Chat>(call, std::move(id));
}

}  // namespace freehold::api::openai
