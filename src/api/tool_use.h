// What the dialects ask of tools, whatever they call the fields.
#pragma once

#include <string_view>

#include "api/call.h"

namespace freehold::api {

// 1 to 128 letters, digits, '_', '-', and of these others.
bool is_tool_name(std::string_view name, std::string_view others);

// Whatever is wrong between tools, choice and allowed names; errors name the two fields so.
Parsed<void> check_tool_use(const ToolUse& use, std::string_view tools_field, std::string_view choice_field);

}  // namespace freehold::api
