#include "text/tools/tool.h"

#include <algorithm>
#include <set>

#include "base/utf8.h"
#include "text/grammar/schema_json.h"
#include "text/jinja/json_value.h"
#include "text/tools/parameters.h"

namespace freehold::text::tools {
namespace {

using grammar::Json;
using grammar::JsonTree;

constexpr std::size_t kMaxName = 256;

std::string label(const Tool& tool) {
  return "tool " + printable(grammar::json_quoted(tool.name));
}

Result<void> check_name(std::string_view name) {
  if (name.empty()) return fail(Errc::invalid, "a tool without a name");
  if (!is_utf8(name)) return fail(Errc::invalid, "the name of a tool is not UTF-8");
  std::string shown = printable(name, 80);
  if (name.size() > kMaxName)
    return fail(Errc::invalid, "the name of tool " + shown + " is longer than " + std::to_string(kMaxName) + " bytes");
  for (char c : name) {
    auto u = static_cast<unsigned char>(c);
    if (u <= ' ' || u == 0x7F || std::string_view("{}[]<>\"\\").find(c) != std::string_view::npos)
      return fail(Errc::invalid, "the name of tool " + shown +
                                     " holds a character that names cannot have: use letters, digits, _ and -");
  }
  return {};
}

bool is_object_type(std::string_view type) {
  constexpr std::string_view kObject = "object";
  return std::equal(type.begin(), type.end(), kObject.begin(), kObject.end(),
                    [](char a, char b) { return (a >= 'A' && a <= 'Z' ? a - 'A' + 'a' : a) == b; });
}

}  // namespace

Result<std::string> arguments_schema(const Tool& tool) {
  if (tool.parameters.empty()) return std::string(R"({"type":"object","properties":{},"additionalProperties":false})");
  auto tree = JsonTree::parse(tool.parameters, {});
  if (!tree) return in_context(std::move(tree).error(), label(tool) + ": parameters");
  Json& root = tree->mutable_root();
  if (!root.is(Json::Kind::object)) return fail(Errc::invalid, label(tool) + ": parameters: expected a JSON Schema");
  for (std::size_t i = 0; i < root.keys.size(); ++i) {
    if (root.keys[i] != "type") continue;
    Json& type = *root.items[i];
    bool object = type.is(Json::Kind::string) && is_object_type(type.text);
    if (type.is(Json::Kind::array)) {
      object = std::any_of(type.items.begin(), type.items.end(),
                           [](const Json* t) { return t->is(Json::Kind::string) && is_object_type(t->text); });
    }
    if (!object) return fail(Errc::invalid, label(tool) + ": parameters: the type of arguments is always object");
    type.kind = Json::Kind::string;
    if (!type.items.empty()) type.text = "object";
    type.items.clear();
    return to_compact(root);
  }
  // Whatever else it says (a reference, alternatives), its values are objects.
  std::string text = to_compact(root);
  return R"({"type":"object")" + std::string(text == "{}" ? "" : ",") + text.substr(1);
}

Result<void> check_tools(std::span<const Tool> tools, const ToolChoice& choice) {
  std::set<std::string_view> names;
  for (const Tool& tool : tools) {
    FH_TRY_VOID(check_name(tool.name));
    if (!is_utf8(tool.description)) return fail(Errc::invalid, label(tool) + ": the description is not UTF-8");
    if (!names.insert(tool.name).second) return fail(Errc::invalid, label(tool) + ": there are two of this name");
    FH_TRY_VOID([&]() -> Result<void> {
      FH_TRY(std::string schema, arguments_schema(tool));
      return {};
    }());
  }
  for (const std::string& name : choice.names) {
    if (!names.contains(name))
      return fail(Errc::invalid, "the tool choice names " +
                                     printable(grammar::json_quoted(replace_invalid_utf8(name)), 80) +
                                     ", which is not among the tools");
  }
  if (choice.mode == ToolChoice::Mode::required && tools.empty())
    return fail(Errc::invalid, "the tool choice requires a call, but there are no tools");
  return {};
}

std::vector<Tool> allowed_tools(std::span<const Tool> tools, const ToolChoice& choice) {
  std::vector<Tool> out;
  if (choice.mode == ToolChoice::Mode::none) return out;
  for (const Tool& tool : tools) {
    if (choice.names.empty() || std::find(choice.names.begin(), choice.names.end(), tool.name) != choice.names.end())
      out.push_back(tool);
  }
  return out;
}

Result<std::string> tool_json(const Tool& tool) {
  std::string parameters = R"({"type": "object", "properties": {}})";
  if (!tool.parameters.empty()) {
    auto tree = JsonTree::parse(tool.parameters, {});
    if (!tree) return in_context(std::move(tree).error(), label(tool) + ": parameters");
    parameters = to_compact(tree->root());
  }
  return R"({"type": "function", "function": {"name": )" + grammar::json_quoted(tool.name) + R"(, "description": )" +
         grammar::json_quoted(tool.description) + R"(, "parameters": )" + parameters + "}}";
}

Result<jinja::Value> tools_value(std::span<const Tool> tools) {
  std::vector<jinja::Value> list;
  for (const Tool& tool : tools) {
    FH_TRY(std::string json, tool_json(tool));
    auto value = jinja::value_from_json(json);
    if (!value) return in_context(std::move(value).error(), label(tool));
    list.push_back(std::move(*value));
  }
  return jinja::Value::list(std::move(list));
}

}  // namespace freehold::text::tools
