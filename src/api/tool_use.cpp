#include "api/tool_use.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <string>

#include "base/utf8.h"

namespace freehold::api {

bool is_tool_name(std::string_view name, std::string_view others) {
  const auto good = [&](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-' ||
           others.find(c) != std::string_view::npos;
  };
  return !name.empty() && name.size() <= 128 && std::all_of(name.begin(), name.end(), good);
}

Parsed<void> check_tool_use(const ToolUse& use, std::string_view tools_field, std::string_view choice_field) {
  constexpr std::size_t kMostTools = 1024;
  const std::string tools(tools_field), choice(choice_field);
  if (use.tools.size() > kMostTools) {
    return refuse(Problem::invalid, fmt::format("'{}' has more than {} entries", tools, kMostTools), tools);
  }
  std::set<std::string_view> names;
  for (const Tool& tool : use.tools) {
    if (!names.insert(tool.name).second) {
      return refuse(Problem::invalid, fmt::format("'{}' has two tools called '{}'", tools, tool.name), tools);
    }
  }
  if (use.choice == ToolChoice::required && use.tools.empty()) {
    return refuse(Problem::invalid, fmt::format("'{}' asks for a call, but there are no '{}'", choice, tools), choice);
  }
  for (const std::string& name : use.allowed) {
    if (names.contains(name)) continue;
    return refuse(Problem::invalid, fmt::format("'{}': there is no tool called '{}'", choice, printable(name)), choice);
  }
  return {};
}

}  // namespace freehold::api
