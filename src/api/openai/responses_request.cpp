// Requests of POST /v1/responses.
#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "api/openai/common.h"
#include "api/openai/responses.h"
#include "api/openai/responses_items.h"
#include "api/tool_use.h"

namespace freehold::api::openai {
namespace {

constexpr const char* kChoice =
    "none, auto, required, {\"type\": \"function\", \"name\": …}, or {\"type\": \"allowed_tools\", …}";

// {"type": "allowed_tools", "mode": "auto" | "required", "tools": [{"type": "function", "name"}]}
Parsed<void> parse_allowed(Fields& c, ToolUse& use) {
  FH_TRY(auto mode, one_of(c, "mode", {"auto", "required"}));
  use.choice = mode == "required" ? ToolChoice::required : ToolChoice::automatic;
  const Json* tools = c.find("tools");
  if (tools == nullptr || !tools->is_array() || tools->empty())
    return c.wrong("tools", "an array of at least one tool");
  for (std::size_t i = 0; i < tools->size(); ++i) {
    const Json& tool = (*tools)[i];
    const std::string at = fmt::format("tool_choice.tools[{}]", i);
    if (!tool.is_object()) return refuse(Problem::invalid, fmt::format("'{}' must be an object", at), at);
    Fields t(tool, at);
    FH_TRY(auto name, t.string("name"));
    if (!name) return t.wrong("name", "the name of a function");
    use.allowed.push_back(std::move(*name));
  }
  return {};
}

Parsed<void> parse_tool_choice(const Json& choice, ToolUse& use) {
  const auto expected = [] {
    return refuse(Problem::invalid, fmt::format("'tool_choice' must be {}", kChoice), "tool_choice");
  };
  if (choice.is_string()) {
    if (!read_choice(choice.get<std::string>(), use)) return expected();
    return {};
  }
  if (!choice.is_object()) return expected();
  Fields c(choice, "tool_choice");
  FH_TRY(auto type, c.string("type"));
  if (type == "allowed_tools") return parse_allowed(c, use);
  FH_TRY(auto name, c.string("name"));
  if (type != "function" || !name) return expected();
  use.choice = ToolChoice::required;
  use.allowed = {*name};
  use.named = true;
  return {};
}

Parsed<void> parse_flat_tools(Fields& f, ToolUse& use) {
  FH_TRY_VOID(parse_tool_list(f, false, use));
  if (const Json* choice = f.find("tool_choice"); choice != nullptr) FH_TRY_VOID(parse_tool_choice(*choice, use));
  return check_tool_use(use, "tools", "tool_choice");
}

// What else is to be given out. Of tools that are not served there is never anything.
Parsed<void> parse_include(Fields& f, bool& logprobs) {
  const Json* include = f.find("include");
  if (include == nullptr) return {};
  constexpr std::string_view kWords[] = {"message.output_text.logprobs",
                                         "reasoning.encrypted_content",
                                         "file_search_call.results",
                                         "web_search_call.results",
                                         "web_search_call.action.sources",
                                         "message.input_image.image_url",
                                         "computer_call_output.output.image_url",
                                         "code_interpreter_call.outputs"};
  if (!include->is_array()) return f.wrong("include", "an array");
  for (const Json& what : *include) {
    const bool known = what.is_string() && std::find(std::begin(kWords), std::end(kWords),
                                                     what.get_ref<const std::string&>()) != std::end(kWords);
    if (!known) return f.wrong("include", fmt::format("of {}", fmt::join(kWords, ", ")));
    if (what == kWords[0]) logprobs = true;
  }
  return {};
}

// The settings of `reasoning` and `text` as the response repeats them.
Parsed<Json> parse_reasoning(Fields& f, ResponseCall& response) {
  Call& call = response.call;
  Json out = {{"effort", nullptr}, {"summary", nullptr}};
  const Json* reasoning = f.find("reasoning");
  if (reasoning == nullptr) return out;
  if (!reasoning->is_object()) return f.wrong("reasoning", "an object");
  Fields in(*reasoning, "reasoning");
  FH_TRY(auto effort, parse_effort(in, "effort", call));
  if (effort) out["effort"] = *effort;
  for (const char* key : {"summary", "generate_summary"}) {
    FH_TRY(auto summary, one_of(in, key, {"auto", "concise", "detailed"}));
    if (!summary) continue;
    out["summary"] = *summary;
    response.summary = true;
    if (summary == "concise") call.ignored.push_back(in.name(key));  // thoughts are given whole
  }
  in.add_left_over(call.ignored);
  return out;
}

Parsed<Json> parse_text(Fields& f, Call& call) {
  Json out = {{"format", {{"type", "text"}}}, {"verbosity", "medium"}};
  const Json* text = f.find("text");
  if (text == nullptr) return out;
  if (!text->is_object()) return f.wrong("text", "an object");
  Fields in(*text, "text");
  if (const Json* format = in.find("format"); format != nullptr) {
    FH_TRY(call.format, parse_format(*format, "text.format", false));
    out["format"] = *format;
  }
  FH_TRY(auto verbosity, one_of(in, "verbosity", {"low", "medium", "high"}));
  if (verbosity) {
    out["verbosity"] = *verbosity;
    if (verbosity != "medium") call.ignored.push_back(in.name("verbosity"));
  }
  in.add_left_over(call.ignored);
  return out;
}

}  // namespace

Parsed<ResponseCall> parse_response(std::string_view body, std::string_view id) {
  FH_TRY(const Json root, parse_object(body));
  Fields f(root);
  ResponseCall out;
  Call& call = out.call;
  FH_TRY(call, parse_common(f));
  call.input_field = "input";
  if (call.request.n != 1) return f.wrong("n", "1 here");
  FH_TRY(auto limit, f.integer("max_output_tokens", 1, kMostTokens));
  call.request.max_tokens = static_cast<std::uint32_t>(limit.value_or(0));
  for (const char* key : {"conversation", "prompt"}) {
    if (f.find(key) != nullptr) return refuse(Problem::invalid, fmt::format("'{}' is not supported", key), key);
  }
  for (const char* key : {"previous_response_id", "instructions"}) {
    FH_TRY(auto text, f.string(key));
    (std::string_view(key) == "instructions" ? out.instructions : out.previous) = text.value_or("");
  }
  FH_TRY(auto store, f.boolean("store"));
  out.store = store.value_or(true);
  FH_TRY(auto background, f.boolean("background"));
  out.background = background.value_or(false);
  if (out.background && !out.store) {
    return refuse(Problem::invalid, "'background' needs 'store': true, or nobody could ask for the answer",
                  "background");
  }
  FH_TRY(auto truncation, one_of(f, "truncation", {"auto", "disabled"}));
  out.truncate = truncation == "auto";
  FH_TRY_VOID(f.integer("max_tool_calls", 1, kMostTokens));  // of tools that servers run: there is none
  FH_TRY(auto top, f.integer("top_logprobs", 0, 20));
  bool logprobs = top.has_value();
  FH_TRY_VOID(parse_include(f, logprobs));
  if (logprobs) call.request.logprobs = static_cast<std::uint32_t>(top.value_or(0));
  FH_TRY_VOID(parse_flat_tools(f, call.tool_use));
  FH_TRY(Json text, parse_text(f, call));
  FH_TRY(Json reasoning, parse_reasoning(f, out));
  FH_TRY(const Json items, parse_items(f, id));
  out.input_items = dump(items);
  // What the response repeats.
  const auto given = [&](const char* key, const Json& fallback) {
    const Json* value = f.find(key);
    return value != nullptr ? *value : fallback;
  };
  const Json settings = {{"background", out.background},
                         {"instructions", given("instructions", nullptr)},
                         {"max_output_tokens", given("max_output_tokens", nullptr)},
                         {"max_tool_calls", given("max_tool_calls", nullptr)},
                         {"metadata", given("metadata", Json::object())},
                         {"parallel_tool_calls", call.tool_use.parallel},
                         {"previous_response_id", given("previous_response_id", nullptr)},
                         {"prompt_cache_key", given("prompt_cache_key", nullptr)},
                         {"reasoning", std::move(reasoning)},
                         {"safety_identifier", given("safety_identifier", nullptr)},
                         {"service_tier", "default"},
                         {"store", out.store},
                         {"temperature", given("temperature", 1)},
                         {"text", std::move(text)},
                         {"tool_choice", given("tool_choice", "auto")},
                         {"tools", given("tools", Json::array())},
                         {"top_logprobs", given("top_logprobs", 0)},
                         {"top_p", given("top_p", 1)},
                         {"truncation", out.truncate ? "auto" : "disabled"},
                         {"user", given("user", nullptr)}};
  out.settings = dump(settings);
  add_left_over(f, call);
  return out;
}

std::string input_tokens_json(std::size_t tokens) {
  return dump({{"object", "response.input_tokens"}, {"input_tokens", tokens}});
}

}  // namespace freehold::api::openai
