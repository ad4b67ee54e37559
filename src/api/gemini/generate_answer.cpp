// Answers of generateContent and streamGenerateContent: candidates made of parts, in one piece, as server-sent events,
// or as one JSON array.
#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "api/fields.h"
#include "api/gemini/gemini.h"

namespace freehold::api::gemini {
namespace {

Json token_json(const engine::TokenLogprob& t) {
  return {{"token", std::string(t.bytes)}, {"tokenId", t.token}, {"logProbability", t.logprob}};
}

class Generate : public Encoder {
 public:
  Generate(const GenerateCall& call, AnswerId id, bool events)
      : stream_(call.call.stream),
        events_(events),
        thoughts_(call.thoughts),
        logprobs_(call.call.request.logprobs),
        id_(std::move(id)),
        candidates_(call.call.request.n) {}

  std::string content_type() const override { return stream_ && events_ ? "text/event-stream" : "application/json"; }

  std::string add(const Piece& piece) override {
    if (const auto* begun = std::get_if<Begun>(&piece)) {
      prompt_tokens_ += begun->prompt_tokens;
      cached_tokens_ += begun->cached_tokens;
    } else if (const auto* text = std::get_if<Text>(&piece)) {
      return add_part(text->choice, {{"text", std::string(text->text)}});
    } else if (const auto* thinking = std::get_if<Thinking>(&piece)) {
      if (thoughts_) return add_part(thinking->choice, {{"text", std::string(thinking->text)}, {"thought", true}});
    } else if (const auto* start = std::get_if<ToolStart>(&piece)) {
      candidates_[start->choice].name = start->name;
      candidates_[start->choice].arguments.clear();
    } else if (const auto* arguments = std::get_if<ToolArguments>(&piece)) {
      candidates_[arguments->choice].arguments += arguments->fragment;
    } else if (const auto* call = std::get_if<ToolEnd>(&piece)) {
      return add_call(call->choice);
    } else if (const auto* token = std::get_if<Logprobs>(&piece)) {
      add_logprobs(candidates_[token->choice], *token->token);
    } else if (const auto* ended = std::get_if<Ended>(&piece)) {
      return finish(*ended);
    }
    return {};
  }

  std::string end() override {
    if (stream_) return events_ ? std::string() : begun_ ? "]" : "[]";
    Json all = Json::array();
    for (std::uint32_t i = 0; i < candidates_.size(); ++i) {
      Candidate& c = candidates_[i];
      if (c.parts.empty()) c.parts.push_back({{"text", ""}});
      all.push_back(candidate_json(i, std::move(c.parts), true));
    }
    return dump(answer(std::move(all), true));
  }

  std::string broken(const Failure& failure) override {
    const std::string error = error_json(failure);
    if (events_) return fmt::format("data: {}\n\n", error);
    return fmt::format("{}{}]", begun_ ? "," : "[", error);
  }

 private:
  struct Candidate {
    Json parts = Json::array();   // of a whole answer
    std::string name, arguments;  // of the call that is being written
    std::uint32_t calls = 0;
    Json chosen = Json::array(), top = Json::array();  // since the last chunk, or of the whole answer
    double logprob_sum = 0;
    std::uint32_t tokens = 0;  // whose probabilities were told
    std::string_view reason;
  };

  Json answer(Json candidates, bool last) const {
    Json usage = {{"promptTokenCount", prompt_tokens_}};
    if (cached_tokens_ > 0) usage["cachedContentTokenCount"] = cached_tokens_;
    const std::uint64_t thought = thinking_tokens_;
    if (last || completion_tokens_ > 0) usage["candidatesTokenCount"] = completion_tokens_ - thought;
    if (thought > 0) usage["thoughtsTokenCount"] = thought;
    usage["totalTokenCount"] = prompt_tokens_ + completion_tokens_;
    return {{"candidates", std::move(candidates)},
            {"usageMetadata", std::move(usage)},
            {"modelVersion", id_.model},
            {"responseId", id_.id}};
  }
  Json candidate_json(std::uint32_t index, Json parts, bool last) {
    Candidate& c = candidates_[index];
    Json out = {{"index", index}, {"content", {{"role", "model"}, {"parts", std::move(parts)}}}};
    if (last) out["finishReason"] = c.reason;
    if (!logprobs_) return out;
    if (last && c.tokens > 0) out["avgLogprobs"] = c.logprob_sum / c.tokens;
    if (c.chosen.empty() && !(last && !stream_)) return out;
    Json result = {{"chosenCandidates", std::move(c.chosen)}};
    if (*logprobs_ > 0) result["topCandidates"] = std::move(c.top);
    c.chosen = Json::array();
    c.top = Json::array();
    out["logprobsResult"] = std::move(result);
    return out;
  }
  std::string chunk(std::uint32_t index, Json part, bool last) {
    Json candidates = Json::array({candidate_json(index, Json::array({std::move(part)}), last)});
    const std::string text = dump(answer(std::move(candidates), last));
    const bool first = !std::exchange(begun_, true);
    return events_ ? fmt::format("data: {}\n\n", text) : (first ? "[" : ",\n") + text;
  }
  std::string add_part(std::uint32_t index, Json part) {
    if (stream_) return chunk(index, std::move(part), false);
    Json& parts = candidates_[index].parts;
    const bool grows = !parts.empty() && part.contains("text") && parts.back().contains("text") &&
                       part.contains("thought") == parts.back().contains("thought");
    if (grows) {
      parts.back()["text"].get_ref<std::string&>() += part["text"].get_ref<const std::string&>();
    } else {
      parts.push_back(std::move(part));
    }
    return {};
  }
  // A call is told as a whole, as soon as it is: its arguments are an object.
  std::string add_call(std::uint32_t index) {
    Candidate& c = candidates_[index];
    Json arguments = Json::object();
    if (!c.arguments.empty()) arguments = Json::parse(c.arguments, nullptr, false);
    if (!arguments.is_object()) arguments = Json::object();
    return add_part(index, {{"functionCall",
                             {{"id", fmt::format("call_{}{:02x}{:02x}", id_.id, index, c.calls++)},
                              {"name", std::exchange(c.name, {})},
                              {"args", std::move(arguments)}}}});
  }
  void add_logprobs(Candidate& c, const engine::TokenLogprobs& token) const {
    c.chosen.push_back(token_json(token.sampled));
    Json top = Json::array();
    for (const engine::TokenLogprob& t : token.top) top.push_back(token_json(t));
    c.top.push_back({{"candidates", std::move(top)}});
    c.logprob_sum += token.sampled.logprob;
    ++c.tokens;
  }
  std::string finish(const Ended& ended) {
    completion_tokens_ += ended.usage.completion_tokens;
    thinking_tokens_ += ended.thinking_tokens;
    Candidate& c = candidates_[ended.choice];
    c.reason = ended.reason == Reason::length ? "MAX_TOKENS" : ended.reason == Reason::cancelled ? "OTHER" : "STOP";
    return stream_ ? chunk(ended.choice, {{"text", ""}}, true) : std::string();
  }

  const bool stream_, events_, thoughts_;
  const std::optional<std::uint32_t> logprobs_;
  const AnswerId id_;
  std::vector<Candidate> candidates_;
  bool begun_ = false;  // a stream: the first chunk is out
  std::uint64_t prompt_tokens_ = 0, cached_tokens_ = 0, completion_tokens_ = 0, thinking_tokens_ = 0;
};

}  // namespace

std::unique_ptr<Encoder> generate_encoder(const GenerateCall& call, AnswerId id, bool events) {
  return std::make_unique<Generate>(call, std::move(id), events);
}

}  // namespace freehold::api::gemini
