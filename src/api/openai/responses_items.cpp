// The items of responses: what a client sends, and what they become for a chat template.
#include "api/openai/responses_items.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "api/openai/common.h"
#include "api/openai/responses.h"
#include "base/utf8.h"

namespace freehold::api::openai {
namespace {

// An input item in its full form, with a type and an id.
Parsed<Json> parse_item(const Json& item, const std::string& where, std::string_view id) {
  if (!item.is_object()) return refuse(Problem::invalid, fmt::format("'{}' must be an object", where), where);
  Fields f(item, where);
  FH_TRY(auto given_type, f.string("type"));
  const std::string type = given_type.value_or("message");
  FH_TRY(auto given_id, f.string("id"));
  if (given_id && (given_id->empty() || given_id->size() > 256)) return f.wrong("id", "of 1 to 256 characters");
  Json out = item;
  if (type == "message") {
    FH_TRY(auto role, f.string("role"));
    if (role != "user" && role != "assistant" && role != "system" && role != "developer") {
      return f.wrong("role", "one of user, assistant, system, developer");
    }
    const Json* content = f.find("content");
    if (content == nullptr) return f.wrong("content", "a string or an array of parts");
    FH_TRY(std::string text, content_text(*content, f.name("content")));
    if (content->is_string()) {
      Json part = {{"type", role == "assistant" ? "output_text" : "input_text"}, {"text", std::move(text)}};
      if (role == "assistant") part["annotations"] = Json::array();
      out["content"] = Json::array({std::move(part)});
    }
    out["type"] = "message";
    if (!out.contains("status")) out["status"] = "completed";
  } else if (type == "function_call") {
    FH_TRY(auto name, f.string("name"));
    FH_TRY(auto call_id, f.string("call_id"));
    FH_TRY(auto arguments, f.string("arguments"));
    if (!name || name->empty()) return f.wrong("name", "a string");
    if (!call_id) return f.wrong("call_id", "a string");
    if (!arguments || (!arguments->empty() && !parse_object(*arguments))) {
      return f.wrong("arguments", "the text of a JSON object");
    }
  } else if (type == "function_call_output") {
    FH_TRY(auto call_id, f.string("call_id"));
    if (!call_id) return f.wrong("call_id", "a string");
    const Json* output = f.find("output");
    if (output == nullptr) return f.wrong("output", "a string or an array of parts");
    FH_TRY(std::string text, content_text(*output, f.name("output")));
    (void)text;
  } else if (type == "item_reference") {
    FH_TRY(auto reference, f.string("id"));
    if (!reference) return f.wrong("id", "a string");
  } else if (type != "reasoning") {
    return f.wrong("type", "one of message, function_call, function_call_output, reasoning, item_reference");
  }
  if (!given_id) out["id"] = std::string(id);
  return out;
}

Json message_of(const Json& item) {
  Json out = Json::object();
  const auto role = item["role"].get<std::string>();
  out["role"] = role == "developer" ? "system" : role;
  auto text = content_text(item["content"], "content");  // checked before
  out["content"] = text ? std::move(*text) : std::string();
  return out;
}

// Calls belong to the assistant's message before them.
void add_call(Json& messages, const Json& item) {
  if (messages.empty() || messages.back()["role"] != "assistant") {
    messages.push_back({{"role", "assistant"}, {"content", ""}});
  }
  const auto text = item["arguments"].get<std::string>();
  auto arguments = parse_object(text.empty() ? "{}" : text);
  messages.back()["tool_calls"].push_back(
      {{"id", item["call_id"]},
       {"type", "function"},
       {"function", {{"name", item["name"]}, {"arguments", arguments ? std::move(*arguments) : Json::object()}}}});
}

Parsed<void> add_item(Json& messages, const Json& item, std::string_view where) {
  const std::string type = item.value("type", "message");
  if (type == "message") {
    messages.push_back(message_of(item));
  } else if (type == "function_call") {
    add_call(messages, item);
  } else if (type == "function_call_output") {
    FH_TRY(std::string text, content_text(item["output"], fmt::format("{}.output", where)));
    messages.push_back({{"role", "tool"}, {"content", std::move(text)}, {"tool_call_id", item["call_id"]}});
  }
  return {};  // thoughts are not said again
}

}  // namespace

Parsed<Json> parse_items(Fields& f, std::string_view id) {
  const Json* input = f.find("input");
  Json items = Json::array();
  if (input != nullptr && input->is_string()) {
    items.push_back({{"role", "user"}, {"content", input->get<std::string>()}});
  } else if (input != nullptr && input->is_array()) {
    items = *input;
  } else if (input != nullptr || f.find("previous_response_id") == nullptr) {
    return f.wrong("input", "a string or an array of items");
  }
  if (items.empty() && f.find("previous_response_id") == nullptr) return f.wrong("input", "at least one item");
  Json out = Json::array();
  for (std::size_t i = 0; i < items.size(); ++i) {
    FH_TRY(Json item, parse_item(items[i], fmt::format("input[{}]", i), fmt::format("msg_{}i{}", id, i)));
    out.push_back(std::move(item));
  }
  return out;
}

Parsed<void> join(ResponseCall& call, const StoredResponse* previous, const FindItem& find_item) {
  FH_TRY(Json items, previous != nullptr ? parse_json(previous->conversation) : Parsed<Json>(Json::array()));
  FH_TRY(const Json input, parse_json(call.input_items));
  for (const Json& item : input) {
    if (item.value("type", "") != "item_reference") {
      items.push_back(item);
      continue;
    }
    const auto id = item["id"].get<std::string>();
    const auto found = find_item(id);
    if (!found) {
      return refuse(Problem::not_found, fmt::format("'input': there is no item '{}'", printable(id)), "input");
    }
    FH_TRY(Json kept, parse_json(*found));
    items.push_back(std::move(kept));
  }
  Json messages = Json::array();
  if (!call.instructions.empty()) messages.push_back({{"role", "system"}, {"content", call.instructions}});
  for (std::size_t i = 0; i < items.size(); ++i) {
    FH_TRY_VOID(add_item(messages, items[i], fmt::format("input[{}]", i)));
  }
  if (messages.empty()) return refuse(Problem::invalid, "'input' holds no message", "input");
  call.conversation = dump(items);
  call.call.input = Conversation{dump(messages), {}};
  return {};
}

}  // namespace freehold::api::openai
