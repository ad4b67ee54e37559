// POST /api/generate and /api/chat: bytes to a Call.
#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "api/ollama/common.h"
#include "base/utf8.h"

namespace freehold::api::ollama {
namespace {

constexpr std::size_t kMostTools = 1024;

Parsed<void> refuse_images(Fields& f) {
  const Json* images = f.find("images");
  if (images == nullptr || *images == Json::array()) return {};
  return refuse(Problem::invalid, fmt::format("'{}': this model reads text only", f.name("images")), f.name("images"));
}

Parsed<Tool> parse_tool(const Json& entry, const std::string& where) {
  if (!entry.is_object()) return refuse(Problem::invalid, fmt::format("'{}' must be an object", where), where);
  Fields outer(entry, where);
  FH_TRY(auto type, outer.string("type"));
  if (type && *type != "function") return outer.wrong("type", "'function': other kinds of tools are not supported");
  const Json* function = outer.find("function");
  if (function == nullptr || !function->is_object()) return outer.wrong("function", "an object");
  Fields f(*function, outer.name("function"));
  Tool tool;
  FH_TRY(auto name, f.string("name"));
  const auto good = [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || c == '-' || c == '.';
  };
  if (!name || name->empty() || name->size() > 128 || !std::all_of(name->begin(), name->end(), good)) {
    return f.wrong("name", "of 1 to 128 letters, digits, '_', '-' and '.'");
  }
  tool.name = std::move(*name);
  FH_TRY(auto description, f.string("description"));
  tool.description = description.value_or("");
  if (const Json* parameters = f.find("parameters"); parameters != nullptr) {
    if (!parameters->is_object()) return f.wrong("parameters", "a JSON Schema (an object)");
    tool.parameters = dump(*parameters);
    tool.param = f.name("parameters");
  }
  return tool;
}

Parsed<void> parse_tools(Fields& f, ToolUse& use) {
  const Json* tools = f.find("tools");
  if (tools == nullptr) return {};
  if (!tools->is_array() || tools->size() > kMostTools)
    return f.wrong("tools", fmt::format("an array of at most {} tools", kMostTools));
  std::set<std::string> names;
  for (std::size_t i = 0; i < tools->size(); ++i) {
    FH_TRY(Tool tool, parse_tool((*tools)[i], fmt::format("tools[{}]", i)));
    if (!names.insert(tool.name).second)
      return refuse(Problem::invalid, fmt::format("'tools' has two functions called '{}'", tool.name), "tools");
    use.tools.push_back(std::move(tool));
  }
  return {};
}

// An earlier answer's calls: arguments are objects on this wire.
Parsed<Json> parse_calls(const Json& calls, const std::string& where, std::size_t& count) {
  if (!calls.is_array()) return refuse(Problem::invalid, fmt::format("'{}' must be an array", where), where);
  Json out = Json::array();
  for (std::size_t i = 0; i < calls.size(); ++i) {
    const std::string at = fmt::format("{}[{}].function", where, i);
    const Json* function = calls[i].is_object() && calls[i].contains("function") ? &calls[i]["function"] : nullptr;
    if (function == nullptr || !function->is_object())
      return refuse(Problem::invalid, fmt::format("'{}' must be an object", at), at);
    Fields outer(calls[i], fmt::format("{}[{}]", where, i)), f(*function, at);
    FH_TRY(auto id, outer.string("id"));
    FH_TRY(auto name, f.string("name"));
    if (!name || name->empty()) return f.wrong("name", "a string");
    const Json* arguments = f.find("arguments");
    if (arguments != nullptr && !arguments->is_object()) return f.wrong("arguments", "an object");
    out.push_back({{"id", id.value_or(fmt::format("call_{}", count++))},
                   {"type", "function"},
                   {"function", {{"name", *name}, {"arguments", arguments != nullptr ? *arguments : Json::object()}}}});
  }
  return out;
}

// `calls`: how many calls there have been, which numbers them.
Parsed<Json> parse_message(const Json& message, const std::string& where, std::size_t& calls) {
  if (!message.is_object()) return refuse(Problem::invalid, fmt::format("'{}' must be an object", where), where);
  Fields f(message, where);
  FH_TRY(auto role, f.string("role"));
  static const std::set<std::string> kRoles = {"system", "user", "assistant", "tool"};
  if (!role || !kRoles.contains(*role)) return f.wrong("role", "one of system, user, assistant, tool");
  FH_TRY(auto content, f.string("content"));
  FH_TRY_VOID(refuse_images(f));
  Json out = {{"role", *role}, {"content", content.value_or("")}};
  if (const Json* made = f.find("tool_calls"); made != nullptr && !made->empty()) {
    if (*role != "assistant") return f.wrong("tool_calls", "in a message of the assistant");
    FH_TRY(out["tool_calls"], parse_calls(*made, f.name("tool_calls"), calls));
  }
  FH_TRY(auto tool, f.string("tool_name"));
  FH_TRY(auto name, f.string("name"));  // what older clients call it
  FH_TRY(auto id, f.string("tool_call_id"));
  if (*role == "tool") {
    if (tool || name) out["name"] = tool ? *tool : *name;
    if (id) out["tool_call_id"] = *id;
  }
  FH_TRY(auto thought, f.string("thinking"));
  if (thought && !thought->empty() && *role == "assistant") out["reasoning_content"] = *thought;
  return out;
}

Parsed<std::vector<std::int32_t>> parse_context(Fields& f) {
  std::vector<std::int32_t> out;
  const Json* context = f.find("context");
  if (context == nullptr) return out;
  if (!context->is_array()) return f.wrong("context", "the array of ids that an earlier answer gave");
  out.reserve(context->size());
  for (const Json& id : *context) {
    if (!id.is_number_integer() || id.get<std::int64_t>() < 0 || id.get<std::int64_t>() > INT32_MAX) {
      return f.wrong("context", "the array of ids that an earlier answer gave");
    }
    out.push_back(id.get<std::int32_t>());
  }
  return out;
}

void add_left_over(const Fields& f, Call& call) {
  for (std::string& name : f.left_over()) call.ignored.push_back(std::move(name));
}

}  // namespace

Parsed<Asked> parse_generate(std::string_view body, const FindParameters& parameters) {
  FH_TRY(const Json root, parse_object(body));
  Fields f(root);
  FH_TRY(Asked asked, parse_common(f, parameters));
  Call& call = asked.call;
  FH_TRY(auto prompt, f.string("prompt"));
  FH_TRY(auto suffix, f.string("suffix"));
  if (suffix && !suffix->empty()) {
    return refuse(Problem::invalid, fmt::format("'suffix': \"{}\" does not support insert", printable(call.model)),
                  "suffix");
  }
  FH_TRY(auto system, f.string("system"));
  FH_TRY(auto own_template, f.string("template"));
  FH_TRY_VOID(refuse_images(f));
  FH_TRY(auto raw, f.boolean("raw"));
  asked.raw = raw.value_or(false);
  FH_TRY(call.earlier, parse_context(f));
  add_left_over(f, call);
  const bool templated = own_template && !own_template->empty();
  if (asked.raw && (templated || (system && !system->empty()) || !call.earlier.empty())) {
    return refuse(Problem::invalid, "'raw' mode does not support template, system, or context", "raw");
  }
  if (templated) {
    return refuse(
        Problem::invalid,
        "'template' is not supported: the model's own template is used (with 'raw' the prompt can hold its own)",
        "template");
  }
  if (!prompt || prompt->empty()) {
    asked.work = call.keep_alive == std::chrono::nanoseconds(0) ? Asked::Work::unload : Asked::Work::load;
    return asked;
  }
  if (asked.raw) {
    call.input = std::vector<PlainPrompt>{std::move(*prompt)};
    call.control_tokens = true;
    return asked;
  }
  Json messages = Json::array();
  if (system && !system->empty()) messages.push_back({{"role", "system"}, {"content", *system}});
  messages.push_back({{"role", "user"}, {"content", *prompt}});
  std::get<Conversation>(call.input).messages = dump(messages);
  asked.prompt = std::move(*prompt);
  return asked;
}

Parsed<Asked> parse_chat(std::string_view body, const FindParameters& parameters) {
  FH_TRY(const Json root, parse_object(body));
  Fields f(root);
  FH_TRY(Asked asked, parse_common(f, parameters));
  Call& call = asked.call;
  FH_TRY_VOID(parse_tools(f, call.tool_use));
  const Json* messages = f.find("messages");
  if (messages != nullptr && !messages->is_array()) return f.wrong("messages", "an array of messages");
  add_left_over(f, call);
  if (messages == nullptr || messages->empty()) {
    asked.work = call.keep_alive == std::chrono::nanoseconds(0) ? Asked::Work::unload : Asked::Work::load;
    return asked;
  }
  Json out = Json::array();
  std::size_t calls = 0;
  for (std::size_t i = 0; i < messages->size(); ++i) {
    FH_TRY(Json message, parse_message((*messages)[i], fmt::format("messages[{}]", i), calls));
    out.push_back(std::move(message));
  }
  auto& conversation = std::get<Conversation>(call.input);
  conversation.messages = dump(out);
  // Ollama goes on with an assistant's last message.
  conversation.continue_last = out.back()["role"] == "assistant" && !out.back().contains("tool_calls");
  return asked;
}

}  // namespace freehold::api::ollama
