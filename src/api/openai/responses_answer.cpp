// Answers of POST /v1/responses: one object, or named events that build it.
#include <fmt/format.h>

#include "api/openai/answer_base_json.h"
#include "api/openai/openai.h"
#include "api/openai/responses.h"

namespace freehold::api::openai {
namespace {

class Response : public Encoder {
 public:
  Response(ResponseCall call, AnswerId id, std::function<void(StoredResponse)> keep)
      : call_(std::move(call)), id_(std::move(id)), keep_(std::move(keep)) {}

  std::string content_type() const override { return call_.call.stream ? "text/event-stream" : "application/json"; }

  std::string begin() override {
    const Json response = whole("in_progress");
    std::string out = event("response.created", {{"response", response}});
    return out += event("response.in_progress", {{"response", response}});
  }

  std::string add(const Piece& piece) override {
    if (const auto* begun = std::get_if<Begun>(&piece)) {
      prompt_tokens_ = begun->prompt_tokens;
      cached_tokens_ = begun->cached_tokens;
      return {};
    }
    if (const auto* text = std::get_if<Text>(&piece)) return add_text(text->text);
    if (const auto* thinking = std::get_if<Thinking>(&piece)) {
      std::string out;
      if (open_ != Open::reasoning) out = closed_then(&Response::open_reasoning);
      text_ += thinking->text;
      return out += event(thoughts("text.delta"), with(place(), "delta", std::string(thinking->text)));
    }
    if (const auto* start = std::get_if<ToolStart>(&piece)) {
      std::string out = close();
      return out += open_call(start->name);
    }
    if (const auto* arguments = std::get_if<ToolArguments>(&piece)) {
      text_ += arguments->fragment;
      return event(
          "response.function_call_arguments.delta",
          {{"item_id", item_["id"]}, {"output_index", output_.size()}, {"delta", std::string(arguments->fragment)}});
    }
    if (std::holds_alternative<ToolEnd>(piece)) return close();
    if (const auto* token = std::get_if<Logprobs>(&piece)) {
      pending_.push_back(logprob_json(*token->token));
      return {};
    }
    if (const auto* ended = std::get_if<Ended>(&piece)) {
      usage_ = {{"input_tokens", prompt_tokens_},
                {"input_tokens_details", {{"cached_tokens", cached_tokens_}}},
                {"output_tokens", ended->usage.completion_tokens},
                {"output_tokens_details", {{"reasoning_tokens", ended->thinking_tokens}}},
                {"total_tokens", prompt_tokens_ + ended->usage.completion_tokens}};
      cut_ = ended->reason == Reason::length || ended->reason == Reason::cancelled;
      cancelled_ = ended->reason == Reason::cancelled;
      std::string out = open_ == Open::nothing && output_.empty() ? open_message() : std::string();
      return out += close();
    }
    return {};
  }

  std::string end() override {
    const Json response = whole(cancelled_ ? "cancelled" : cut_ ? "incomplete" : "completed");
    if (keep_) {
      auto conversation = parse_json(call_.conversation);
      Json items = conversation ? std::move(*conversation) : Json::array();
      for (const Json& item : output_) items.push_back(item);
      made_ = {response["id"].get<std::string>(), dump(response), call_.input_items, dump(items), {}};
      made_->streamed = call_.call.stream;
    }
    if (!call_.call.stream) return dump(response);
    return event(cut_ ? "response.incomplete" : "response.completed", {{"response", response}});
  }

  void recorded() override {
    if (keep_ && made_) keep_(*std::exchange(made_, std::nullopt));
  }

  std::string whole_text(std::string_view status) const { return dump(whole(status)); }

  std::string broken(const Failure& failure) override {
    Json response = whole("failed");
    response["error"] = {{"code", "server_error"}, {"message", failure.message}};
    return event("response.failed", {{"response", std::move(response)}});
  }

 private:
  enum class Open { nothing, message, call, reasoning };

  static Json logprob_json(const engine::TokenLogprobs& token) {
    const auto one = [](const engine::TokenLogprob& t) {
      return Json{{"token", std::string(t.bytes)}, {"logprob", t.logprob}, {"bytes", bytes_json(t.bytes)}};
    };
    Json out = one(token.sampled);
    out["top_logprobs"] = Json::array();
    for (const engine::TokenLogprob& t : token.top) out["top_logprobs"].push_back(one(t));
    return out;
  }

  std::string event(std::string_view type, Json data) {
    if (!call_.call.stream) return {};
    Json out = {{"type", std::string(type)}, {"sequence_number", sequence_++}};
    for (auto& item : data.items()) out[item.key()] = std::move(item.value());
    return fmt::format("event: {}\ndata: {}\n\n", type, dump(out));
  }
  Json part() const {
    return {{"type", "output_text"}, {"text", text_}, {"annotations", Json::array()}, {"logprobs", logprobs_}};
  }
  Json place() const {
    const bool summary = open_ == Open::reasoning && call_.summary;
    return {
        {"item_id", item_["id"]}, {"output_index", output_.size()}, {summary ? "summary_index" : "content_index", 0}};
  }
  // The name of an event of thoughts.
  std::string thoughts(std::string_view what) const {
    return fmt::format("response.reasoning_{}{}", call_.summary ? "summary_" : "", what);
  }
  static Json with(Json object, std::string key, Json value) {
    object[std::move(key)] = std::move(value);
    return object;
  }
  std::string added() {
    text_.clear();
    logprobs_ = Json::array();
    return event("response.output_item.added", {{"output_index", output_.size()}, {"item", item_}});
  }

