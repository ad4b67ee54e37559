// Answers of POST /v1/messages: blocks that open, grow and close, in one piece or as server-sent events.
#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "api/anthropic/anthropic.h"
#include "api/anthropic/partial_input.h"
#include "api/fields.h"

namespace freehold::api::anthropic {
namespace {

// Clients drop an event without its own line, whatever the data say.
std::string as_event(std::string_view type, Json members) {
  Json data = {{"type", type}};
  for (auto& item : members.items()) data[item.key()] = std::move(item.value());
  return fmt::format("event: {}\ndata: {}\n\n", type, dump(data));
}

// The object that the fragments of a call spell; as much of it as there is if the answer was cut inside it.
Json object_of(const std::string& text) {
  Json value = Json::parse(text, nullptr, false);
  if (value.is_discarded()) value = Json::parse(completed_json(text), nullptr, false);
  return value.is_object() ? value : Json::object();
}

class Messages : public Encoder {
 public:
  Messages(const MessagesCall& call, AnswerId id, KeepThread keep)
      : stream_(call.call.stream),
        only_prompt_(call.only_prompt),
        hides_thinking_(call.hides_thinking),
        id_(std::move(id)),
        thread_(call.thread),
        keep_(std::move(keep)) {}

  std::string content_type() const override { return stream_ ? "text/event-stream" : "application/json"; }

  std::string add(const Piece& piece) override {
    std::string out;
    if (const auto* begun = std::get_if<Begun>(&piece)) {
      prompt_tokens_ = begun->prompt_tokens;
      cached_tokens_ = begun->cached_tokens;
      out = start();
    } else if (const auto* ended = std::get_if<Ended>(&piece)) {
      out = finish(*ended);
    } else if (only_prompt_) {
      return {};
    } else if (const auto* text = std::get_if<Text>(&piece)) {
      out = grow(Kind::text, "text", "text_delta", text->text);
    } else if (const auto* thinking = std::get_if<Thinking>(&piece)) {
      out = think(thinking->text);
    } else if (const auto* call = std::get_if<ToolStart>(&piece)) {
      out = close();
      blocks_.push_back({Kind::tool_use, {}, std::string(call->name)});
      out += opened();
    } else if (const auto* arguments = std::get_if<ToolArguments>(&piece)) {
      if (!open_) return {};
      out = grow(Kind::tool_use, "partial_json", "input_json_delta", arguments->fragment);
    } else if (std::holds_alternative<ToolEnd>(piece)) {
      out = close();
    }
    return stream_ ? out : std::string();
  }

  // What has not come to its end is not gone on from.
  void recorded() override {
    if (!thread_ || !keep_ || cancelled_ || only_prompt_) return;
    Json messages = Json::parse(thread_->messages);
    messages.push_back({{"role", "assistant"}, {"content", content()}});
    keep_("msg_" + id_.id, {std::move(thread_->fixed), dump(messages)});
    thread_.reset();
  }

  std::string end() override {
    if (stream_) return as_event("message_stop", Json::object());
    Json out = message();
    out["content"] = content();
    return dump(out);
  }

  std::string broken(const Failure& failure) override {
    return as_event("error", {{"error", Json::parse(error_json(failure, {}))["error"]}});
  }

 private:
  enum class Kind { text, thinking, tool_use };
  struct Block {
    Kind kind = Kind::text;
    std::string content;  // text, or the arguments
    std::string name;
  };

