// Constrained decoding: what a text may look like (a JSON Schema, any JSON object, a regular expression, a GBNF
// grammar, a list of choices, or a sequence of such pieces), compiled once and shared. matcher.h runs it, one per
// sequence.
//
//   FH_TRY(auto grammar, grammar::compile_json_schema(schema));
//   auto vocabulary = grammar::VocabularyIndex::create(tokenizer);           // once a tokenizer
//   auto cache = std::make_shared<grammar::MaskCache>(grammar, vocabulary);  // once a grammar and tokenizer
//   grammar::Matcher matcher(cache);                                         // once a sequence
//   std::vector<std::uint64_t> mask(vocabulary->mask_words());
//   FH_TRY(auto kind, matcher.fill_mask(mask, tokens_left));  …  matcher.accept(token);
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "text/grammar/automaton.h"
#include "text/grammar/limits.h"

namespace freehold::text::grammar {

using Grammar = Automaton;  // no more to it: rules, and what is known about their ends
using GrammarPtr = std::shared_ptr<const Grammar>;

enum class SchemaDialect : std::uint8_t {
  json_schema,  // draft 2020-12, and what draft-04 to draft-07 and OpenAPI 3 clients send
  gemini,       // upper-case types, nullable, propertyOrdering, int64 as strings, snake_case keywords
};

// What schemas ask for and is not enforced, as JSON pointers ("#/properties/a/format"; not ASCII, space and comma as
// %XX), each once. Of one schema no more than kMostLeftOut + 1 are collected.
using LeftOut = std::vector<std::string>;
inline constexpr std::size_t kMostLeftOut = 32;

struct SchemaOptions {
  SchemaDialect dialect = SchemaDialect::json_schema;
  // None, or none or one space behind ':' and ','.
  bool allow_spaces = true;
  // Objects may have members that the schema does not list, wherever it does not forbid them, as the specification
  // says. Otherwise a schema that lists properties, and says nothing of others, means these and no others.
  bool open_objects = false;
  // Told of formats that are not known, and of patterns that no automaton can hold beside a format that is enforced:
  // these are left out. Null: they are refused like the rest. Borrowed for the call (docs/adr/0069).
  LeftOut* left_out = nullptr;
  // All that cannot be enforced is left out, so that there are more values than the schema has. Needs left_out.
  bool loose = false;
  Limits limits;
};

// Errors of all: invalid (not what it claims to be), unsupported (what cannot be enforced, by name and JSON pointer),
// exhausted (a limit, by name).
Result<GrammarPtr> compile_json_schema(std::string_view schema, const SchemaOptions& options = {});
Result<GrammarPtr> compile_json_object(const SchemaOptions& options = {});              // any JSON object
Result<GrammarPtr> compile_regex(std::string_view pattern, const Limits& limits = {});  // the whole text
Result<GrammarPtr> compile_gbnf(std::string_view grammar, const Limits& limits = {});
Result<GrammarPtr> compile_choice(std::span<const std::string> choices, const Limits& limits = {});

// Texts made of pieces: what a tool call looks like around the arguments that a schema describes.
//   alternatives {{literal("{\"name\": \"f\", \"arguments\": "), schema(f), literal("}")}, {…}}
struct Piece {
  enum class Kind : std::uint8_t { literal, json_schema, json_object, regex };
  Kind kind = Kind::literal;
  std::string text;                      // the literal, the schema, the pattern
  std::optional<SchemaDialect> dialect;  // of this schema; nothing: that of the options
  LeftOut* left_out = nullptr;           // as in SchemaOptions, for this schema
  bool loose = false;
};
struct PieceOptions {
  SchemaOptions schema;
  // How many of the alternatives follow one another (parallel tool calls), and what stands before, between and after.
  std::uint32_t min = 1;
  std::uint32_t max = 1;
  std::string before;
  std::string between;
  std::string after;
  std::vector<Piece> lead;                  // behind `before`, where what opens the alternatives is not one text
  std::vector<std::vector<Piece>> instead;  // each may stand for everything behind `before`
};
Result<GrammarPtr> compile_pieces(std::span<const std::vector<Piece>> alternatives, const PieceOptions& options = {});

}  // namespace freehold::text::grammar
