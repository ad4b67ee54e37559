// The schema that a tool's arguments are held to.
#pragma once

#include <string>

#include "base/result.h"
#include "text/tools/tool.h"

namespace freehold::text::tools {

// As JSON text; its values are objects, whatever the tool's own schema leaves open. Error: invalid, naming the tool.
Result<std::string> arguments_schema(const Tool& tool);

}  // namespace freehold::text::tools
