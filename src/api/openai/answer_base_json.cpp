#include "api/openai/answer_base_json.h"

#include <fmt/format.h>

#include <numeric>

#include "api/openai/openai.h"

namespace freehold::api::openai {

std::string as_event(const Json& value) {
  return fmt::format("data: {}\n\n", dump(value));
}

Json bytes_json(std::string_view bytes) {
  Json out = Json::array();
  for (char c : bytes) out.push_back(static_cast<unsigned char>(c));
  return out;
}

std::string_view reason_text(Reason reason) {
  switch (reason) {
    case Reason::length:
      return "length";
    case Reason::tool_calls:
      return "tool_calls";
    default:
      return "stop";
  }
}

std::string AnswerBase::add(const Piece& piece) {
  std::string choice;
  if (const auto* begun = std::get_if<Begun>(&piece)) {
    prompt_tokens_ += begun->prompt_tokens;
    cached_tokens_ += begun->cached_tokens;
    return {};
  }
  if (const auto* read = std::get_if<PromptLogprobs>(&piece)) {
    add_prompt_logprobs(read->prompt, *read->token);
    return {};
  }
  if (const auto* text = std::get_if<Text>(&piece)) {
    choices_[text->choice].text += text->text;
    if (stream_) choice = text_choice(text->choice, text->text);
  } else if (const auto* thinking = std::get_if<Thinking>(&piece)) {
    choices_[thinking->choice].thinking += thinking->text;
    if (stream_) choice = thinking_choice(thinking->choice, thinking->text);
  } else if (const auto* start = std::get_if<ToolStart>(&piece)) {
    choices_[start->choice].calls.push_back({std::string(start->name), {}});
    if (stream_) choice = tool_start_choice(start->choice, start->index, start->name);
  } else if (const auto* arguments = std::get_if<ToolArguments>(&piece)) {
    choices_[arguments->choice].calls[arguments->index].arguments += arguments->fragment;
    if (stream_) choice = tool_arguments_choice(arguments->choice, arguments->index, arguments->fragment);
  } else if (const auto* token = std::get_if<Logprobs>(&piece)) {
    add_logprobs(token->choice, *token->token);
  } else if (const auto* ended = std::get_if<Ended>(&piece)) {
    completion_tokens_ += ended->usage.completion_tokens;
    thinking_tokens_ += ended->thinking_tokens;
    accepted_tokens_ += ended->usage.accepted_tokens;
    rejected_tokens_ += ended->usage.drafted_tokens - ended->usage.accepted_tokens;
    choices_[ended->choice].reason = reason_text(ended->reason);
    if (stream_) choice = last_choice(ended->choice);
  }
  return choice.empty() ? std::string() : chunk_with(choice);
}

std::string AnswerBase::end() {
  if (!stream_) {
    std::string out = head(false) + R"(,"choices":[)";
    std::size_t place = 0;
    for (const std::uint32_t i : given()) {
      if (place > 0) out += ',';
      out += whole_choice(i, place++);
    }
    return out + R"(],"usage":)" + dump(usage()) + "}";
  }
  std::string out;
  if (usage_in_stream_) out = fmt::format("data: {},\"choices\":[],\"usage\":{}}}\n\n", head(true), dump(usage()));
  return out + "data: [DONE]\n\n";
}

std::vector<std::uint32_t> AnswerBase::given() const {
  std::vector<std::uint32_t> all(choices_.size());
  std::iota(all.begin(), all.end(), 0U);
  return all;
}

std::string AnswerBase::broken(const Failure& failure) {
  return fmt::format("data: {}\n\n", error_json(failure));
}

std::string AnswerBase::head(bool chunk) const {
  const Json fields = {{"id", prefix_ + id_.id},
                       {"object", object(chunk)},
                       {"created", id_.created},
                       {"model", id_.model},
                       {"system_fingerprint", id_.fingerprint.empty() ? Json(nullptr) : Json(id_.fingerprint)}};
  std::string out = dump(fields);
  out.pop_back();
  return out;
}

std::string AnswerBase::chunk_with(std::string_view choice) {
  if (chunk_head_.empty()) chunk_head_ = head(true);
  return fmt::format("data: {},\"choices\":[{}]{}}}\n\n", chunk_head_, choice,
                     usage_in_stream_ ? R"(,"usage":null)" : "");
}

Json AnswerBase::usage() const {
  return {{"prompt_tokens", prompt_tokens_},
          {"completion_tokens", completion_tokens_},
          {"total_tokens", prompt_tokens_ + completion_tokens_},
          {"prompt_tokens_details", {{"cached_tokens", cached_tokens_}, {"audio_tokens", 0}}},
          {"completion_tokens_details",
           {{"reasoning_tokens", thinking_tokens_},
            {"audio_tokens", 0},
            {"accepted_prediction_tokens", expects_ ? accepted_tokens_ : 0},
            {"rejected_prediction_tokens", expects_ ? rejected_tokens_ : 0}}}};
}

}  // namespace freehold::api::openai
