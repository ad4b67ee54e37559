#include "app/serve/answer_plan.h"

#include <fmt/format.h>

#include <initializer_list>

namespace freehold::app {
namespace {

using api::Format;
using api::Problem;
namespace grammar = text::grammar;
namespace tools = text::tools;

// What is behind the first of these that it begins with.
std::string_view without(std::string_view text, std::initializer_list<std::string_view> beginnings) {
  for (std::string_view b : beginnings) {
    if (text.starts_with(b)) return text.substr(b.size());
  }
  return text;
}

// The field in place of what the compilers call it.
api::Failure blame_field(std::string_view what, const std::string& field) {
  what = without(what, {"schema: ", "regular expression: pattern, ", "regular expression: ", "grammar: "});
  return {Problem::invalid, fmt::format("'{}': {}", field, what), field, {}};
}

api::Failure blame(const Error& error, const api::Call& call) {
  const std::string_view what = error.what;
  for (const api::Tool& tool : call.tool_use.tools) {
    const std::string quoted = fmt::format("tool \"{}\": ", tool.name), plain = fmt::format("tool {}: ", tool.name);
    const std::string_view rest = without(what, {quoted, plain});
    if (rest.size() == what.size() || tool.param.empty()) continue;
    return blame_field(without(rest, {"parameters: "}), tool.param);
  }
  const bool by_format = call.format.kind != Format::Kind::text;
  if (by_format && (call.tool_use.tools.empty() || !what.starts_with("tool"))) {
    return blame_field(what, call.format.param);
  }
  return {Problem::invalid, error.what, "tools", {}};
}

// Formats that no tool and no thinking can stand beside.
std::optional<Result<grammar::GrammarPtr>> compile_plain(const Format& format) {
  switch (format.kind) {
    case Format::Kind::regex:
      return grammar::compile_regex(format.source);
    case Format::Kind::gbnf:
      return grammar::compile_gbnf(format.source);
    case Format::Kind::choice:
      return grammar::compile_choice(format.choices);
    default:
      return std::nullopt;
  }
}

}  // namespace

std::vector<std::uint32_t> first_choices(const std::vector<engine::Request>& requests, std::uint32_t n) {
  std::vector<std::uint32_t> out;
  std::uint32_t prompt = 0;
  for (const engine::Request& r : requests) {
    if (r.first_choice == 0 && !out.empty()) ++prompt;
    out.push_back(prompt * n + r.first_choice);
  }
  return out;
}

std::vector<tools::Tool> tools_of(const api::ToolUse& use) {
  std::vector<tools::Tool> out;
  for (const api::Tool& tool : use.tools)
    out.push_back({tool.name, tool.description, tool.parameters, {}, tool.strict});
  return out;
}

tools::ToolChoice choice_of(const api::ToolUse& use) {
  if (use.tools.empty() || use.choice == api::ToolChoice::none) return tools::ToolChoice::none();
  return {
      use.choice == api::ToolChoice::required ? tools::ToolChoice::Mode::required : tools::ToolChoice::Mode::automatic,
      use.allowed};
}

api::Parsed<tools::Constraint> constraint_of(const api::Call& call, const tools::ToolFormat& format, bool parallel,
                                             std::optional<tools::ThinkingTags> thinking, bool starts_thinking) {
  const tools::ToolChoice choice = choice_of(call.tool_use);
  const bool calls = choice.mode != tools::ToolChoice::Mode::none;
  if (auto plain = compile_plain(call.format)) {
    if (calls) {
      return api::refuse(Problem::invalid, fmt::format("'{}' cannot be combined with tools", call.format.param),
                         call.format.param);
    }
    if (!*plain) return tl::unexpected(blame(plain->error(), call));
    tools::Constraint out;
    out.kind = tools::Constraint::Kind::whole;
    out.grammar = std::move(**plain);
    return out;
  }
  tools::ConstraintOptions options;
  options.parallel = parallel;
  options.thinking = thinking;
  options.starts_thinking = starts_thinking;
  if (call.format.kind == Format::Kind::json_schema) options.answer_schema = call.format.source;
  if (call.format.kind == Format::Kind::json_object) options.answer_schema = R"({"type":"object"})";
  if (call.format.gemini_schema) options.schema.dialect = grammar::SchemaDialect::gemini;
  if (!calls && !options.answer_schema) return tools::Constraint{};
  const std::vector<tools::Tool> all = tools_of(call.tool_use);
  auto made = tools::make_constraint(format, all, choice, options);
  if (!made) return tl::unexpected(blame(made.error(), call));
  return std::move(*made);
}

std::vector<std::string> left_out_of(const api::Call& call, const std::vector<tools::LeftOut>& left_out) {
  constexpr std::size_t kMostBytes = 2000;  // proxies take headers of 4 KiB and more, of all names together
  std::vector<std::string> out;
  std::size_t bytes = 0;
  for (const tools::LeftOut& left : left_out) {
    std::string field = call.format.param;
    for (const api::Tool& tool : call.tool_use.tools) {
      if (tool.name == left.tool) field = tool.param.empty() ? "tools" : tool.param;
    }
    if (left.pointer != "#") field += left.pointer;
    bytes += field.size() + 2;
    if (out.size() == grammar::kMostLeftOut || bytes > kMostBytes) {
      out.emplace_back("and more of the schemas");
      break;
    }
    out.push_back(std::move(field));
  }
  return out;
}

std::string constraint_key(const api::Call& call, bool parallel, bool starts_thinking) {
  // Lengths before texts: no two different lists of texts give the same key.
  std::string out = fmt::format("{} {} {} {} {}|", static_cast<int>(call.format.kind), call.format.gemini_schema,
                                static_cast<int>(call.tool_use.choice), parallel, starts_thinking);
  const auto add = [&](const std::string& text) { out += fmt::format("{}:{}", text.size(), text); };
  add(call.format.source);
  for (const std::string& text : call.format.choices) add(text);
  out += '|';
  for (const std::string& text : call.tool_use.allowed) add(text);
  for (const api::Tool& tool : call.tool_use.tools) {
    out += '|';
    add(tool.name);
    add(tool.parameters);
    out += tool.strict ? "strict" : "";
  }
  return out;
}

}  // namespace freehold::app
