// What the answers of OpenAI's two generating endpoints share: identity, choices, usage, and the fold of an answer in
// one piece.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "api/answer.h"
#include "api/fields.h"

namespace freehold::api::openai {

// data: {…} and an empty line.
std::string as_event(const Json& value);
// Every byte as a number.
Json bytes_json(std::string_view bytes);
std::string_view reason_text(Reason reason);

class AnswerBase : public Encoder {
 public:
  AnswerBase(const Call& call, AnswerId id, std::string prefix, std::uint32_t choices)
      : stream_(call.stream),
        usage_in_stream_(call.usage_in_stream),
        logprobs_(call.request.logprobs.has_value() && call.logprobs_shown),
        id_(std::move(id)),
        prefix_(std::move(prefix)),
        choices_(choices) {}

  std::string content_type() const override { return stream_ ? "text/event-stream" : "application/json"; }
  std::string add(const Piece& piece) override;
  std::string end() override;
  std::string broken(const Failure& failure) override;

 protected:
  struct ToolCall {
    std::string name, arguments;
  };
  struct Choice {
    std::string text, thinking;
    std::vector<ToolCall> calls;
    Json logprobs = Json::array();  // since the last chunk, or of the whole answer
    std::string_view reason;
    bool begun = false;
    std::size_t offset = 0;  // completions: of the text of the tokens so far
  };

  // A chunk's choice for what has just been added to it.
  virtual Json text_choice(std::uint32_t index, std::string_view text) = 0;
  virtual Json last_choice(std::uint32_t index) = 0;
  virtual Json whole_choice(std::uint32_t index) = 0;
  virtual void add_logprobs(Choice& choice, const engine::TokenLogprobs& token) = 0;
  virtual void add_prompt_logprobs(std::uint32_t, const engine::PromptLogprobs&) {}
  // The choices that are given, in their order.
  virtual std::vector<std::uint32_t> given() const;
  virtual std::string_view object(bool chunk) const = 0;
  // Only chats have these; a completion's text is the model's own.
  virtual Json thinking_choice(std::uint32_t index, std::string_view text) { return text_choice(index, text); }
  virtual Json tool_start_choice(std::uint32_t, std::uint32_t, std::string_view) { return nullptr; }
  virtual Json tool_arguments_choice(std::uint32_t, std::uint32_t, std::string_view) { return nullptr; }

  Json head(bool chunk) const;
  std::string chunk_with(Json choice) const;

  const bool stream_, usage_in_stream_, logprobs_;
  const AnswerId id_;
  const std::string prefix_;
  std::vector<Choice> choices_;

 private:
  Json usage() const;
  std::uint64_t prompt_tokens_ = 0, cached_tokens_ = 0, completion_tokens_ = 0, thinking_tokens_ = 0;
};

}  // namespace freehold::api::openai
