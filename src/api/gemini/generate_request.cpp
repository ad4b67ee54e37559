// POST …/models/{model}:generateContent, :streamGenerateContent and :countTokens: bytes to a Call.
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "api/gemini/contents.h"
#include "api/gemini/gemini.h"
#include "api/gemini/proto_fields.h"
#include "api/gemini/schema.h"
#include "api/tool_use.h"
#include "base/utf8.h"

namespace freehold::api::gemini {
namespace {

constexpr std::int64_t kMostTokens = std::int64_t{1} << 24;

Parsed<void> parse_sampling(ProtoFields& f, Call& call) {
  engine::Request& r = call.request;
  FH_TRY(auto temperature, f.number("temperature", 0, 2));
  r.sampling.temperature = temperature.value_or(1);
  FH_TRY(auto top_k, f.integer("topK", 0, kMostTokens));
  r.sampling.top_k = static_cast<std::uint32_t>(top_k.value_or(0));
  FH_TRY(auto top_p, f.number("topP", 0, 1));
  if (top_p && *top_p == 0) {
    r.sampling.top_k = 1;  // the smallest set that holds anything
  } else {
    r.sampling.top_p = top_p.value_or(1);
  }
  FH_TRY(auto presence, f.number("presencePenalty", -2, 2));
  r.sampling.presence_penalty = presence.value_or(0);
  FH_TRY(auto frequency, f.number("frequencyPenalty", -2, 2));
  r.sampling.frequency_penalty = frequency.value_or(0);
  if (presence.value_or(0) != 0 || frequency.value_or(0) != 0) r.sampling.penalty_scope = engine::PenaltyScope::answer;
  FH_TRY(auto seed, f.integer("seed", INT64_MIN, INT64_MAX));
  call.has_seed = seed.has_value();
  if (seed) r.seed = static_cast<std::uint64_t>(*seed);
  FH_TRY(auto n, f.integer("candidateCount", 1, 8));
  r.n = static_cast<std::uint32_t>(n.value_or(1));
  FH_TRY(auto limit, f.integer("maxOutputTokens", 1, INT32_MAX));
  r.max_tokens = static_cast<std::uint32_t>(limit.value_or(0));
  FH_TRY(r.stop, f.strings("stopSequences", engine::kMaxStopStrings));
  for (const std::string& s : r.stop) {
    if (s.empty() || s.size() > engine::kMaxStopBytes)
      return f.wrong("stopSequences", fmt::format("strings of 1 to {} bytes", engine::kMaxStopBytes));
  }
  FH_TRY(auto logprobs, f.boolean("responseLogprobs"));
  FH_TRY(auto top, f.integer("logprobs", 0, 20));
  if (top && *top > 0 && !logprobs.value_or(false)) {
    return refuse(Problem::invalid, fmt::format("'{}' needs responseLogprobs", f.name("logprobs")), f.name("logprobs"));
  }
  if (logprobs.value_or(false)) r.logprobs = static_cast<std::uint32_t>(top.value_or(0));
  return {};
}

// text/x.enum: one of the values, bare.
Parsed<Format> choice_of(const Json& schema, const std::string& where) {
  Format out{Format::Kind::choice, {}, {}, false, where};
  const auto expected = [&] {
    return refuse(Problem::invalid, fmt::format("'{}' must list strings in 'enum' for text/x.enum", where), where);
  };
  const auto values = schema.find("enum");
  if (values == schema.end() || !values->is_array() || values->empty() || values->size() > 1024) return expected();
  for (const Json& value : *values) {
    if (!value.is_string() || value.get_ref<const std::string&>().empty()) return expected();
    out.choices.push_back(value.get<std::string>());
  }
  return out;
}

Parsed<void> parse_format(ProtoFields& f, Call& call) {
  FH_TRY(auto type, f.string("responseMimeType"));
  FH_TRY(const Json* schema, f.object("responseSchema"));
  const bool openapi = schema != nullptr;
  std::string where = openapi ? f.name("responseSchema") : std::string();
  for (const char* key : {"responseJsonSchema", "_responseJsonSchema"}) {
    FH_TRY(const Json* plain, f.object(key));
    if (plain == nullptr) continue;
    if (schema != nullptr) {
      return refuse(Problem::invalid, fmt::format("'{}' and '{}' cannot be combined", where, f.name(key)), f.name(key));
    }
    schema = plain;
    where = f.name(key);
  }
  const std::string kind = type.value_or(schema != nullptr ? "application/json" : "text/plain");
  if (kind == "text/plain" || kind.empty()) {
    if (schema == nullptr) return {};
    return f.wrong("responseMimeType", "application/json or text/x.enum beside a schema");
  }
  if (kind == "text/x.enum") {
    if (schema == nullptr) return f.missing("responseSchema");
    FH_TRY(call.format, choice_of(*schema, where));
  } else if (kind != "application/json") {
    return f.wrong("responseMimeType", "one of text/plain, application/json, text/x.enum");
  } else if (schema != nullptr) {
    call.format = {Format::Kind::json_schema, dump(*schema), {}, openapi, where};
  } else {
    // Any object or array: this is how lists are asked for without a schema.
    call.format = {Format::Kind::json_schema, R"({"type":["object","array"]})", {}, false, f.name("responseMimeType")};
  }
  return {};
}

Parsed<void> parse_thinking(ProtoFields& config, GenerateCall& out) {
  FH_TRY(const Json* thinking, config.object("thinkingConfig"));
  if (thinking == nullptr) return {};
  ProtoFields f(*thinking, config.name("thinkingConfig"));
  FH_TRY(auto thoughts, f.boolean("includeThoughts"));
  out.thoughts = thoughts.value_or(false);
  FH_TRY(auto budget, f.integer("thinkingBudget", -1, kMostTokens));
  FH_TRY(const std::string level, f.word("thinkingLevel"));
  static const std::set<std::string> kLevels = {"", "THINKING_LEVEL_UNSPECIFIED", "MINIMAL", "LOW", "MEDIUM", "HIGH"};
  if (!kLevels.contains(level)) return f.wrong("thinkingLevel", "one of MINIMAL, LOW, MEDIUM, HIGH");
  // Coding agents ask every model to think. One that cannot answers at once, as it does without being asked.
  out.call.thinking_if_able = true;
  if (budget && *budget >= 0) out.call.thinking = *budget > 0;
  if (level == "MINIMAL") out.call.thinking = false;
  if (level == "LOW" || level == "MEDIUM" || level == "HIGH") out.call.thinking = true;
  // On or off is all that a model can be told.
  if (budget && *budget > 0) out.call.ignored.push_back(f.name("thinkingBudget"));
  if (out.call.thinking && !level.empty()) out.call.ignored.push_back(f.name("thinkingLevel"));
  f.add_left_over(out.call.ignored);
  return {};
}

Parsed<void> parse_config(ProtoFields& root, GenerateCall& out) {
  static const Json kEmpty = Json::object();
  FH_TRY(const Json* given, root.object("generationConfig"));
  ProtoFields f(given != nullptr ? *given : kEmpty, root.name("generationConfig"));
  FH_TRY_VOID(parse_sampling(f, out.call));
  FH_TRY_VOID(parse_format(f, out.call));
  FH_TRY_VOID(parse_thinking(f, out));
  FH_TRY(const auto modalities, f.strings("responseModalities", 16));
  for (const std::string& modality : modalities) {
    if (modality != "TEXT" && modality != "MODALITY_UNSPECIFIED")
      return f.wrong("responseModalities", "TEXT: this model answers in text only");
  }
  f.add_left_over(out.call.ignored);
  return {};
}

Parsed<Tool> parse_function(const ProtoFields::Item& item, std::vector<std::string>& ignored) {
  ProtoFields f(*item.json, item.where);
  Tool tool;
  FH_TRY(auto name, f.string("name"));
  if (!name || !is_tool_name(*name, ".:")) return f.wrong("name", "of 1 to 128 letters, digits, '_', '-', '.' and ':'");
  tool.name = std::move(*name);
  FH_TRY(auto description, f.string("description"));
  tool.description = description.value_or("");
  FH_TRY(const Json* parameters, f.object("parameters"));
  FH_TRY(const Json* plain, f.object("parametersJsonSchema"));
  if (parameters != nullptr && plain != nullptr) {
    return refuse(Problem::invalid,
                  fmt::format("'{}' and '{}' cannot be combined", f.name("parameters"), f.name("parametersJsonSchema")),
                  f.name("parametersJsonSchema"));
  }
  tool.param = f.name(plain != nullptr ? "parametersJsonSchema" : "parameters");
  if (plain != nullptr) tool.parameters = dump(*plain);
  if (parameters != nullptr) {
    FH_TRY(const Json schema, json_schema_of(*parameters, f.name("parameters")));
    tool.parameters = dump(schema);
  }
  for (const char* key : {"response", "responseJsonSchema"}) f.known(key);
  f.add_left_over(ignored);
  return tool;
}

Parsed<void> parse_choice(ProtoFields& root, Call& call) {
  ToolUse& use = call.tool_use;
  FH_TRY(const Json* config, root.object("toolConfig"));
  if (config == nullptr) return {};
  ProtoFields outer(*config, root.name("toolConfig"));
  FH_TRY(const Json* calling, outer.object("functionCallingConfig"));
  outer.add_left_over(call.ignored);
  if (calling == nullptr) return {};
  ProtoFields f(*calling, outer.name("functionCallingConfig"));
  FH_TRY(const std::string mode, f.word("mode"));
  if (mode == "ANY") {
    use.choice = ToolChoice::required;
  } else if (mode == "NONE") {
    use.choice = ToolChoice::none;
  } else if (!mode.empty() && mode != "AUTO" && mode != "VALIDATED" && mode != "MODE_UNSPECIFIED") {
    return f.wrong("mode", "one of AUTO, ANY, NONE, VALIDATED");
  }
  FH_TRY(use.allowed, f.strings("allowedFunctionNames", 1024));
  if (mode == "VALIDATED") {  // the model chooses, and what it calls is valid
    for (Tool& tool : use.tools) tool.strict = true;
  }
  use.named = use.choice == ToolChoice::required && use.allowed.size() == 1;
  f.add_left_over(call.ignored);
  return check_tool_use(use, root.name("tools"), f.name(use.allowed.empty() ? "mode" : "allowedFunctionNames"));
}

Parsed<void> parse_tools(ProtoFields& f, Call& call) {
  FH_TRY(const auto tools, f.items("tools"));
  for (const auto& tool : tools) {
    ProtoFields t(*tool.json, tool.where);
    FH_TRY(const auto functions, t.items("functionDeclarations"));
    for (const auto& function : functions) {
      FH_TRY(Tool parsed, parse_function(function, call.ignored));
      call.tool_use.tools.push_back(std::move(parsed));
    }
    // Everything else in a tool is something that the vendor would run.
    for (const auto& item : tool.json->items()) {
      if (item.key() == "functionDeclarations" || item.key() == "function_declarations" || item.value().is_null()) {
        continue;
      }
      const std::string at = fmt::format("{}.{}", tool.where, printable(item.key(), 80));
      return refuse(Problem::invalid, fmt::format("'{}' is not supported, only functionDeclarations", at), at);
    }
  }
  FH_TRY_VOID(parse_choice(f, call));
  return check_tool_use(call.tool_use, f.name("tools"), "toolConfig");
}

Parsed<GenerateCall> parse(ProtoFields& f, std::string model) {
  GenerateCall out;
  Call& call = out.call;
  call.model = std::move(model);
  FH_TRY(auto name, f.string("model"));
  if (name && model_id(*name) != call.model) return f.wrong("model", "the model in the address, or absent");
  FH_TRY_VOID(parse_config(f, out));
  FH_TRY_VOID(parse_tools(f, call));
  for (const char* key : {"cachedContent", "continuationToken"}) {
    if (f.find(key) != nullptr) return f.unsupported(key);
  }
  FH_TRY(Conversation conversation, parse_contents(f, call.ignored));
  if (conversation.continue_last && call.format.kind != Format::Kind::text) {
    return f.wrong("contents", "ended by the user: an answer that has begun cannot have a format of its own");
  }
  if (conversation.continue_last && call.tool_use.choice == ToolChoice::required) {
    return f.wrong("contents", "ended by the user: an answer that has begun with text cannot be a call");
  }
  call.input = std::move(conversation);
  FH_TRY_VOID(f.items("safetySettings"));
  FH_TRY_VOID(f.object("labels"));
  f.add_left_over(call.ignored);
  return out;
}

}  // namespace

std::string_view model_id(std::string_view name) {
  return name.starts_with("models/") ? name.substr(7) : name;
}

Parsed<GenerateCall> parse_generate(std::string_view body, std::string model, bool stream) {
  FH_TRY(const Json root, parse_object(body));
  ProtoFields f(root);
  FH_TRY(GenerateCall out, parse(f, std::move(model)));
  out.call.stream = stream;
  return out;
}

Parsed<Call> parse_count(std::string_view body, std::string model) {
  FH_TRY(const Json root, parse_object(body));
  ProtoFields outer(root);
  FH_TRY(const Json* wrapped, outer.object("generateContentRequest"));
  if (wrapped == nullptr) {
    FH_TRY(GenerateCall out, parse(outer, std::move(model)));
    return std::move(out.call);
  }
  if (outer.find("contents") != nullptr) {
    return refuse(Problem::invalid, "'contents' and 'generateContentRequest' cannot be combined", "contents");
  }
  ProtoFields f(*wrapped, outer.name("generateContentRequest"));
  FH_TRY(GenerateCall out, parse(f, std::move(model)));
  outer.add_left_over(out.call.ignored);
  return std::move(out.call);
}

}  // namespace freehold::api::gemini
