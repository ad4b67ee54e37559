// Answers of POST /api/generate and /api/chat: one object, or one a line (NDJSON) as they come.
#include <fmt/format.h>

#include <ctime>
#include <nlohmann/json.hpp>

#include "api/fields.h"
#include "api/ollama/ollama.h"

namespace freehold::api::ollama {
namespace {

std::chrono::system_clock::time_point now(const Clock& clock) {
  return clock ? clock() : std::chrono::system_clock::now();
}

std::int64_t nanoseconds(double seconds) {
  return static_cast<std::int64_t>(seconds * 1e9);
}

Json token_json(const engine::TokenLogprob& t) {
  Json bytes = Json::array();
  for (char c : t.bytes) bytes.push_back(static_cast<unsigned char>(c));
  return {{"token", std::string(t.bytes)}, {"logprob", t.logprob}, {"bytes", std::move(bytes)}};
}

class Answer : public Encoder {
 public:
  Answer(const Call& call, AnswerId id, bool chat, bool context, Clock clock)
      : stream_(call.stream),
        chat_(chat),
        with_logprobs_(call.request.logprobs.has_value()),
        with_context_(context),
        id_(std::move(id)),
        clock_(std::move(clock)) {}

  std::string content_type() const override { return stream_ ? "application/x-ndjson" : "application/json"; }

  std::string add(const Piece& piece) override {
    if (const auto* text = std::get_if<Text>(&piece)) {
      text_ += text->text;
      return line(std::string(text->text), {}, nullptr);
    }
    if (const auto* thinking = std::get_if<Thinking>(&piece)) {
      thinking_ += thinking->text;
      return line({}, std::string(thinking->text), nullptr);
    }
    if (const auto* start = std::get_if<ToolStart>(&piece)) {
      name_ = start->name;
      arguments_.clear();
    } else if (const auto* more = std::get_if<ToolArguments>(&piece)) {
      arguments_ += more->fragment;
    } else if (std::holds_alternative<ToolEnd>(piece)) {
      return end_call();
    } else if (const auto* token = std::get_if<Logprobs>(&piece)) {
      add_logprobs(*token->token);
    } else if (const auto* begun = std::get_if<Begun>(&piece)) {
      prompt_tokens_ = begun->prompt_tokens;
    } else if (const auto* ended = std::get_if<Ended>(&piece)) {
      reason_ = ended->reason;
      usage_ = ended->usage;
      if (with_context_) tokens_.assign(ended->tokens.begin(), ended->tokens.end());
    }
    return {};
  }

  std::string end() override {
    Json out = head();
    put(out, stream_ ? std::string() : text_, stream_ ? std::string() : thinking_,
        stream_ || calls_.empty() ? Json(nullptr) : std::move(calls_));
    out["done"] = true;
    out["done_reason"] = reason_ == Reason::length ? "length" : reason_ == Reason::cancelled ? "cancelled" : "stop";
    if (with_context_) out["context"] = tokens_;
    // Loading was done before; what a client waits for before its prompt is read is its turn.
    const std::int64_t waited = nanoseconds(usage_.queue_seconds), read = nanoseconds(usage_.prefill_seconds),
                       wrote = nanoseconds(usage_.decode_seconds);
    out["total_duration"] = waited + read + wrote;
    out["load_duration"] = waited;
    out["prompt_eval_count"] = prompt_tokens_;
    out["prompt_eval_duration"] = read;
    out["eval_count"] = usage_.completion_tokens;
    out["eval_duration"] = wrote;
    take_logprobs(out);
    return dump(out) + (stream_ ? "\n" : "");
  }

  std::string broken(const Failure& failure) override { return error_json(failure) + "\n"; }

 private:
  Json head() const { return {{"model", id_.model}, {"created_at", rfc3339(now(clock_))}}; }

  // The answer's text where this endpoint has it.
  void put(Json& out, std::string text, std::string thinking, Json calls) const {
    Json& at = chat_ ? out["message"] = {{"role", "assistant"}} : out;
    at[chat_ ? "content" : "response"] = std::move(text);
    if (!thinking.empty()) at["thinking"] = std::move(thinking);
    if (!calls.is_null()) at["tool_calls"] = std::move(calls);
  }

