// Template text -> Ast, with Jinja2's grammar (loop controls and `generation` included).
#pragma once

#include <cstddef>
#include <string_view>

#include "text/jinja/ast.h"
#include "text/jinja/failure.h"

namespace freehold::text::jinja {

// `source` is valid UTF-8; `max_depth` bounds how deep statements and expressions may nest. Errors: syntax, limit.
Outcome<Ast> parse(std::string_view source, std::size_t max_depth);

}  // namespace freehold::text::jinja
