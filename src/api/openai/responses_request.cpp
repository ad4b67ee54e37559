// Requests of POST /v1/responses, and what items become for a chat template.
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "api/openai/common.h"
#include "api/openai/responses.h"
#include "api/tool_use.h"
#include "base/utf8.h"

namespace freehold::api::openai {
namespace {

Parsed<void> parse_tools(Fields& f, ToolUse& use) {
  FH_TRY_VOID(parse_tool_list(f, false, use));
  if (const Json* choice = f.find("tool_choice"); choice != nullptr) {
    const char* kExpected = "none, auto, required, or {\"type\": \"function\", \"name\": …}";
    if (choice->is_string()) {
      const auto text = choice->get<std::string>();
      if (text != "none" && text != "auto" && text != "required") return f.wrong("tool_choice", kExpected);
      use.choice = text == "none" ? ToolChoice::none : text == "auto" ? ToolChoice::automatic : ToolChoice::required;
    } else {
      if (!choice->is_object()) return f.wrong("tool_choice", kExpected);
      Fields c(*choice, "tool_choice");
      FH_TRY(auto type, c.string("type"));
      FH_TRY(auto name, c.string("name"));
      if (type != "function" || !name) return f.wrong("tool_choice", kExpected);
      use.choice = ToolChoice::required;
      use.allowed = {*name};
      use.named = true;
    }
  }
  return check_tool_use(use, "tools", "tool_choice");
}

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
      out["content"] =
          Json::array({{{"type", role == "assistant" ? "output_text" : "input_text"}, {"text", std::move(text)}}});
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

Parsed<ResponseCall> parse_response(std::string_view body, std::string_view id) {
  FH_TRY(const Json root, parse_object(body));
  Fields f(root);
  ResponseCall out;
  Call& call = out.call;
  FH_TRY(call, parse_common(f));
  if (call.request.n != 1) return f.wrong("n", "1 here");
  FH_TRY(auto limit, f.integer("max_output_tokens", 1, kMostTokens));
  call.request.max_tokens = static_cast<std::uint32_t>(limit.value_or(0));
  for (const char* key : {"conversation", "prompt"}) {
    if (f.find(key) != nullptr) return refuse(Problem::invalid, fmt::format("'{}' is not supported", key), key);
  }
  if (const Json* metadata = f.find("metadata");
      metadata != nullptr && (!metadata->is_object() || metadata->size() > 16)) {
    return f.wrong("metadata", "an object of at most 16 texts");
  }
  for (const char* key : {"previous_response_id", "instructions"}) {
    FH_TRY(auto text, f.string(key));
    (std::string_view(key) == "instructions" ? out.instructions : out.previous) = text.value_or("");
  }
  FH_TRY(auto store, f.boolean("store"));
  out.store = store.value_or(true);
  FH_TRY(auto background, f.boolean("background"));
  if (background.value_or(false)) return refuse(Problem::invalid, "'background' is not supported", "background");
  FH_TRY(auto truncation, f.string("truncation"));
  if (truncation && *truncation != "disabled") {
    return refuse(Problem::invalid, "'truncation' must be disabled: nothing is cut here", "truncation");
  }
  FH_TRY(auto top, f.integer("top_logprobs", 0, 20));
  bool logprobs = top.has_value();
  if (const Json* include = f.find("include"); include != nullptr) {
    if (!include->is_array()) return f.wrong("include", "an array");
    for (const Json& what : *include) {
      if (what == "message.output_text.logprobs") {
        logprobs = true;
      } else if (what != "reasoning.encrypted_content") {
        return f.wrong("include", "of message.output_text.logprobs only");
      }
    }
  }
  if (logprobs) call.request.logprobs = static_cast<std::uint32_t>(top.value_or(0));
  FH_TRY_VOID(parse_tools(f, call.tool_use));
  Json format = {{"type", "text"}};
  if (const Json* text = f.find("text"); text != nullptr) {
    if (!text->is_object()) return f.wrong("text", "an object");
    Fields t(*text, "text");
    if (const Json* given = t.find("format"); given != nullptr) {
      FH_TRY(call.format, parse_format(*given, "text.format"));
      format = *given;
    }
    for (std::string& name : t.left_over()) call.ignored.push_back(std::move(name));
  }
  FH_TRY(const Json items, parse_items(f, id));
  out.input_items = dump(items);
  // What the response repeats.
  const auto given = [&](const char* key, const Json& fallback) {
    const Json* value = f.find(key);
    return value != nullptr ? *value : fallback;
  };
  const Json settings = {{"instructions", given("instructions", nullptr)},
                         {"max_output_tokens", given("max_output_tokens", nullptr)},
                         {"metadata", given("metadata", Json::object())},
                         {"parallel_tool_calls", call.tool_use.parallel},
                         {"previous_response_id", given("previous_response_id", nullptr)},
                         {"reasoning", {{"effort", nullptr}, {"summary", nullptr}}},
                         {"store", out.store},
                         {"temperature", given("temperature", 1)},
                         {"text", {{"format", std::move(format)}}},
                         {"tool_choice", given("tool_choice", "auto")},
                         {"tools", given("tools", Json::array())},
                         {"top_logprobs", given("top_logprobs", 0)},
                         {"top_p", given("top_p", 1)},
                         {"truncation", "disabled"},
                         {"user", given("user", nullptr)}};
  out.settings = dump(settings);
  add_left_over(f, call);
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

std::string input_tokens_json(std::size_t tokens) {
  return dump({{"object", "response.input_tokens"}, {"input_tokens", tokens}});
}

std::string input_items_json(const StoredResponse& stored) {
  auto items = parse_json(stored.input_items);
  Json data = items ? std::move(*items) : Json::array();
  const Json first = data.empty() ? Json(nullptr) : data.front()["id"];
  const Json last = data.empty() ? Json(nullptr) : data.back()["id"];
  return dump(
      {{"object", "list"}, {"data", std::move(data)}, {"first_id", first}, {"last_id", last}, {"has_more", false}});
}

std::string deleted_json(std::string_view id) {
  return dump({{"id", std::string(id)}, {"object", "response"}, {"deleted", true}});
}

}  // namespace freehold::api::openai
