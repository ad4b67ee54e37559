// Statements.
#include "base/utf8.h"
#include "text/jinja/lexer.h"
#include "text/jinja/parser.h"
#include "text/jinja/parser_state.h"

namespace freehold::text::jinja {
namespace {

std::unique_ptr<Stmt> make(StmtKind kind, std::uint32_t line) {
  auto out = std::make_unique<Stmt>();
  out->kind = kind;
  out->line = line;
  return out;
}

std::string join(std::initializer_list<const char*> names) {
  std::string out;
  for (const char* name : names) out += std::string(out.empty() ? "'" : " or '") + name + "'";
  return out;
}

}  // namespace

Outcome<Ast> Parser::run() {
  FH_TRY(ast_.body, body({}));
  return std::move(ast_);
}

Outcome<Body> Parser::body(Ends ends) {
  Depth depth(*this);
  if (!depth.ok()) return too_deep();
  Body out;
  while (true) {
    const Token& token = current();
    if (token.type == TokenType::eof) {
      if (ends.size() != 0) return fail("unexpected end of the template, looking for " + join(ends));
      return out;
    }
    if (token.type == TokenType::data) {
      out.push_back(make(StmtKind::data, token.line));
      out.back()->text = token.text;
      skip();
    } else if (token.type == TokenType::variable_begin) {
      out.push_back(make(StmtKind::output, token.line));
      skip();
      FH_TRY(out.back()->expr, tuple(true, false));
      FH_TRY_VOID(expect(TokenType::variable_end, "'}}'"));
    } else {
      FH_TRY_VOID(expect(TokenType::block_begin, "a tag"));
      for (const char* end : ends)
        if (current().is_name(end)) return out;
      if (current().is_name("print")) {
        FH_TRY_VOID(parse_print(out));
      } else {
        FH_TRY(auto next, statement());
        out.push_back(std::move(next));
      }
      FH_TRY_VOID(expect(TokenType::block_end, "'%}'"));
    }
  }
}

Outcome<Body> Parser::block(Ends ends, std::string* end) {
  skip_op(":");
  FH_TRY_VOID(expect(TokenType::block_end, "'%}'"));
  FH_TRY(Body out, body(ends));
  if (end != nullptr) *end = current().text;
  skip();
  return out;
}

Parser::ParsedStmt Parser::statement() {
  const Token& token = current();
  if (token.type != TokenType::name) return fail("tag name expected, got " + describe(token));
  const std::string& name = token.text;
  if (name == "if") return parse_if();
  if (name == "for") return parse_for();
  if (name == "set") return parse_set();
  if (name == "macro") return parse_macro();
  if (name == "call") return parse_call();
  if (name == "filter") return parse_filter_block();
  if (name == "with") return parse_with();
  if (name == "generation") return parse_scope("endgeneration");
  if (name == "autoescape") return parse_scope("endautoescape");
  if (name == "block") return parse_block();
  if (name == "include" || name == "import" || name == "from" || name == "extends") return parse_unloadable();
  if (name == "break" || name == "continue") {
    if (loops_ == 0) return fail("'" + name + "' outside a loop");
    auto out = make(name == "break" ? StmtKind::stop : StmtKind::next, token.line);
    skip();
    return out;
  }
  return fail("unknown tag '" + printable(name, 60) + "'");
}

Parser::ParsedStmt Parser::parse_if() {
  auto out = make(StmtKind::condition, current().line);
  std::string end = "elif";
  while (end == "elif") {
    if (out->branches.empty()) skip();  // "if"; block() has consumed an "elif"
    FH_TRY(ExprPtr condition, tuple(false, false));
    FH_TRY(Body branch, block({"elif", "else", "endif"}, &end));
    out->branches.emplace_back(std::move(condition), std::move(branch));
  }
  if (end == "else") {
    FH_TRY(out->otherwise, block({"endif"}));
  }
  return out;
}

Parser::ParsedStmt Parser::parse_for() {
  auto out = make(StmtKind::loop, current().line);
  skip();
  FH_TRY(out->target, target(false, true, "in"));
  if (!skip_name("in")) return fail("expected 'in', got " + describe(current()));
  FH_TRY(out->expr, tuple(false, false, "recursive"));
  if (skip_name("if")) {
    FH_TRY(out->test, expression());
  }
  out->recursive = skip_name("recursive");
  std::string end;
  ++loops_;
  auto loop_body = block({"endfor", "else"}, &end);
  --loops_;
  FH_TRY(out->body, std::move(loop_body));
  if (end == "else") {
    FH_TRY(out->otherwise, block({"endfor"}));
  }
  return out;
}

Parser::ParsedStmt Parser::parse_set() {
  auto out = make(StmtKind::set, current().line);
  skip();
  FH_TRY(out->target, target(true, true, nullptr));
  if (skip_op("=")) {
    FH_TRY(out->expr, tuple(true, false));
    return out;
  }
  out->kind = StmtKind::set_block;
  FH_TRY(out->expr, filter(nullptr, false));
  FH_TRY(out->body, block({"endset"}));
  return out;
}

Done Parser::signature(MacroDef& macro) {
  FH_TRY_VOID(expect_op("("));
  while (!current().is_op(")")) {
    if (!macro.parameters.empty()) FH_TRY_VOID(expect_op(","));
    FH_TRY(std::string name, expect_name());
    if (macro.parameters.size() >= kMaxNamed) return refuse(FailureKind::limit, "too many parameters", current().line);
    Parameter parameter;
    parameter.name = intern(name);
    for (const Parameter& other : macro.parameters)
      if (other.name == parameter.name) return fail("duplicate argument '" + printable(name, 60) + "'");
    if (skip_op("=")) {
      FH_TRY(parameter.fallback, expression());
    } else if (!macro.parameters.empty() && macro.parameters.back().fallback) {
      return fail("non-default argument follows default argument");
    }
    macro.parameters.push_back(std::move(parameter));
  }
  skip();
  return {};
}

Parser::ParsedStmt Parser::parse_macro() {
  auto out = make(StmtKind::macro, current().line);
  skip();
  out->macro = std::make_unique<MacroDef>();
  FH_TRY(out->macro->name, expect_name());
  out->target.name = intern(out->macro->name);
  FH_TRY_VOID(signature(*out->macro));
  std::size_t loops = std::exchange(loops_, 0);
  macros_.push_back(out->macro.get());
  auto macro_body = block({"endmacro"});
  macros_.pop_back();
  loops_ = loops;
  FH_TRY(out->macro->body, std::move(macro_body));
  return out;
}

Parser::ParsedStmt Parser::parse_call() {
  auto out = make(StmtKind::call_block, current().line);
  skip();
  out->macro = std::make_unique<MacroDef>();
  out->macro->name = "caller";
  if (current().is_op("(")) FH_TRY_VOID(signature(*out->macro));
  FH_TRY(out->expr, expression());
  if (out->expr->kind != ExprKind::call) return fail("expected call", out->line);
  std::size_t loops = std::exchange(loops_, 0);
  macros_.push_back(out->macro.get());
  auto caller_body = block({"endcall"});
  macros_.pop_back();
  loops_ = loops;
  FH_TRY(out->macro->body, std::move(caller_body));
  return out;
}

Parser::ParsedStmt Parser::parse_filter_block() {
  auto out = make(StmtKind::filter_block, current().line);
  skip();
  FH_TRY(out->expr, filter(nullptr, true));
  FH_TRY(out->body, block({"endfilter"}));
  return out;
}

Parser::ParsedStmt Parser::parse_with() {
  auto out = make(StmtKind::with, current().line);
  skip();
  while (current().type != TokenType::block_end) {
    if (!out->bindings.empty()) FH_TRY_VOID(expect_op(","));
    FH_TRY(Target name, target(false, true, nullptr));
    FH_TRY_VOID(expect_op("="));
    FH_TRY(ExprPtr value, expression());
    out->bindings.emplace_back(std::move(name), std::move(value));
  }
  FH_TRY(out->body, block({"endwith"}));
  return out;
}

// {% generation %} marks what the assistant said (for training masks) and {% autoescape false %} changes nothing here.
Parser::ParsedStmt Parser::parse_scope(const char* end) {
  auto out = make(StmtKind::scope, current().line);
  bool escape = current().is_name("autoescape");
  skip();
  if (escape && !skip_name("false") && !skip_name("False")) return fail("autoescape is not supported");
  FH_TRY(out->body, block({end}));
  return out;
}

Parser::ParsedStmt Parser::parse_block() {
  auto out = make(StmtKind::scope, current().line);
  skip();
  FH_TRY(std::string name, expect_name());
  skip_name("scoped");
  skip_name("required");
  FH_TRY(out->body, block({"endblock"}));
  skip_name(name.c_str());
  return out;
}

// Parsed to its end and refused when it runs: there is no loader.
Parser::ParsedStmt Parser::parse_unloadable() {
  auto out = make(StmtKind::no_loader, current().line);
  while (current().type != TokenType::block_end && current().type != TokenType::eof) skip();
  return out;
}

Done Parser::parse_print(Body& out) {
  skip();
  bool comma = false;
  while (current().type != TokenType::block_end) {
    if (comma) FH_TRY_VOID(expect_op(","));
    comma = true;
    out.push_back(make(StmtKind::output, current().line));
    FH_TRY(out.back()->expr, expression());
  }
  return {};
}

Outcome<Target> Parser::single_target(bool with_namespace) {
  Depth depth(*this);
  if (!depth.ok()) return too_deep();
  if (skip_op("(")) {
    FH_TRY(Target inner, target(with_namespace, true, nullptr));
    FH_TRY_VOID(expect_op(")"));
    return inner;
  }
  FH_TRY(std::string name, expect_name());
  for (const char* constant : {"true", "false", "none", "True", "False", "None"})
    if (name == constant) return fail("can't assign to '" + name + "'");
  Target out;
  out.name = intern(name);
  if (with_namespace && skip_op(".")) {
    out.kind = Target::Kind::attribute;
    FH_TRY(out.attribute, expect_name());
  }
  return out;
}

Outcome<Target> Parser::target(bool with_namespace, bool with_tuple, const char* end_name) {
  FH_TRY(Target first, single_target(with_namespace));
  if (!with_tuple || !current().is_op(",")) return first;
  Target out;
  out.kind = Target::Kind::tuple;
  out.parts.push_back(std::move(first));
  while (skip_op(",")) {
    bool end = current().type != TokenType::name && !current().is_op("(");
    if (end || (end_name != nullptr && current().is_name(end_name))) break;
    FH_TRY(Target next, single_target(with_namespace));
    out.parts.push_back(std::move(next));
  }
  return out;
}

Outcome<Ast> parse(std::string_view source, std::size_t max_depth) {
  FH_TRY(std::vector<Token> tokens, tokenize(source));
  return Parser(std::move(tokens), max_depth).run();
}

}  // namespace freehold::text::jinja
