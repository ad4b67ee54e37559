// llama.cpp's grammar format (GBNF): `name ::= alternatives`, "literals", [classes], ., ( ), * + ? {m} {m,} {m,n},
// # comments. The text must match `root`. Differences: <token> references are refused by name (the grammar is over
// text, whatever the tokenizer), and so is left recursion, as there.
#pragma once

#include <string_view>

#include "base/result.h"
#include "text/grammar/ir.h"

namespace freehold::text::grammar {

// Adds the rules; returns the root's. Errors: invalid, unsupported, exhausted, with line and column.
Result<RuleId> parse_gbnf(std::string_view source, Ir& ir);

}  // namespace freehold::text::grammar
