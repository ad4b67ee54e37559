// Google's generateContent (ai.google.dev/api/generate-content), streamed as server-sent events.
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "upstream/values.h"
#include "upstream/wire.h"

namespace freehold::upstream {
namespace {

using Json = nlohmann::ordered_json;

Result<Outgoing> write_contents(const Call& call, const http::Url&) {
  Json body;
  Json system = Json::array();
  body["contents"] = Json::array();
  for (const Message& m : call.messages) {
    Json part = {{"text", m.text}};
    if (m.role == Message::Role::system) {
      system.push_back(std::move(part));
    } else {
      body["contents"].push_back(
          {{"role", m.role == Message::Role::user ? "user" : "model"}, {"parts", Json::array({std::move(part)})}});
    }
  }
  if (!system.empty()) body["systemInstruction"] = {{"parts", std::move(system)}};
  Json& how = body["generationConfig"];
  how["maxOutputTokens"] = call.max_tokens;
  if (call.temperature) how["temperature"] = *call.temperature;
  if (call.top_p) how["topP"] = *call.top_p;
  if (call.seed) how["seed"] = *call.seed;
  if (!call.stop.empty()) how["stopSequences"] = call.stop;
  if (!call.schema.empty()) {
    how["responseMimeType"] = "application/json";
    how["responseJsonSchema"] = Json::parse(call.schema, nullptr, false);
  }
  return Outgoing{fmt::format("/v1beta/models/{}:streamGenerateContent?alt=sse", http::percent_encode_path(call.model)),
                  {},
                  body.dump(-1, ' ', false, Json::error_handler_t::replace)};
}

class ContentReading : public Reading {
 public:
  Result<> event(std::string_view, std::string_view data) override {
    FH_TRY(const format::Value chunk, object_of(data));
    if (const format::Value* error = chunk.member("error"); error != nullptr && !error->is_null())
      return fail(Errc::io, complaint_of(data).message);
    take(chunk);
    return {};
  }

 private:
  // One chunk, or the list of all of them, which is what streamGenerateContent gives who does not ask for events.
  Result<> take_whole(const format::Value& answer) override {
    if (answer.is_object()) take(answer);
    for (const format::Value& chunk : answer.items()) {
      if (text_at(&chunk, {"error", "message"}).empty()) {
        take(chunk);
      } else {
        return fail(Errc::corrupt, std::string(text_at(&chunk, {"error", "message"}).substr(0, 300)));
      }
    }
    return {};
  }

  void take(const format::Value& chunk) {
    if (reply_.id.empty()) reply_.id = text_at(&chunk, {"responseId"});
    if (reply_.model.empty()) reply_.model = text_at(&chunk, {"modelVersion"});
    if (const format::Value* usage = chunk.member("usageMetadata"); usage != nullptr && usage->is_object())
      count(*usage);
    if (!text_at(&chunk, {"promptFeedback", "blockReason"}).empty()) {
      reply_.ending = Ending::filtered;
      ended_ = true;
    }
    const format::Value* candidates = chunk.member("candidates");
    if (candidates == nullptr) return;
    for (const format::Value& candidate : candidates->items()) {
      if (const format::Value* parts = at(&candidate, {"content", "parts"})) {
        for (const format::Value& part : parts->items()) {
          const format::Value* thought = part.member("thought");
          if (thought == nullptr || !thought->as_bool().value_or(false)) reply_.text += text_at(&part, {"text"});
        }
      }
      const std::string_view why = text_at(&candidate, {"finishReason"});
      if (why.empty()) continue;
      ended_ = true;
      reply_.ending =
          why == "STOP"         ? Ending::stop
          : why == "MAX_TOKENS" ? Ending::length
          : why == "SAFETY" || why == "RECITATION" || why == "BLOCKLIST" || why == "PROHIBITED_CONTENT" || why == "SPII"
              ? Ending::filtered
              : Ending::other;
    }
  }

  // Each chunk that counts does so from the beginning. Counts of 0 are left out: of a blocked prompt, an answer's.
  void count(const format::Value& usage) {
    const auto part = [&](std::string_view name) -> std::optional<std::uint64_t> {
      return usage.member(name) == nullptr ? 0 : count_at(&usage, {name});
    };
    const auto answer = part("candidatesTokenCount"), thoughts = part("thoughtsTokenCount");
    counted_ = {count_at(&usage, {"promptTokenCount"}), std::nullopt,
                count_at(&usage, {"cachedContentTokenCount"}).value_or(0), 0};
    if (answer && thoughts) counted_.output = *answer + *thoughts;
    // Results of the vendor's own tools are read like the prompt.
    const auto tools = part("toolUsePromptTokenCount");
    counted_.input = counted_.input && tools ? std::optional(*counted_.input + *tools) : std::nullopt;
  }
};

}  // namespace

const Wire kGemini = {"gemini",
                      "google",
                      "https://generativelanguage.googleapis.com",
                      "GOOGLE_GEMINI_BASE_URL",
                      "GEMINI_API_KEY",
                      "x-goog-api-key",
                      "",
                      &write_contents,
                      []() -> std::unique_ptr<Reading> { return std::make_unique<ContentReading>(); }};

}  // namespace freehold::upstream
