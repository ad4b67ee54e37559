// What a request says about tools: which there are, and whether and how many the model may call. Vendors' names for
// these end at the edge; this is what remains of them.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "text/grammar/grammar.h"
#include "text/jinja/value.h"

namespace freehold::text::tools {

struct Tool {
  // 1 to 256 bytes of UTF-8 without white space, control characters and any of {}[]<>"\ .
  std::string name;
  std::string description;
  std::string parameters;  // a JSON Schema of an object, as JSON text; empty = no parameters: the arguments are {}
  grammar::SchemaDialect dialect = grammar::SchemaDialect::json_schema;  // of `parameters`
  bool strict = false;  // arguments are to be valid, or the request is refused, also where the model may choose
};

struct ToolChoice {
  enum class Mode : std::uint8_t {
    none,       // text only; the tools are not even described
    automatic,  // text, or calls, or text and then calls
    required,   // nothing but calls, from the first token on
  };
  Mode mode = Mode::automatic;
  // Those that may be called; empty = all. One name and `required` is the forced function of the dialects.
  std::vector<std::string> names;

  static ToolChoice none() { return {Mode::none, {}}; }
  static ToolChoice automatic() { return {Mode::automatic, {}}; }
  static ToolChoice required() { return {Mode::required, {}}; }
  static ToolChoice named(std::string name) { return {Mode::required, {std::move(name)}}; }
  // An empty list allows none.
  static ToolChoice allowed_list(std::vector<std::string> names, bool required) {
    if (names.empty() && !required) return none();
    return {required ? Mode::required : Mode::automatic, std::move(names)};
  }
};

// Errors: invalid, naming the tool: a bad name, a name twice, parameters that are not the schema of an object, a chosen
// name that is not there, required without tools.
Result<void> check_tools(std::span<const Tool> tools, const ToolChoice& choice);

// The tools that may be called under this choice, in their own order; none for Mode::none.
std::vector<Tool> allowed_tools(std::span<const Tool> tools, const ToolChoice& choice);

// {"type": "function", "function": {"name": …, "description": …, "parameters": …}} as JSON text in one line: how tools
// stand in prompts. Members in this order; a missing schema is {"type": "object", "properties": {}}. Error: invalid.
Result<std::string> tool_json(const Tool& tool);
// The list of them that chat templates take as `tools`. Error: invalid.
Result<jinja::Value> tools_value(std::span<const Tool> tools);

}  // namespace freehold::text::tools
