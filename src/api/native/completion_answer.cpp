// Answers of POST /completion, in one piece or as server-sent events.
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "api/fields.h"
#include "api/native/native.h"
#include "api/openai/openai.h"

namespace freehold::api::native {
namespace {

Json token_json(const engine::TokenLogprob& t) {
  Json bytes = Json::array();
  for (char c : t.bytes) bytes.push_back(static_cast<unsigned char>(c));
  return {{"id", t.token}, {"token", std::string(t.bytes)}, {"logprob", t.logprob}, {"bytes", std::move(bytes)}};
}

class Completion : public Encoder {
 public:
  Completion(const Call& call, AnswerId id, std::string prompt)
      : call_(call), id_(std::move(id)), prompt_(std::move(prompt)) {}

  std::string content_type() const override { return call_.stream ? "text/event-stream" : "application/json"; }

  std::string add(const Piece& piece) override {
    if (const auto* begun = std::get_if<Begun>(&piece)) {
      begun_ = *begun;
    } else if (const auto* text = std::get_if<Text>(&piece)) {
      text_ += text->text;
      if (!call_.stream) return {};
      Json out = {{"index", 0}, {"content", std::string(text->text)}, {"tokens", Json::array()}, {"stop", false}};
      take_probabilities(out);
      return event(out);
    } else if (const auto* token = std::get_if<Logprobs>(&piece)) {
      Json entry = token_json(token->token->sampled);
      entry["top_logprobs"] = Json::array();
      for (const engine::TokenLogprob& t : token->token->top) entry["top_logprobs"].push_back(token_json(t));
      probabilities_.push_back(std::move(entry));
    } else if (const auto* ended = std::get_if<Ended>(&piece)) {
      reason_ = ended->reason;
      stop_string_ = ended->stop_string;
      usage_ = ended->usage;
    }
    return {};
  }

  std::string end() override {
    Json out = {{"index", 0},
                {"content", call_.stream ? std::string() : text_},
                {"tokens", Json::array()},
                {"stop", true},
                {"model", id_.model},
                {"tokens_predicted", usage_.completion_tokens},
                {"tokens_evaluated", begun_.prompt_tokens},
                {"tokens_cached", begun_.cached_tokens},
                {"generation_settings", settings()},
                {"prompt", prompt_},
                {"has_new_line", text_.find('\n') != std::string::npos},
                {"truncated", false},
                {"stop_type", stop_type()},
                {"stopping_word", stop_string_},
                {"timings", timings()}};
    take_probabilities(out);
    return call_.stream ? event(out) : dump(out);
  }

  std::string broken(const Failure& failure) override {
    return fmt::format("data: {}\n\n", openai::error_json(failure));
  }

 private:
  static std::string event(const Json& value) { return fmt::format("data: {}\n\n", dump(value)); }

  std::string_view stop_type() const {
    switch (reason_) {
      case Reason::stop_string:
        return "word";
      case Reason::length:
        return "limit";
      case Reason::cancelled:
        return "none";
      default:
        return "eos";
    }
  }

  Json settings() const {
    const engine::Request& r = call_.request;
    const engine::Sampling& s = r.sampling;
    return {{"n_predict", r.max_tokens == 0 ? Json(-1) : Json(r.max_tokens)},
            {"seed", r.seed},
            {"temperature", s.temperature},
            {"top_k", s.top_k},
            {"top_p", s.top_p},
            {"min_p", s.min_p},
            {"typical_p", s.typical_p},
            {"repeat_last_n", s.penalty_last},
            {"repeat_penalty", s.repetition_penalty},
            {"presence_penalty", s.presence_penalty},
            {"frequency_penalty", s.frequency_penalty},
            {"stop", r.stop},
            {"ignore_eos", !r.stop_at_end_of_generation},
            {"stream", call_.stream},
            {"n_probs", r.logprobs.value_or(0)}};
  }

  Json timings() const {
    const auto rates = [](Json& out, const std::string& what, std::uint32_t n, double seconds) {
      out[what + "_n"] = n;
      out[what + "_ms"] = seconds * 1000;
      out[what + "_per_token_ms"] = n == 0 ? 0 : seconds * 1000 / n;
      out[what + "_per_second"] = seconds == 0 ? 0 : n / seconds;
    };
    Json out = Json::object();
    rates(out, "prompt", begun_.prompt_tokens - begun_.cached_tokens, usage_.prefill_seconds);
    rates(out, "predicted", usage_.completion_tokens, usage_.decode_seconds);
    if (usage_.drafted_tokens > 0) {
      out["draft_n"] = usage_.drafted_tokens;
      out["draft_n_accepted"] = usage_.accepted_tokens;
    }
    return out;
  }

  void take_probabilities(Json& out) {
    if (!call_.request.logprobs || probabilities_.empty()) return;
    out["completion_probabilities"] = std::move(probabilities_);
    probabilities_ = Json::array();
  }

  const Call call_;
  const AnswerId id_;
  const std::string prompt_;
  std::string text_, stop_string_;
  Begun begun_;
  Reason reason_ = Reason::stop;
  engine::Usage usage_;
  Json probabilities_ = Json::array();
};

}  // namespace

std::unique_ptr<Encoder> completion_encoder(const Call& call, AnswerId id, std::string prompt) {
  return std::make_unique<Completion>(call, std::move(id), std::move(prompt));
}

}  // namespace freehold::api::native
