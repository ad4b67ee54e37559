// Answers of POST /v1/chat/completions, in one piece or as server-sent events.
#include <fmt/format.h>

#include <utility>

#include "api/openai/answer_base_json.h"
#include "api/openai/logprob_text.h"
#include "api/openai/openai.h"

namespace freehold::api::openai {
namespace {

class Chat : public AnswerBase {
 public:
  Chat(const Call& call, AnswerId id)
      : AnswerBase(call, std::move(id), "chatcmpl-", call.request.n),
        entries_(call.request.n),
        calls_only_(call.tool_use.choice == ToolChoice::required && !call.tool_use.tools.empty()) {}

  // The role of every choice comes before anything else. Where nothing but calls will come, no text is begun.
  std::string begin() override {
    std::string out;
    for (std::uint32_t i = 0; stream_ && i < choices_.size(); ++i) {
      out += chunk_with(
          choice_text(i, {{"role", "assistant"}, {"content", calls_only_ ? Json(nullptr) : Json("")}}, "null", "null"));
    }
    return out;
  }

 private:
  std::string_view object(bool chunk) const override { return chunk ? "chat.completion.chunk" : "chat.completion"; }

  // Log-probabilities and reason are JSON text already.
  static std::string choice_text(std::uint32_t index, const Json& delta, std::string_view logprobs,
                                 std::string_view reason) {
    return fmt::format(R"({{"index":{},"delta":{},"logprobs":{},"finish_reason":{}}})", index, dump(delta), logprobs,
                       reason);
  }
  std::string take_logprobs(std::uint32_t index) {
    if (!logprobs_) return "null";
    return fmt::format(R"({{"content":[{}],"refusal":null}})", std::exchange(entries_[index], {}));
  }
  std::string delta(std::uint32_t index, const Json& what) {
    return choice_text(index, what, take_logprobs(index), "null");
  }
  std::string text_choice(std::uint32_t index, std::string_view text) override {
    return delta(index, {{"content", std::string(text)}});
  }
  std::string thinking_choice(std::uint32_t index, std::string_view text) override {
    return delta(index, {{"reasoning_content", std::string(text)}});
  }
  std::string call_id(std::uint32_t choice, std::uint32_t index) const {
    return fmt::format("call_{}{:02x}{:02x}", id_.id, choice, index);
  }
  std::string tool_start_choice(std::uint32_t index, std::uint32_t call, std::string_view name) override {
    return delta(index,
                 {{"tool_calls", Json::array({{{"index", call},
                                               {"id", call_id(index, call)},
                                               {"type", "function"},
                                               {"function", {{"name", std::string(name)}, {"arguments", ""}}}}})}});
  }
  // Without id, type and name: clients take a second name for another call.
  std::string tool_arguments_choice(std::uint32_t index, std::uint32_t call, std::string_view fragment) override {
    return delta(index, {{"tool_calls",
                          Json::array({{{"index", call}, {"function", {{"arguments", std::string(fragment)}}}}})}});
  }
  std::string last_choice(std::uint32_t index) override {
    const std::string rest = entries_[index].empty() ? "null" : take_logprobs(index);
    return choice_text(index, Json::object(), rest, fmt::format("\"{}\"", choices_[index].reason));
  }
  std::string whole_choice(std::uint32_t index, std::size_t place) override {
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
    return fmt::format(R"({{"index":{},"message":{},"logprobs":{},"finish_reason":"{}"}})", place, dump(message),
                       take_logprobs(index), c.reason);
  }
  void add_logprobs(std::uint32_t index, const engine::TokenLogprobs& token) override {
    append_entry(entries_[index], token);
  }

  std::vector<std::string> entries_;  // of each choice, since the last chunk or of the whole answer
  const bool calls_only_;
};

}  // namespace

std::unique_ptr<Encoder> chat_encoder(const Call& call, AnswerId id) {
  return std::make_unique<Chat>(call, std::move(id));
}

}  // namespace freehold::api::openai