  void take_logprobs(Json& out) {
    if (!with_logprobs_ || logprobs_.empty()) return;
    out["logprobs"] = std::move(logprobs_);
    logprobs_ = Json::array();
  }

  std::string line(std::string text, std::string thinking, Json calls) {
    if (!stream_) return {};
    Json out = head();
    put(out, std::move(text), std::move(thinking), std::move(calls));
    out["done"] = false;
    take_logprobs(out);
    return dump(out) + "\n";
  }

  // A call is sent whole: its arguments are an object. One that was cut has none, and is left out; done_reason is then
  // "length".
  std::string end_call() {
    auto arguments = parse_object(arguments_);
    Json call = {
        {"id", fmt::format("call_{}{:02x}", id_.id, number_)},
        {"function",
         {{"index", number_}, {"name", name_}, {"arguments", arguments ? std::move(*arguments) : Json::object()}}}};
    ++number_;
    if (stream_) return line({}, {}, Json::array({std::move(call)}));
    calls_.push_back(std::move(call));
    return {};
  }

  void add_logprobs(const engine::TokenLogprobs& token) {
    Json entry = token_json(token.sampled);
    if (!token.top.empty()) {
      entry["top_logprobs"] = Json::array();
      for (const engine::TokenLogprob& t : token.top) entry["top_logprobs"].push_back(token_json(t));
    }
    logprobs_.push_back(std::move(entry));
  }

  const bool stream_, chat_, with_logprobs_, with_context_;
  const AnswerId id_;
  const Clock clock_;
  std::string text_, thinking_;
  std::string name_, arguments_;  // of the call under way
  std::uint32_t number_ = 0;      // of calls
  Json calls_ = Json::array(), logprobs_ = Json::array();
  std::uint32_t prompt_tokens_ = 0;
  Reason reason_ = Reason::stop;
  engine::Usage usage_;
  std::vector<std::int32_t> tokens_;
};

}  // namespace

std::unique_ptr<Encoder> generate_encoder(const Call& call, AnswerId id, bool context, Clock clock) {
  return std::make_unique<Answer>(call, std::move(id), false, context, std::move(clock));
}

std::unique_ptr<Encoder> chat_encoder(const Call& call, AnswerId id, Clock clock) {
  return std::make_unique<Answer>(call, std::move(id), true, false, std::move(clock));
}

std::string loaded_json(const Asked& asked, bool chat, const Clock& clock) {
  Json out = {{"model", asked.call.model}, {"created_at", rfc3339(now(clock))}};
  if (chat) {
    out["message"] = {{"role", "assistant"}, {"content", ""}};
  } else {
    out["response"] = "";
  }
  out["done"] = true;
  out["done_reason"] = asked.work == Asked::Work::unload ? "unload" : "load";
  return dump(out) + (asked.call.stream ? "\n" : "");
}

std::string rfc3339(std::chrono::system_clock::time_point time) {
  const auto since = std::chrono::duration_cast<std::chrono::nanoseconds>(time.time_since_epoch()).count();
  const std::int64_t seconds = since / 1'000'000'000, rest = since % 1'000'000'000;
  const std::time_t t = seconds;
  std::tm utc{};
  ::gmtime_r(&t, &utc);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:09}Z", utc.tm_year + 1900, utc.tm_mon + 1, utc.tm_mday,
                     utc.tm_hour, utc.tm_min, utc.tm_sec, rest);
}

std::string error_json(const Failure& failure) {
  // By these words clients know that they have to shorten it.
  constexpr std::string_view kTooLong = "the input length exceeds the context length";
  const bool unsaid = failure.problem == Problem::context_length && failure.message.find(kTooLong) == std::string::npos;
  return dump({{"error", unsaid ? fmt::format("{}: {}", kTooLong, failure.message) : failure.message}});
}

}  // namespace freehold::api::ollama
