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
        expects_(!call.expected.empty()),
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
    std::string_view reason;
    bool begun = false;
  };

  // A chunk's choice, as JSON text, for what has just been added to it.
  virtual std::string text_choice(std::uint32_t index, std::string_view text) = 0;
  virtual std::string last_choice(std::uint32_t index) = 0;
  // A whole answer's; `place` is its index in that.
  virtual std::string whole_choice(std::uint32_t index, std::size_t place) = 0;
  virtual void add_logprobs(std::uint32_t index, const engine::TokenLogprobs& token) = 0;
  virtual void add_prompt_logprobs(std::uint32_t, const engine::PromptLogprobs&) {}
  // The choices that are given, in their order.
  virtual std::vector<std::uint32_t> given() const;
  virtual std::string_view object(bool chunk) const = 0;
  // Only chats have these; a completion's text is the model's own.
  virtual std::string thinking_choice(std::uint32_t index, std::string_view text) { return text_choice(index, text); }
  virtual std::string tool_start_choice(std::uint32_t, std::uint32_t, std::string_view) { return {}; }
  virtual std::string tool_arguments_choice(std::uint32_t, std::uint32_t, std::string_view) { return {}; }

  std::string chunk_with(std::string_view choice);

  const bool stream_, usage_in_stream_, expects_, logprobs_;
  const AnswerId id_;
  const std::string prefix_;
  std::vector<Choice> choices_;

 private:
  // An object without its end: what all chunks begin with, or the whole answer.
  std::string head(bool chunk) const;
  Json usage() const;
  std::string chunk_head_;  // made once
  std::uint64_t prompt_tokens_ = 0, cached_tokens_ = 0, completion_tokens_ = 0, thinking_tokens_ = 0;
  std::uint64_t accepted_tokens_ = 0, rejected_tokens_ = 0;  // of guesses
};

}  // namespace freehold::api::openai
