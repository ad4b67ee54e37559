// POST /v1/chat/completions: bytes to a Call.
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "api/openai/common.h"
#include "api/openai/openai.h"
#include "api/tool_use.h"
#include "base/utf8.h"

namespace freehold::api::openai {
namespace {

// An earlier answer's calls, with arguments as objects, which is how templates want them.
Parsed<Json> parse_calls(const Json& calls, const std::string& where) {
  if (!calls.is_array()) return refuse(Problem::invalid, fmt::format("'{}' must be an array", where), where);
  Json out = Json::array();
  for (std::size_t i = 0; i < calls.size(); ++i) {
    const std::string at = fmt::format("{}[{}]", where, i);
    const Json* function = calls[i].is_object() && calls[i].contains("function") ? &calls[i]["function"] : nullptr;
    if (function == nullptr || !function->is_object()) {
      return refuse(Problem::invalid, fmt::format("'{}' must be an object with a 'function'", at), at);
    }
    Fields outer(calls[i], at), f(*function, at + ".function");
    FH_TRY(auto id, outer.string("id"));
    FH_TRY(auto name, f.string("name"));
    if (!name || name->empty()) return f.wrong("name", "a string");
    Json arguments = Json::object();
    if (const Json* given = f.find("arguments"); given != nullptr) {
      if (given->is_string()) {
        const auto text = given->get<std::string>();
        if (text.find_first_not_of(" \t\r\n") != std::string::npos) {
          auto parsed = parse_object(text);
          if (!parsed) return f.wrong("arguments", "the text of a JSON object");
          arguments = std::move(*parsed);
        }
      } else if (given->is_object()) {
        arguments = *given;
      } else {
        return f.wrong("arguments", "the text of a JSON object");
      }
    }
    out.push_back({{"id", id.value_or(fmt::format("call_{}", i))},
                   {"type", "function"},
                   {"function", {{"name", *name}, {"arguments", std::move(arguments)}}}});
  }
  return out;
}

Parsed<Json> parse_message(const Json& message, const std::string& where) {
  if (!message.is_object()) return refuse(Problem::invalid, fmt::format("'{}' must be an object", where), where);
  Fields f(message, where);
  FH_TRY(auto role, f.string("role"));
  Json out = Json::object();
  static const std::set<std::string> kRoles = {"system", "developer", "user", "assistant", "tool", "function"};
  if (!role || !kRoles.contains(*role)) {
    return f.wrong("role", "one of system, developer, user, assistant, tool, function");
  }
  out["role"] = *role == "developer" ? "system" : *role == "function" ? "tool" : *role;
  const Json* content = f.find("content");
  const Json* calls = f.find("tool_calls");
  if (calls != nullptr && *role != "assistant") return f.wrong("tool_calls", "in a message of the assistant");
  if (content != nullptr) {
    FH_TRY(out["content"], content_text(*content, f.name("content")));
  } else if (*role == "assistant") {
    out["content"] = "";
  } else {
    return refuse(Problem::invalid, fmt::format("'{}' is required", f.name("content")), f.name("content"));
  }
  if (calls != nullptr) {
    FH_TRY(out["tool_calls"], parse_calls(*calls, f.name("tool_calls")));
  }
  FH_TRY(auto id, f.string("tool_call_id"));
  if (id) out["tool_call_id"] = *id;
  if (*role == "tool" && !id)
    return refuse(Problem::invalid, fmt::format("'{}' is required", f.name("tool_call_id")), f.name("tool_call_id"));
  FH_TRY(auto name, f.string("name"));
  if (name) out["name"] = *name;
  FH_TRY(auto thought, f.string("reasoning_content"));
  if (thought && *role == "assistant") out["reasoning_content"] = *thought;
  return out;
}

Parsed<void> parse_choice(const Json& choice, ToolUse& use) {
  const auto expected = [] {
    return refuse(Problem::invalid, "'tool_choice' must be none, auto, required, or an object that names a function",
                  "tool_choice");
  };
  if (choice.is_string()) {
    if (!read_choice(choice.get<std::string>(), use)) return expected();
    return {};
  }
  if (!choice.is_object()) return expected();
  Fields f(choice, "tool_choice");
  FH_TRY(auto type, f.string("type"));
  const auto name_in = [&](const Json& object, const std::string& where) -> Parsed<std::string> {
    const Json* function = object.is_object() && object.contains("function") ? &object["function"] : nullptr;
    if (function == nullptr || !function->is_object()) return expected();
    Fields in(*function, where + ".function");
    FH_TRY(auto name, in.string("name"));
    if (!name) return expected();
    return *name;
  };
  if (type == "function") {
    FH_TRY(std::string name, name_in(choice, "tool_choice"));
    use.choice = ToolChoice::required;
    use.allowed = {std::move(name)};
    use.named = true;
    return {};
  }
  if (type == "allowed_tools") {
    const Json* allowed = f.find("allowed_tools");
    if (allowed == nullptr || !allowed->is_object()) return expected();
    Fields in(*allowed, "tool_choice.allowed_tools");
    FH_TRY(auto mode, in.string("mode"));
    if (mode && *mode != "auto" && *mode != "required") return in.wrong("mode", "auto or required");
    use.choice = mode == "required" ? ToolChoice::required : ToolChoice::automatic;
    const Json* tools = in.find("tools");
    if (tools == nullptr || !tools->is_array() || tools->empty())
      return in.wrong("tools", "an array of at least one tool");
    for (const Json& tool : *tools) {
      FH_TRY(std::string name, name_in(tool, "tool_choice.allowed_tools"));
      use.allowed.push_back(std::move(name));
    }
    return {};
  }
  return expected();
}

Parsed<void> parse_tools(Fields& f, ToolUse& use) {
  FH_TRY_VOID(parse_tool_list(f, true, use));
  if (const Json* choice = f.find("tool_choice"); choice != nullptr) FH_TRY_VOID(parse_choice(*choice, use));
  return check_tool_use(use, "tools", "tool_choice");
}

// What the engine does not do is refused, not left out.
Parsed<void> refuse_unsupported(Fields& f) {
  for (const char* key : {"functions", "function_call", "audio", "web_search_options"}) {
    if (f.find(key) != nullptr)
      return refuse(Problem::invalid, fmt::format("'{}' is not supported", key), std::string(key));
  }
  if (const Json* modalities = f.find("modalities"); modalities != nullptr) {
    if (!modalities->is_array()) return f.wrong("modalities", "an array");
    if (*modalities != Json::array({"text"}))
      return refuse(Problem::invalid, "'modalities': this model answers in text only", "modalities");
  }
  return {};
}

// What an answer is expected to be, as a help to be faster: it never changes the answer.
Parsed<void> parse_prediction(Fields& f, Call& call) {
  const Json* prediction = f.find("prediction");
  if (prediction == nullptr) return {};
  if (!prediction->is_object()) return f.wrong("prediction", "an object");
  Fields in(*prediction, "prediction");
  FH_TRY(auto type, in.string("type"));
  if (type != "content") return in.wrong("type", "content");
  const Json* content = in.find("content");
  if (content == nullptr) return in.wrong("content", "a string or an array of text parts");
  FH_TRY(call.expected, content_text(*content, in.name("content")));
  return {};
}

// Documented, and without effect on what an answer says.
Parsed<void> parse_hints(Fields& f, Call& call) {
  FH_TRY_VOID(parse_effort(f, "reasoning_effort", call));
  FH_TRY(auto verbosity, one_of(f, "verbosity", {"low", "medium", "high"}));
  if (verbosity) call.ignored.emplace_back("verbosity");
  FH_TRY(auto store, f.boolean("store"));
  if (store.value_or(false)) call.ignored.emplace_back("store");
  return parse_prediction(f, call);
}

}  // namespace

Parsed<Call> parse_chat(std::string_view body) {
  FH_TRY(const Json root, parse_object(body));
  Fields f(root);
  FH_TRY(Call call, parse_common(f));
  FH_TRY(auto limit, f.integer("max_completion_tokens", 1, kMostTokens));
  FH_TRY(auto old_limit, f.integer("max_tokens", 1, kMostTokens));
  call.request.max_tokens = static_cast<std::uint32_t>(limit.value_or(old_limit.value_or(0)));
  FH_TRY(auto logprobs, f.boolean("logprobs"));
  FH_TRY(auto top, f.integer("top_logprobs", 0, 20));
  if (top && !logprobs.value_or(false))
    return refuse(Problem::invalid, "'top_logprobs' needs 'logprobs': true", "top_logprobs");
  if (logprobs.value_or(false)) call.request.logprobs = static_cast<std::uint32_t>(top.value_or(0));
  FH_TRY_VOID(refuse_unsupported(f));
  FH_TRY_VOID(parse_hints(f, call));
  FH_TRY_VOID(parse_tools(f, call.tool_use));
  FH_TRY_VOID(parse_structured(f, call));
  const Json* messages = f.find("messages");
  if (messages == nullptr || !messages->is_array() || messages->empty()) {
    return f.wrong("messages", "an array of at least one message");
  }
  Json out = Json::array();
  for (std::size_t i = 0; i < messages->size(); ++i) {
    FH_TRY(Json message, parse_message((*messages)[i], fmt::format("messages[{}]", i)));
    out.push_back(std::move(message));
  }
  Conversation conversation{dump(out), {}};
  if (const Json* extras = f.find("chat_template_kwargs"); extras != nullptr) {
    if (!extras->is_object() || extras->contains("messages") || extras->contains("tools")) {
      return f.wrong("chat_template_kwargs", "an object of template variables (not messages or tools)");
    }
    if (!extras->empty()) conversation.extras = dump(*extras);
  }
  call.input = std::move(conversation);
  add_left_over(f, call);
  return call;
}

}  // namespace freehold::api::openai