  std::string open_message() {
    open_ = Open::message;
    item_ = {{"type", "message"},
             {"id", fmt::format("msg_{}o{}", id_.id, output_.size())},
             {"role", "assistant"},
             {"status", "in_progress"},
             {"content", Json::array()}};
    std::string out = added();
    return out += event("response.content_part.added", with(place(), "part", part()));
  }
  std::string open_call(std::string_view name) {
    open_ = Open::call;
    item_ = {{"type", "function_call"},
             {"id", fmt::format("fc_{}o{}", id_.id, output_.size())},
             {"call_id", fmt::format("call_{}o{}", id_.id, output_.size())},
             {"name", std::string(name)},
             {"arguments", ""},
             {"status", "in_progress"}};
    return added();
  }
  std::string open_reasoning() {
    open_ = Open::reasoning;
    item_ = {
        {"type", "reasoning"}, {"id", fmt::format("rs_{}o{}", id_.id, output_.size())}, {"summary", Json::array()}};
    if (!call_.summary) item_["content"] = Json::array();
    std::string out = added();
    return out += event(call_.summary ? thoughts("part.added") : "response.content_part.added",
                        with(place(), "part", thought()));
  }
  Json thought() const { return {{"type", call_.summary ? "summary_text" : "reasoning_text"}, {"text", text_}}; }
  std::string add_text(std::string_view text) {
    std::string out;
    if (open_ != Open::message) out = closed_then(&Response::open_message);
    text_ += text;
    Json data = place();
    data["delta"] = std::string(text);
    data["logprobs"] = pending_;
    for (Json& entry : pending_) logprobs_.push_back(std::move(entry));
    pending_ = Json::array();
    return out += event("response.output_text.delta", std::move(data));
  }
  std::string close() {
    std::string out;
    const bool whole_item = !cut_;
    if (open_ == Open::message) {
      for (Json& entry : pending_) logprobs_.push_back(std::move(entry));
      pending_ = Json::array();
      out = event("response.output_text.done", with(with(place(), "text", text_), "logprobs", logprobs_));
      out += event("response.content_part.done", with(place(), "part", part()));
      item_["content"] = Json::array({part()});
      item_["status"] = whole_item ? "completed" : "incomplete";
    } else if (open_ == Open::call) {
      if (text_.empty() && whole_item) text_ = "{}";
      out = event(
          "response.function_call_arguments.done",
          {{"item_id", item_["id"]}, {"output_index", output_.size()}, {"name", item_["name"]}, {"arguments", text_}});
      item_["arguments"] = text_;
      item_["status"] = whole_item ? "completed" : "incomplete";
    } else if (open_ == Open::reasoning) {
      out = event(thoughts("text.done"), with(place(), "text", text_));
      out +=
          event(call_.summary ? thoughts("part.done") : "response.content_part.done", with(place(), "part", thought()));
      item_[call_.summary ? "summary" : "content"] = Json::array({thought()});
    } else {
      return out;
    }
    out += event("response.output_item.done", {{"output_index", output_.size()}, {"item", item_}});
    output_.push_back(std::move(item_));
    item_ = Json();
    open_ = Open::nothing;
    return out;
  }

  std::string closed_then(std::string (Response::*open)()) {
    std::string out = close();
    return out += (this->*open)();
  }

  Json whole(std::string_view status) const {
    Json out = {{"id", "resp_" + id_.id},
                {"object", "response"},
                {"created_at", id_.created},
                {"status", std::string(status)},
                {"error", nullptr},
                {"incomplete_details", status == "incomplete" ? Json{{"reason", "max_output_tokens"}} : Json(nullptr)},
                {"model", id_.model},
                {"output", output_}};
    auto settings = parse_json(call_.settings);
    if (settings) {
      for (auto& item : settings->items()) out[item.key()] = std::move(item.value());
    }
    out["usage"] = usage_;
    return out;
  }

  ResponseCall call_;
  const AnswerId id_;
  const std::function<void(StoredResponse)> keep_;
  std::optional<StoredResponse> made_;  // for it, until it is recorded
  Open open_ = Open::nothing;
  Json item_;                      // that is open
  std::string text_;               // its text, thoughts or arguments
  Json logprobs_ = Json::array();  // of the open message
  Json pending_ = Json::array();   // whose text has not come yet
  Json output_ = Json::array();    // the items that are closed
  Json usage_;
  std::uint64_t prompt_tokens_ = 0, cached_tokens_ = 0, sequence_ = 0;
  bool cut_ = false, cancelled_ = false;
};

}  // namespace

std::string begun_json(const ResponseCall& call, const AnswerId& id) {
  return Response(call, id, {}).whole_text("in_progress");
}

std::unique_ptr<Encoder> response_encoder(ResponseCall call, AnswerId id, std::function<void(StoredResponse)> keep) {
  return std::make_unique<Response>(std::move(call), std::move(id), std::move(keep));
}

}  // namespace freehold::api::openai
