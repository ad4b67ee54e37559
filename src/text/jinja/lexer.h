// Splits a template into tokens exactly as Jinja2 does with trim_blocks, lstrip_blocks and its default delimiters: this
// is where "-" and "+" signs, newlines after blocks, comments and raw sections are dealt with.
#pragma once

#include <string_view>
#include <vector>

#include "text/jinja/failure.h"
#include "text/jinja/token.h"

namespace freehold::text::jinja {

// `source` is valid UTF-8. The last token is eof. Errors: syntax.
Outcome<std::vector<Token>> tokenize(std::string_view source);

}  // namespace freehold::text::jinja
