#include "text/tools/constraint.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "base/utf8.h"
#include "text/grammar/schema_json.h"
#include "text/tools/parameters.h"

namespace freehold::text::tools {
namespace {

using grammar::Piece;
using grammar::PieceOptions;

Piece fixed(std::string_view literal, std::string_view pattern) {
  if (pattern.empty()) return {Piece::Kind::literal, std::string(literal), {}};
  return {Piece::Kind::regex, std::string(pattern), {}};
}

// What is enforced of a tool that may be called.
struct Allowed {
  const Tool* tool = nullptr;
  bool loose = false;   // what cannot be enforced is left out
  bool opaque = false;  // nothing can be: arguments are any object
  grammar::LeftOut left_out;
};

bool unenforceable(const Error& error) {
  return error.code == Errc::unsupported || error.code == Errc::exhausted;
}

Result<std::vector<Piece>> pieces_of(const ToolFormat& format, Allowed& allowed) {
  const Tool& tool = *allowed.tool;
  FH_TRY(std::string schema, arguments_schema(tool));
  std::string name = tool.name;
  if (format.quoted) {
    name = grammar::json_quoted(name);
    name = name.substr(1, name.size() - 2);
  }
  allowed.left_out.clear();
  Piece arguments{Piece::Kind::json_schema, std::move(schema), tool.dialect, &allowed.left_out, allowed.loose};
  if (allowed.opaque) {
    arguments = {Piece::Kind::json_object, {}, {}};
    allowed.left_out = {"#"};
  }
  return std::vector<Piece>{fixed(format.call_open, format.call_open_pattern),
                            {Piece::Kind::literal, std::move(name), {}},
                            fixed(format.name_close, format.name_close_pattern),
                            std::move(arguments),
                            fixed(format.call_close, format.call_close_pattern)};
}

// A schema alone, as its tool has it.
Result<grammar::GrammarPtr> compile_alone(const Allowed& allowed, const ConstraintOptions& options) {
  FH_TRY(std::string schema, arguments_schema(*allowed.tool));
  grammar::LeftOut left_out;
  grammar::SchemaOptions own = options.schema;
  own.dialect = allowed.tool->dialect;
  own.left_out = &left_out;
  own.loose = allowed.loose;
  return grammar::compile_json_schema(schema, own);
}

// A schema that cannot be enforced is reported with its tool's name, which the grammar of all does not know.
Error blame(Error error, std::span<const Allowed> allowed, const ConstraintOptions& options) {
  for (const Allowed& a : allowed) {
    if (a.opaque) continue;
    if (auto alone = compile_alone(a, options); !alone)
      return in_context(std::move(alone).error(), "tool " + printable(a.tool->name, 80) + ": parameters").value();
  }
  return error;
}

// Tools whose schemas are too much even so: nothing of them is enforced then. Whether there are any. To find them costs
// four times what compiling all may cost, however many there are.
bool give_up_large(std::vector<Allowed>& allowed, ConstraintOptions options) {
  options.schema.limits.steps = options.schema.limits.steps * 4 / (allowed.size() + 3);
  bool some = false;
  for (Allowed& a : allowed) {
    if (!a.loose) continue;
    auto alone = compile_alone(a, options);
    a.opaque = !alone && unenforceable(alone.error());
    some |= a.opaque;
  }
  return some;
}

void append(std::vector<std::string>& out, const std::array<std::string_view, 2>& texts) {
  for (std::string_view text : texts) {
    if (!text.empty()) out.emplace_back(text);
  }
}

bool is_space(char c) {
  return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

}  // namespace

Result<Constraint> make_constraint(const ToolFormat& format, std::span<const Tool> tools, const ToolChoice& choice,
                                   const ConstraintOptions& options) {
  FH_TRY_VOID(check_tools(tools, choice));
  const std::vector<Tool> may_call = allowed_tools(tools, choice);
  std::vector<Allowed> allowed;
  bool required = choice.mode == ToolChoice::Mode::required;
  for (const Tool& tool : may_call)
    allowed.push_back({.tool = &tool, .loose = !required && !tool.strict, .left_out = {}});
  bool with_answer = options.answer_schema.has_value() && !required;
  grammar::LeftOut of_answer;
  Constraint out;
  if (allowed.empty() && !with_answer) return out;

  out.kind = required || with_answer ? Constraint::Kind::whole : Constraint::Kind::lazy;
  bool closes_thinking = out.kind == Constraint::Kind::whole && options.starts_thinking && options.thinking;
  PieceOptions pieces;
  pieces.schema = options.schema;
  pieces.max = options.parallel ? kMaxCalls : 1;
  pieces.between = format.separator;
  pieces.after = format.close;
  if (closes_thinking) {
    pieces.before = options.thinking->close;
    pieces.lead.push_back({Piece::Kind::regex, "\n{0,2}", {}});
  }
  if (with_answer) {
    std::vector<Piece> answer = pieces.lead;
    answer.push_back({Piece::Kind::json_schema, *options.answer_schema, {}, &of_answer});
    pieces.instead.push_back(std::move(answer));
  }
  pieces.lead.push_back(fixed(format.open, format.open_pattern));
  std::vector<std::vector<Piece>> instead;
  if (allowed.empty()) {
    instead = std::exchange(pieces.instead, {});
    pieces.lead.clear();
    pieces.after.clear();
    pieces.max = 1;
  }
  const auto compile = [&]() -> Result<grammar::GrammarPtr> {
    of_answer.clear();
    std::vector<std::vector<Piece>> alternatives = instead;
    for (Allowed& a : allowed) {
      FH_TRY(auto one, pieces_of(format, a));
      alternatives.push_back(std::move(one));
    }
    return grammar::compile_pieces(alternatives, pieces);
  };
  auto grammar = compile();
  if (!grammar && unenforceable(grammar.error()) && std::ranges::any_of(allowed, &Allowed::loose)) {
    if (give_up_large(allowed, options)) grammar = compile();
    if (!grammar && unenforceable(grammar.error())) {  // it is their number
      for (Allowed& a : allowed) a.opaque |= a.loose;
      grammar = compile();
    }
  }
  if (!grammar) return Unexpected(blame(std::move(grammar).error(), allowed, options));
  out.grammar = std::move(*grammar);
  for (std::string& pointer : of_answer) out.left_out.push_back({{}, std::move(pointer)});
  for (Allowed& a : allowed) {
    for (std::string& pointer : a.left_out) out.left_out.push_back({a.tool->name, std::move(pointer)});
  }

  if (closes_thinking && options.think_first) {
    out.kind = Constraint::Kind::lazy;
    out.triggers.emplace_back(options.thinking->close);
  } else if (out.kind == Constraint::Kind::lazy) {
    append(out.triggers, format.triggers);
    append(out.start_triggers, format.start_triggers);
    if (options.thinking) {
      out.thinking_open = options.thinking->open;
      out.thinking_close = options.thinking->close;
      out.starts_thinking = options.starts_thinking;
    }
  }
  return out;
}

LazyStart::LazyStart(const Constraint& constraint)
    : state_(constraint.starts_thinking ? State::thinking : State::start),
      triggers_(constraint.triggers),
      close_({constraint.thinking_close}),
      openers_(constraint.start_triggers),
      may_think_(!constraint.thinking_open.empty() && !constraint.starts_thinking) {
  FH_CHECK(constraint.kind == Constraint::Kind::lazy, "only a lazy constraint has a start");
  if (may_think_) openers_.insert(openers_.begin(), constraint.thinking_open);
}

// Whether the byte completes a trigger, whose length is then in found_.
bool LazyStart::step_start(char byte) {
  if (lexeme_.empty() && is_space(byte)) return false;
  lexeme_ += byte;
  bool prefix = false;
  for (std::size_t i = 0; i < openers_.size(); ++i) {
    if (openers_[i] == lexeme_) {
      if (i > 0 || !may_think_) {
        found_ = lexeme_.size();
        return true;
      }
      may_think_ = false;
      openers_.erase(openers_.begin());
      lexeme_.clear();
      state_ = State::thinking;
      return false;
    }
    prefix |= openers_[i].starts_with(lexeme_);
  }
  if (prefix) return false;
  state_ = State::text;
  for (char c : std::exchange(lexeme_, {})) {
    std::size_t hit = triggers_.push(c);
    // Only the last byte can complete one: an opener would have to hold a whole trigger otherwise, and none does.
    if (hit != LiteralMatcher::kNone) {
      found_ = triggers_.literal(hit).size();
      return true;
    }
  }
  return false;
}

std::optional<std::string> LazyStart::push(std::string_view text) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    char c = text[i];
    switch (state_) {
      case State::start: {
        std::string opener = lexeme_ + c;
        if (!step_start(c)) break;
        return opener.substr(opener.size() - found_) + std::string(text.substr(i + 1));
      }
      case State::thinking:
        if (close_.push(c) != LiteralMatcher::kNone) state_ = State::start;
        break;
      case State::text:
        if (std::size_t hit = triggers_.push(c); hit != LiteralMatcher::kNone)
          return triggers_.literal(hit) + std::string(text.substr(i + 1));
        break;
    }
  }
  return std::nullopt;
}

}  // namespace freehold::text::tools
