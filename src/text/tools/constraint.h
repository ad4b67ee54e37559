// What an answer may look like where there are tools: a grammar, and from where on it holds.
//
//   required    whole    calls and nothing else, from the first token on
//   automatic   lazy     free text until a trigger; from the trigger's first byte on the grammar's text, to the end
//   automatic and a schema for the answer   whole    either calls or the JSON
//   none        nothing, or the JSON
//
// Once a call has begun its arguments are valid against the tool's parameters. Where a tool is neither strict nor
// required, what cannot be enforced of them is left out, and named in Constraint::left_out (docs/adr/0069). No text
// follows calls.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "text/grammar/grammar.h"
#include "text/tools/literal_matcher.h"
#include "text/tools/tool.h"
#include "text/tools/tool_format.h"

namespace freehold::text::tools {

// The most calls in one answer: a model that knows no end must still come to one.
inline constexpr std::uint32_t kMaxCalls = 32;

// Something that a schema asks for and answers are not held to.
struct LeftOut {
  std::string tool;     // whose parameters ask for it; empty: the answer's schema
  std::string pointer;  // "#/properties/a/format"; "#": all of it, arguments are any object
};

struct Constraint {
  enum class Kind : std::uint8_t { nothing, whole, lazy };
  Kind kind = Kind::nothing;
  grammar::GrammarPtr grammar;  // null for `nothing`
  // Of `lazy`: the grammar's text begins with the trigger. See LazyStart.
  std::vector<std::string> triggers;
  std::vector<std::string> start_triggers;  // only where the answer, or what follows the thinking, starts
  std::string thinking_open;                // empty = the model does not think
  std::string thinking_close;
  bool starts_thinking = false;
  std::vector<LeftOut> left_out;
};

struct ConstraintOptions {
  bool parallel = true;  // more than one call
  std::optional<ThinkingTags> thinking;
  // The prompt ends inside of thinking (prompt_opens_thinking). A `whole` grammar then begins with the closing tag:
  // forced means that the call begins at once.
  bool starts_thinking = false;
  // Let the model finish its thoughts first instead: `lazy`, with the closing tag as the trigger. A model that never
  // closes them never calls.
  bool think_first = false;
  // The answer's own schema, if it has one (response_format), as JSON text. "{}" asks for any JSON value.
  std::optional<std::string> answer_schema;
  // Dialect and limits of answer_schema; limits and spaces of all.
  grammar::SchemaOptions schema;
};

// Errors: as check_tools, and invalid, unsupported or exhausted from a schema, naming the tool. Of a tool that is
// neither strict nor required only invalid.
Result<Constraint> make_constraint(const ToolFormat& format, std::span<const Tool> tools, const ToolChoice& choice,
                                   const ConstraintOptions& options = {});

// Finds where a lazy constraint begins; fed with the answer's text as it is decoded, control tokens among
// markers_of(format) shown as their text. The engine's part:
//
//   auto begun = start.push(text_of(token));   // before the token is final
//   if (begun && !matcher.accept_bytes(*begun)) …  // the token runs past the trigger with what no call goes on with:
//                                                  // forbid this token here, take another, on a copy from before it
//   from then on the matcher masks every token.
//
// Copyable, so that a token can be tried.
class LazyStart {
 public:
  // `constraint` is lazy.
  explicit LazyStart(const Constraint& constraint);
  // The grammar's text so far (the trigger and what followed it in this text), once, when a trigger is complete. Time:
  // a constant per byte and trigger. Afterwards nothing may be pushed.
  std::optional<std::string> push(std::string_view text);

 private:
  enum class State : std::uint8_t { start, thinking, text };
  bool step_start(char byte);
  State state_;
  LiteralMatcher triggers_;
  LiteralMatcher close_;
  std::vector<std::string> openers_;  // what may stand only at the start; with may_think_, the opening tag first
  bool may_think_ = false;
  std::string lexeme_;     // at the start: the beginning of an opener
  std::size_t found_ = 0;  // length of the trigger
};

}  // namespace freehold::text::tools
