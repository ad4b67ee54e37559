#include "app/constraint.h"

#include <fmt/format.h>

#include <algorithm>
#include <string>

#include "app/input.h"
#include "engine/allowed_tokens.h"
#include "engine/constraints.h"

namespace freehold::app {
namespace {

using engine::ConstraintSource;

// A schema is written out on the command line, or the name of a file.
bool is_json(std::string_view text) {
  const std::size_t first = text.find_first_not_of(" \t\r\n");
  return text == "true" || text == "false" || (first != std::string_view::npos && text[first] == '{');
}

Result<std::string> read_source(std::string_view path) {
  return read_input(path, text::grammar::Limits().source_bytes);
}

Result<ConstraintSource> source_of(std::string_view option, const Arguments& arguments) {
  ConstraintSource source;
  const std::string_view value = arguments.text(option);
  if (option == "schema") {
    source.kind = ConstraintSource::Kind::json_schema;
    source.text = value;
    if (!is_json(value)) {
      FH_TRY(source.text, read_source(value));
    }
  } else if (option == "regex") {
    source.kind = ConstraintSource::Kind::regex;
    source.text = value;
  } else if (option == "grammar") {
    source.kind = ConstraintSource::Kind::gbnf;
    FH_TRY(source.text, read_source(value));
  } else {
    source.kind = ConstraintSource::Kind::choice;
    source.choices = arguments.list(option);
  }
  return source;
}

}  // namespace

std::vector<Option> constraint_options() {
  return {
      {.name = "schema",
       .type = OptionType::file,
       .value = "FILE|JSON",
       .help = "The answer is JSON that this JSON Schema accepts (a file, or the schema itself)."},
      {.name = "regex", .type = OptionType::text, .value = "RE", .help = "The whole answer matches this expression."},
      {.name = "grammar",
       .type = OptionType::file,
       .value = "FILE",
       .help = "The answer is a text of this GBNF grammar."},
      {.name = "choice",
       .type = OptionType::text,
       .value = "TEXT",
       .help = "The answer is this text, or one of the others that are given so.",
       .repeatable = true},
  };
}

Result<text::grammar::GrammarPtr> grammar_from(const Arguments& arguments) {
  std::string_view found;
  for (const Option& option : constraint_options()) {
    if (!arguments.given(option.name)) continue;
    if (!found.empty())
      return fail(Errc::invalid, fmt::format("--{} and --{} exclude one another", found, option.name));
    found = option.name;
  }
  if (found.empty()) return text::grammar::GrammarPtr();
  auto named = [&](const Error& e) { return fail(e.code, fmt::format("--{}: {}", found, e.what)); };
  auto source = source_of(found, arguments);
  if (!source) return named(source.error());
  auto compiled = engine::compile(*source);
  if (!compiled) return named(compiled.error());
  return compiled;
}

Result<std::string> schema_from(const Arguments& arguments) {
  if (!arguments.given("schema")) return std::string();
  auto named = [&](const Error& e) { return fail(e.code, fmt::format("--schema: {}", e.what)); };
  auto source = source_of("schema", arguments);
  if (!source) return named(source.error());
  if (auto compiled = engine::compile(*source); !compiled) return named(compiled.error());
  return std::move(source->text);
}

Result<std::shared_ptr<text::grammar::MaskCache>> constraint_for(text::grammar::GrammarPtr grammar,
                                                                 const text::Tokenizer& tokenizer,
                                                                 std::uint32_t max_tokens) {
  if (!grammar) return std::shared_ptr<text::grammar::MaskCache>();
  auto constraint =
      std::make_shared<text::grammar::MaskCache>(std::move(grammar), text::grammar::VocabularyIndex::create(tokenizer));
  FH_TRY(std::uint32_t fewest, engine::fewest_tokens(constraint));
  if (max_tokens != 0 && fewest > max_tokens) {
    return fail(
        Errc::exhausted,
        fmt::format("the shortest answer that is allowed has {} tokens, but --max-tokens is {}", fewest, max_tokens));
  }
  return constraint;
}

}  // namespace freehold::app
