#include "api/openai/fine_tuning_data.h"

#include <fmt/format.h>

#include <algorithm>
#include <initializer_list>
#include <nlohmann/json.hpp>
#include <optional>

#include "api/fields.h"
#include "base/utf8.h"

namespace freehold::api::openai {
namespace {

template <typename T>
using Checked = tl::expected<T, std::string>;

tl::unexpected<std::string> wrong(std::string what) {
  return tl::unexpected(std::move(what));
}

// What is not known may be meant to change what is learned.
std::optional<std::string> unknown_key(const Json& object, std::initializer_list<std::string_view> known,
                                       const std::string& where) {
  for (const auto& item : object.items()) {
    if (std::find(known.begin(), known.end(), item.key()) != known.end()) continue;
    if (item.key() == "functions" || item.key() == "function_call") {
      return fmt::format("{}'{}' is not supported: write 'tools' and 'tool_calls'", where, item.key());
    }
    return fmt::format("{}'{}' is no key here: there are {}", where, printable(item.key()), fmt::join(known, ", "));
  }
  return std::nullopt;
}

const Json* member(const Json& object, const char* key) {
  const auto found = object.find(key);
  return found == object.end() || found->is_null() ? nullptr : &*found;
}

// Text, or parts of text one after the other.
Checked<std::string> text_of(const Json& content, const std::string& where) {
  if (content.is_string()) return content.get<std::string>();
  if (!content.is_array()) return wrong(where + "'content' must be a string, or a list of text parts");
  std::string text;
  for (const Json& part : content) {
    const Json* type = part.is_object() ? member(part, "type") : nullptr;
    const Json* own = part.is_object() ? member(part, "text") : nullptr;
    if (type == nullptr || *type != "text" || own == nullptr || !own->is_string()) {
      return wrong(where + "a part of 'content' is no text: models here learn from text alone");
    }
    text += own->get_ref<const std::string&>();
  }
  return text;
}

// As templates want calls: the arguments are an object, not its text.
Checked<Json> calls_of(const Json& calls, const std::string& where) {
  const auto broken = [&](const char* what) { return wrong(fmt::format("{}'tool_calls' {}", where, what)); };
  if (!calls.is_array() || calls.empty()) return broken("must be a list of calls");
  Json out = Json::array();
  for (const Json& call : calls) {
    const Json* function = call.is_object() ? member(call, "function") : nullptr;
    const Json* name = function != nullptr && function->is_object() ? member(*function, "name") : nullptr;
    if (name == nullptr || !name->is_string()) return broken("has a call without 'function.name'");
    Json arguments = Json::object();
    if (const Json* given = member(*function, "arguments"); given != nullptr) {
      if (given->is_object()) {
        arguments = *given;
      } else {
        const auto parsed = given->is_string() ? parse_json(given->get_ref<const std::string&>())
                                               : Parsed<Json>(tl::unexpected(Failure{}));
        if (!parsed || !parsed->is_object()) return broken("has 'arguments' that are not the text of a JSON object");
        arguments = *parsed;
      }
    }
    Json made = {{"type", "function"}, {"function", {{"name", *name}, {"arguments", std::move(arguments)}}}};
    if (const Json* id = member(call, "id"); id != nullptr) made["id"] = *id;
    out.push_back(std::move(made));
  }
  return out;
}

struct Message {
  Json json;
  bool assistant = false, learned = false, tools = false;
};

Checked<Message> message_of(const Json& from, const std::string& where, bool may_weigh) {
  if (!from.is_object()) return wrong(where + "it is no object");
  if (auto problem = unknown_key(
          from, {"role", "content", "name", "weight", "tool_calls", "tool_call_id", "refusal", "function_call"},
          where)) {
    return wrong(std::move(*problem));
  }
  if (member(from, "function_call") != nullptr)
    return wrong(where + "'function_call' is not supported: write 'tool_calls'");
  if (member(from, "refusal") != nullptr) return wrong(where + "'refusal' is not supported: write it as 'content'");
  const Json* role = member(from, "role");
  std::string name = role != nullptr && role->is_string() ? role->get<std::string>() : std::string();
  constexpr std::string_view kRoles[] = {"system", "developer", "user", "assistant", "tool"};
  if (std::find(std::begin(kRoles), std::end(kRoles), name) == std::end(kRoles)) {
    return wrong(fmt::format("{}'role' must be one of {}", where, fmt::join(kRoles, ", ")));
  }
  if (name == "developer") name = "system";
  Message out;
  out.assistant = name == "assistant";
  out.json = {{"role", name}, {"content", nullptr}};
  const Json *calls = member(from, "tool_calls"), *content = member(from, "content");
  if (calls != nullptr) {
    if (!out.assistant) return wrong(where + "only the assistant has 'tool_calls'");
    auto made = calls_of(*calls, where);
    if (!made) return wrong(std::move(made).error());
    out.json["tool_calls"] = std::move(*made);
    out.tools = true;
  }
  if (content == nullptr && calls == nullptr) return wrong(where + "there is no 'content'");
  if (content != nullptr) {
    auto text = text_of(*content, where);
    if (!text) return wrong(std::move(text).error());
    out.json["content"] = std::move(*text);
  }
  for (const char* key : {"name", "tool_call_id"}) {
    const Json* value = member(from, key);
    if (value == nullptr) continue;
    if (!value->is_string()) return wrong(fmt::format("{}'{}' must be a string", where, key));
    out.json[key] = *value;
  }
  out.tools |= name == "tool";
  out.learned = out.assistant;
  if (const Json* weight = member(from, "weight"); weight != nullptr) {
    if (!out.assistant || !may_weigh) return wrong(where + "'weight' is for the assistant's messages alone");
    if (*weight != 0 && *weight != 1) return wrong(where + "'weight' must be 0 or 1");
    out.learned = *weight == 1;
    out.json["weight"] = out.learned ? 1 : 0;
  }
  return out;
}

struct Talk {
  Json json;
  bool learned = false, tools = false;
};

// "messages" and "tools" of an object.
Checked<Talk> conversation_of(const Json& from, const std::string& where, bool may_weigh) {
  Talk out;
  const Json* messages = member(from, "messages");
  if (messages == nullptr || !messages->is_array() || messages->empty()) {
    return wrong(where + "there is no list 'messages' with a message in it");
  }
  Json list = Json::array();
  for (std::size_t i = 0; i < messages->size(); ++i) {
    auto message = message_of((*messages)[i], fmt::format("{}message {}: ", where, i + 1), may_weigh);
    if (!message) return wrong(std::move(message).error());
    out.learned |= message->learned;
    out.tools |= message->tools;
    list.push_back(std::move(message->json));
  }
  out.json["messages"] = std::move(list);
  if (const Json* tools = member(from, "tools"); tools != nullptr) {
    if (!tools->is_array()) return wrong(where + "'tools' must be a list");
    for (const Json& tool : *tools) {
      const Json* function = tool.is_object() ? member(tool, "function") : nullptr;
      const Json* name = function != nullptr && function->is_object() ? member(*function, "name") : nullptr;
      if (name == nullptr || !name->is_string()) return wrong(where + "'tools' has one without 'function.name'");
    }
    out.tools |= !tools->empty();
    if (!tools->empty()) out.json["tools"] = *tools;
  }
  const Json* parallel = member(from, "parallel_tool_calls");
  if (parallel != nullptr && !parallel->is_boolean())
    return wrong(where + "'parallel_tool_calls' must be true or false");
  return out;
}

Checked<TuningRow> chat_row(const Json& root) {
  if (auto problem = unknown_key(root, {"messages", "tools", "parallel_tool_calls"}, ""))
    return wrong(std::move(*problem));
  auto chat = conversation_of(root, "", true);
  if (!chat) return wrong(std::move(chat).error());
  if (!chat->learned) return wrong("no message of the assistant has a weight: there is nothing to learn");
  return TuningRow{TuningRows::chat, dump(chat->json), chat->tools};
}

Checked<TuningRow> completion_row(const Json& root) {
  if (auto problem = unknown_key(root, {"prompt", "completion"}, "")) return wrong(std::move(*problem));
  for (const char* key : {"prompt", "completion"}) {
    const Json* value = member(root, key);
    if (value == nullptr || !value->is_string()) return wrong(fmt::format("'{}' must be a string", key));
  }
  if (root["completion"].get_ref<const std::string&>().empty())
    return wrong("'completion' is empty: there is nothing to learn");
  return TuningRow{TuningRows::completions, dump(root), false};
}

Checked<TuningRow> preference_row(const Json& root) {
  if (auto problem = unknown_key(root, {"input", "preferred_output", "non_preferred_output"}, "")) {
    return wrong(std::move(*problem));
  }
  const Json* input = member(root, "input");
  if (input == nullptr || !input->is_object()) return wrong("'input' must be an object with 'messages'");
  if (auto problem = unknown_key(*input, {"messages", "tools", "parallel_tool_calls"}, "input: ")) {
    return wrong(std::move(*problem));
  }
  auto chat = conversation_of(*input, "input: ", false);
  if (!chat) return wrong(std::move(chat).error());
  for (const auto& [key, to] :
       {std::pair("preferred_output", "chosen"), std::pair("non_preferred_output", "rejected")}) {
    const Json* output = member(root, key);
    if (output == nullptr || !output->is_array() || output->size() != 1) {
      return wrong(fmt::format("'{}' must be a list of one message", key));
    }
    auto message = message_of((*output)[0], fmt::format("{}: ", key), false);
    if (!message) return wrong(std::move(message).error());
    if (!message->assistant) return wrong(fmt::format("'{}' must be a message of the assistant", key));
    chat->tools |= message->tools;
    chat->json[to] = std::move(message->json);
  }
  return TuningRow{TuningRows::preferences, dump(chat->json), chat->tools};
}

}  // namespace

tl::expected<TuningRow, std::string> parse_tuning_line(std::string_view line, TuningMethod method) {
  const auto root = parse_json(line);
  if (!root) {
    std::string what = root.error().message;
    if (what.starts_with("the body")) what.replace(0, 8, "it");
    return wrong(std::move(what));
  }
  if (!root->is_object()) return wrong("it is no JSON object");
  if (method == TuningMethod::dpo) return preference_row(*root);
  if (root->contains("messages") || !root->contains("prompt")) return chat_row(*root);
  return completion_row(*root);
}

}  // namespace freehold::api::openai
