// What an answer of `run` must look like: --schema, --regex, --grammar, --choice.
#pragma once

#include <memory>
#include <vector>

#include "app/command.h"
#include "text/grammar/grammar.h"
#include "text/grammar/mask_cache.h"
#include "text/tokenizer.h"

namespace freehold::app {

std::vector<Option> constraint_options();

// Reads and compiles what the options name; null if they are not given. Needs no model, so a mistake shows at once.
// Errors: invalid (more than one of them), and those of reading and compiling, with the option's name.
Result<text::grammar::GrammarPtr> grammar_from(const Arguments& arguments);

// The JSON Schema that --schema names or is, checked; empty if it is not given. Errors as above.
Result<std::string> schema_from(const Arguments& arguments);

// For a model's tokenizer; null for null. Errors: unsupported (the vocabulary cannot write it), exhausted (its shortest
// text has more tokens than `max_tokens`, if that is not 0).
Result<std::shared_ptr<text::grammar::MaskCache>> constraint_for(text::grammar::GrammarPtr grammar,
                                                                 const text::Tokenizer& tokenizer,
                                                                 std::uint32_t max_tokens);

}  // namespace freehold::app
