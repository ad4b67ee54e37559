// POST /v1/messages: bytes to a Call.
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "api/anthropic/anthropic.h"
#include "api/anthropic/conversation.h"
#include "api/fields.h"
#include "api/tool_use.h"
#include "base/utf8.h"

namespace freehold::api::anthropic {
namespace {

constexpr std::int64_t kMostTokens = std::int64_t{1} << 24;

Parsed<void> parse_sampling(Fields& f, engine::Request& r) {
  FH_TRY(auto temperature, f.number("temperature", 0, 1));
  r.sampling.temperature = temperature.value_or(1);
  FH_TRY(auto top_k, f.integer("top_k", 0, kMostTokens));
  r.sampling.top_k = static_cast<std::uint32_t>(top_k.value_or(0));
  FH_TRY(auto top_p, f.number("top_p", 0, 1));
  if (top_p && *top_p == 0) {
    r.sampling.top_k = 1;  // the smallest set that holds anything
  } else {
    r.sampling.top_p = top_p.value_or(1);
  }
  FH_TRY(r.stop, f.string_list("stop_sequences", engine::kMaxStopStrings));
  for (const std::string& s : r.stop) {
    if (s.empty() || s.size() > engine::kMaxStopBytes)
      return f.wrong("stop_sequences", fmt::format("strings of 1 to {} bytes", engine::kMaxStopBytes));
  }
  return {};
}

// Fields without effect here; a wrong type is a mistake of the client whatever comes of it.
Parsed<void> check_effectless(Fields& f) {
  if (const Json* metadata = f.find("metadata"); metadata != nullptr) {
    if (!metadata->is_object()) return f.wrong("metadata", "an object");
    Fields m(*metadata, "metadata");
    FH_TRY_VOID(m.string("user_id"));
  }
  FH_TRY(auto tier, f.string("service_tier"));
  if (tier && *tier != "auto" && *tier != "standard_only") return f.wrong("service_tier", "auto or standard_only");
  if (const Json* cache = f.find("cache_control"); cache != nullptr) {
    if (!cache->is_object()) return f.wrong("cache_control", "an object");
    Fields c(*cache, "cache_control");
    FH_TRY(auto type, c.string("type"));
    if (type != "ephemeral") return c.wrong("type", "ephemeral");
  }
  return {};
}

Parsed<Tool> parse_tool(const Json& json, const std::string& where, std::vector<std::string>& ignored) {
  if (!json.is_object()) return refuse(Problem::invalid, fmt::format("'{}' must be an object", where), where);
  Fields f(json, where);
  FH_TRY(auto type, f.string("type"));
  if (type && *type != "custom") {
    return refuse(Problem::invalid,
                  fmt::format("'{}': tools of the type '{}' are not supported, only your own (custom)", f.name("type"),
                              printable(*type)),
                  f.name("type"));
  }
  Tool tool;
  FH_TRY(auto name, f.string("name"));
  if (!name || !is_tool_name(*name, ".")) return f.wrong("name", "of 1 to 128 letters, digits, '_', '-' and '.'");
  tool.name = std::move(*name);
  FH_TRY(auto description, f.string("description"));
  tool.description = description.value_or("");
  FH_TRY(auto strict, f.boolean("strict"));
  tool.strict = strict.value_or(false);
  const Json* schema = f.find("input_schema");
  if (schema == nullptr || !schema->is_object()) return f.wrong("input_schema", "a JSON Schema (an object)");
  tool.parameters = dump(*schema);
  tool.param = f.name("input_schema");
  f.known("cache_control");
  f.add_left_over(ignored);
  return tool;
}

Parsed<void> parse_choice(const Json& json, ToolUse& use, std::vector<std::string>& ignored) {
  if (!json.is_object()) return refuse(Problem::invalid, "'tool_choice' must be an object", "tool_choice");
  Fields f(json, "tool_choice");
  FH_TRY(auto type, f.string("type"));
  if (type == "auto") {
    use.choice = ToolChoice::automatic;
  } else if (type == "none") {
    use.choice = ToolChoice::none;
  } else if (type == "any") {
    use.choice = ToolChoice::required;
  } else if (type == "tool") {
    FH_TRY(auto name, f.string("name"));
    if (!name) return f.wrong("name", "the name of a tool");
    use.choice = ToolChoice::required;
    use.allowed = {std::move(*name)};
    use.named = true;
  } else {
    return f.wrong("type", "one of auto, any, tool, none");
  }
  FH_TRY(auto single, f.boolean("disable_parallel_tool_use"));
  use.parallel = !single.value_or(false);
  f.add_left_over(ignored);
  return {};
}

Parsed<void> parse_tools(Fields& f, Call& call) {
  ToolUse& use = call.tool_use;
  if (const Json* tools = f.find("tools"); tools != nullptr) {
    if (!tools->is_array()) return f.wrong("tools", "an array");
    for (std::size_t i = 0; i < tools->size(); ++i) {
      FH_TRY(Tool tool, parse_tool((*tools)[i], fmt::format("tools[{}]", i), call.ignored));
      use.tools.push_back(std::move(tool));
    }
  }
  if (const Json* choice = f.find("tool_choice"); choice != nullptr) {
    FH_TRY_VOID(parse_choice(*choice, use, call.ignored));
  }
  return check_tool_use(use, "tools", use.named ? "tool_choice.name" : "tool_choice");
}

Parsed<void> parse_schema(const Json& json, const std::string& where, Call& call) {
  if (!json.is_object()) return refuse(Problem::invalid, fmt::format("'{}' must be an object", where), where);
  Fields f(json, where);
  FH_TRY(auto type, f.string("type"));
  if (type != "json_schema") return f.wrong("type", "json_schema");
  const Json* schema = f.find("schema");
  if (schema == nullptr || !schema->is_object()) return f.wrong("schema", "a JSON Schema (an object)");
  f.known("name");
  call.format = {Format::Kind::json_schema, dump(*schema), {}, false, f.name("schema")};
  f.add_left_over(call.ignored);
  return {};
}

// The schema of the answer, under its name of today or that of the beta.
Parsed<void> parse_format(Fields& f, Call& call) {
  if (const Json* config = f.find("output_config"); config != nullptr) {
    if (!config->is_object()) return f.wrong("output_config", "an object");
    Fields c(*config, "output_config");
    if (const Json* format = c.find("format"); format != nullptr) {
      FH_TRY_VOID(parse_schema(*format, c.name("format"), call));
    }
    FH_TRY(auto effort, c.string("effort"));
    static const std::set<std::string_view> kEfforts = {"low", "medium", "high", "xhigh", "max"};
    if (effort && !kEfforts.contains(*effort)) return c.wrong("effort", "one of low, medium, high, xhigh, max");
    if (effort) call.ignored.push_back(c.name("effort"));
    c.add_left_over(call.ignored);
  }
  const Json* beta = f.find("output_format");
  if (beta == nullptr) return {};
  if (call.format.kind != Format::Kind::text) {
    return refuse(Problem::invalid, "'output_format' and 'output_config.format' cannot be combined", "output_format");
  }
  return parse_schema(*beta, "output_format", call);
}

Parsed<void> parse_thinking(Fields& f, MessagesCall& out) {
  Call& call = out.call;
  const Json* thinking = f.find("thinking");
  if (thinking == nullptr) return {};
  if (!thinking->is_object()) return f.wrong("thinking", "an object");
  Fields t(*thinking, "thinking");
  FH_TRY(auto type, t.string("type"));
  if (type != "enabled" && type != "disabled" && type != "adaptive") {
    return t.wrong("type", "one of enabled, disabled, adaptive");
  }
  call.thinking = *type != "disabled";
  // Coding agents ask every model to think. One that cannot answers at once, as it does without being asked.
  call.thinking_if_able = true;
  FH_TRY(auto budget, t.integer("budget_tokens", 1024, kMostTokens));
  if (type == "enabled" && !budget) return t.wrong("budget_tokens", "an integer of at least 1024");
  if (budget) call.ignored.push_back(t.name("budget_tokens"));
  FH_TRY(auto display, t.string("display"));
  if (display && *display != "summarized" && *display != "omitted") return t.wrong("display", "summarized or omitted");
  out.hides_thinking = display == "omitted";
  t.add_left_over(call.ignored);
  return {};
}

// What would change the answer and cannot be done.
Parsed<void> refuse_unsupported(Fields& f) {
  for (const char* key : {"mcp_servers", "container"}) {
    const Json* value = f.find(key);
    if (value == nullptr || *value == Json::array()) continue;
    return refuse(Problem::invalid, fmt::format("'{}' is not supported", key), key);
  }
  return {};
}

// All but the limit.
Parsed<MessagesCall> parse(Fields& f) {
  MessagesCall out;
  Call& call = out.call;
  FH_TRY(auto model, f.string("model"));
  if (!model || model->empty()) return refuse(Problem::invalid, "'model' is required", "model");
  call.model = std::move(*model);
  FH_TRY_VOID(parse_sampling(f, call.request));
  FH_TRY(auto stream, f.boolean("stream"));
  call.stream = stream.value_or(false);
  FH_TRY_VOID(parse_tools(f, call));
  FH_TRY_VOID(parse_format(f, call));
  FH_TRY_VOID(parse_thinking(f, out));
  FH_TRY_VOID(refuse_unsupported(f));
  FH_TRY(Conversation conversation, parse_conversation(f, call.ignored));
  if (conversation.continue_last && call.format.kind != Format::Kind::text) {
    return refuse(Problem::invalid,
                  "'messages': the last one is the assistant's: an answer that goes on from there cannot have a "
                  "format of its own",
                  "messages");
  }
  if (conversation.continue_last && call.tool_use.choice == ToolChoice::required) {
    return refuse(Problem::invalid,
                  "'tool_choice' asks for a call, but the last of 'messages' has begun the answer with text",
                  "tool_choice");
  }
  call.input = std::move(conversation);
  FH_TRY_VOID(check_effectless(f));
  return out;
}

// Puts what was said before into the request, and gives what is to be kept of it; nothing if it asks for no thread.
Parsed<std::optional<Thread>> join_thread(Json& root, const FindThread& find) {
  Fields f(root);
  const Json* given = f.find("thread");
  if (given == nullptr) return std::optional<Thread>();
  if (!given->is_object()) return f.wrong("thread", "an object");
  Fields t(*given, "thread");
  FH_TRY(auto type, t.string("type"));
  if (type != "create" && type != "continue") return t.wrong("type", "create or continue");
  if (type == "continue") {
    FH_TRY(auto id, t.string("previous_message_id"));
    if (!id) return t.wrong("previous_message_id", "the id of the message to go on from");
    for (const char* key : {"system", "tools"}) {
      if (f.find(key) != nullptr) return f.wrong(key, "left to the thread, which has kept it");
    }
    const auto earlier = find ? find(*id) : std::nullopt;
    if (!earlier) {
      return refuse(Problem::not_found, fmt::format("there is no thread with the message '{}'", printable(*id)),
                    "thread.previous_message_id", "thread_not_found");
    }
    const Json* added = f.find("messages");
    if (added == nullptr || !added->is_array() || added->empty()) {
      return f.wrong("messages", "an array of at least one message");
    }
    Json messages = Json::parse(earlier->messages);
    for (const Json& message : *added) messages.push_back(message);
    root["messages"] = std::move(messages);
    const Json fixed = Json::parse(earlier->fixed);
    for (const auto& item : fixed.items()) root[item.key()] = item.value();
  }
  Thread out;
  Json fixed = Json::object();
  for (const char* key : {"system", "tools"}) {
    if (root.contains(key)) fixed[key] = root[key];
  }
  out.fixed = dump(fixed);
  if (root.contains("messages")) out.messages = dump(root["messages"]);
  return std::optional(std::move(out));
}

}  // namespace

Parsed<MessagesCall> parse_messages(std::string_view body, const FindThread& find) {
  FH_TRY(Json root, parse_object(body));
  FH_TRY(auto thread, join_thread(root, find));
  Fields f(root);
  FH_TRY(MessagesCall out, parse(f));
  out.thread = std::move(thread);
  f.known("thread");
  FH_TRY(auto limit, f.integer("max_tokens", 0, INT32_MAX));
  if (!limit) return refuse(Problem::invalid, "'max_tokens' is required", "max_tokens");
  out.only_prompt = *limit == 0;
  out.call.request.max_tokens = static_cast<std::uint32_t>(std::max<std::int64_t>(*limit, 1));
  f.add_left_over(out.call.ignored);
  return out;
}

Parsed<Call> parse_count(std::string_view body) {
  FH_TRY(const Json root, parse_object(body));
  Fields f(root);
  FH_TRY(MessagesCall out, parse(f));
  f.known("max_tokens");
  f.add_left_over(out.call.ignored);
  return std::move(out.call);
}

}  // namespace freehold::api::anthropic