  Json content() const {
    Json out = Json::array();
    for (std::size_t i = 0; i < blocks_.size(); ++i) out.push_back(whole(i));
    return out;
  }
  Json usage() const {
    Json out = {{"input_tokens", prompt_tokens_ - cached_tokens_},
                {"cache_creation_input_tokens", 0},
                {"cache_read_input_tokens", cached_tokens_},
                {"output_tokens", output_tokens_}};
    if (thinking_tokens_ > 0) out["output_tokens_details"] = {{"thinking_tokens", thinking_tokens_}};
    return out;
  }
  Json message() const {
    return {{"id", "msg_" + id_.id},
            {"type", "message"},
            {"role", "assistant"},
            {"model", id_.model},
            {"content", Json::array()},
            {"stop_reason", reason_},
            {"stop_sequence", stop_sequence_},
            {"stop_details", nullptr},
            {"usage", usage()}};
  }
  std::string start() {
    started_ = true;
    return as_event("message_start", {{"message", message()}});
  }
  Json whole(std::size_t index) const {
    const Block& block = blocks_[index];
    switch (block.kind) {
      case Kind::thinking:
        return {{"type", "thinking"}, {"thinking", block.content}, {"signature", id_.id}};
      case Kind::tool_use:
        return {{"type", "tool_use"},
                {"id", fmt::format("toolu_{}{:02x}", id_.id, index)},
                {"name", block.name},
                {"input", object_of(block.content)}};
      default:
        return {{"type", "text"}, {"text", block.content}};
    }
  }
  // Of the newest block, which is still empty.
  std::string opened() {
    open_ = true;
    Json block = whole(blocks_.size() - 1);
    if (block.contains("signature")) block["signature"] = "";
    return as_event("content_block_start", {{"index", blocks_.size() - 1}, {"content_block", std::move(block)}});
  }
  std::string delta(Json what) const {
    return as_event("content_block_delta", {{"index", blocks_.size() - 1}, {"delta", std::move(what)}});
  }
  std::string close() {
    if (!open_) return {};
    open_ = false;
    std::string out;
    // Clients send thoughts back only with a signature; it means nothing to us.
    if (blocks_.back().kind == Kind::thinking) out = delta({{"type", "signature_delta"}, {"signature", id_.id}});
    return out + as_event("content_block_stop", {{"index", blocks_.size() - 1}});
  }
  std::string grow(Kind kind, std::string_view member, std::string_view type, std::string_view more) {
    std::string out;
    if (!open_ || blocks_.back().kind != kind) {
      out = close();
      blocks_.push_back({kind, {}, {}});
      out += opened();
    }
    blocks_.back().content += more;
    return out + delta({{"type", type}, {std::string(member), std::string(more)}});
  }
  std::string think(std::string_view more) {
    if (!hides_thinking_) return grow(Kind::thinking, "thinking", "thinking_delta", more);
    if (open_ && blocks_.back().kind == Kind::thinking) return {};
    std::string out = close();
    blocks_.push_back({Kind::thinking, {}, {}});
    return out + opened();
  }
  std::string finish(const Ended& ended) {
    std::string out = started_ ? std::string() : start();  // cancelled while it waited
    cancelled_ = ended.reason == Reason::cancelled;
    output_tokens_ = only_prompt_ ? 0 : ended.usage.completion_tokens;
    thinking_tokens_ = only_prompt_ ? 0 : ended.thinking_tokens;
    reason_ = only_prompt_ ? "max_tokens" : reason_text(ended.reason);
    if (ended.reason == Reason::stop_string && !only_prompt_) stop_sequence_ = std::string(ended.stop_string);
    if (!stream_) return {};
    out += close();
    const Json delta = {{"stop_reason", reason_}, {"stop_sequence", stop_sequence_}, {"stop_details", nullptr}};
    return out + as_event("message_delta", {{"delta", delta}, {"usage", usage()}});
  }
  static std::string_view reason_text(Reason reason) {
    switch (reason) {
      case Reason::length:
        return "max_tokens";
      case Reason::stop_string:
        return "stop_sequence";
      case Reason::tool_calls:
        return "tool_use";
      default:
        return "end_turn";
    }
  }

  const bool stream_, only_prompt_, hides_thinking_;
  const AnswerId id_;
  std::optional<Thread> thread_;
  const KeepThread keep_;
  std::vector<Block> blocks_;
  bool open_ = false;  // the last block may still grow
  bool started_ = false, cancelled_ = false;
  std::uint64_t prompt_tokens_ = 0, cached_tokens_ = 0, output_tokens_ = 0, thinking_tokens_ = 0;
  Json reason_, stop_sequence_;  // null until it has ended
};

}  // namespace

std::unique_ptr<Encoder> messages_encoder(const MessagesCall& call, AnswerId id, KeepThread keep) {
  return std::make_unique<Messages>(call, std::move(id), std::move(keep));
}

}  // namespace freehold::api::anthropic
