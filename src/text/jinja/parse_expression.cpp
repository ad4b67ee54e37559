// Token helpers and the operators of expressions, loosest first.
#include <algorithm>

#include "base/utf8.h"
#include "text/jinja/parser_state.h"

namespace freehold::text::jinja {
namespace {

struct NamedOp {
  const char* text;
  Op op;
};

template <std::size_t N>
const NamedOp* find_op(const NamedOp (&table)[N], const Token& token) {
  if (token.type != TokenType::op) return nullptr;
  for (const NamedOp& entry : table)
    if (token.text == entry.text) return &entry;
  return nullptr;
}

constexpr NamedOp kCompare[] = {{"==", Op::eq}, {"!=", Op::ne}, {"<", Op::lt},
                                {"<=", Op::le}, {">", Op::gt},  {">=", Op::ge}};
constexpr NamedOp kSum[] = {{"+", Op::add}, {"-", Op::sub}};
constexpr NamedOp kProduct[] = {{"*", Op::mul}, {"/", Op::div}, {"//", Op::floordiv}, {"%", Op::mod}};
constexpr NamedOp kPower[] = {{"**", Op::pow}};

}  // namespace

bool Parser::skip_name(const char* name) {
  if (!current().is_name(name)) return false;
  skip();
  return true;
}
bool Parser::skip_op(const char* op) {
  if (!current().is_op(op)) return false;
  skip();
  return true;
}
Done Parser::expect_op(const char* op) {
  if (!skip_op(op)) return fail(std::string("expected '") + op + "', got " + describe(current()));
  return {};
}
Done Parser::expect(TokenType type, const char* what) {
  if (current().type != type) return fail(std::string("expected ") + what + ", got " + describe(current()));
  skip();
  return {};
}
Outcome<std::string> Parser::expect_name() {
  if (current().type != TokenType::name) return fail("expected a name, got " + describe(current()));
  std::string name = current().text;
  skip();
  return name;
}

tl::unexpected<Failure> Parser::fail(std::string what, std::size_t line) const {
  return refuse(FailureKind::syntax, std::move(what), line != 0 ? line : current().line);
}
tl::unexpected<Failure> Parser::too_deep() const {
  return refuse(FailureKind::limit, "nested deeper than " + std::to_string(max_depth_) + " levels", current().line);
}

std::string Parser::describe(const Token& token) const {
  switch (token.type) {
    case TokenType::data:
      return "text";
    case TokenType::variable_begin:
      return "'{{'";
    case TokenType::variable_end:
      return "'}}'";
    case TokenType::block_begin:
      return "'{%'";
    case TokenType::block_end:
      return "'%}'";
    case TokenType::string:
      return "a string";
    case TokenType::integer:
    case TokenType::real:
      return "a number";
    case TokenType::eof:
      return "the end of the template";
    case TokenType::name:
    case TokenType::op:
      break;
  }
  return "'" + printable(token.text, 40) + "'";
}

ExprPtr Parser::node(ExprKind kind, std::uint32_t line) const {
  auto out = std::make_unique<Expr>();
  out->kind = kind;
  out->line = line;
  return out;
}

Parser::Parsed Parser::finish(ExprPtr node) const {
  std::size_t depth = 0;
  auto see = [&](const ExprPtr& kid) {
    if (kid) depth = std::max<std::size_t>(depth, kid->depth);
  };
  for (const ExprPtr& kid : node->kids) see(kid);
  if (node->arguments) {
    for (const ExprPtr& kid : node->arguments->positional) see(kid);
    for (const auto& [name, kid] : node->arguments->named) see(kid);
    see(node->arguments->star);
    see(node->arguments->double_star);
  }
  if (depth + 1 > max_depth_) return too_deep();
  node->depth = static_cast<std::uint16_t>(depth + 1);
  return node;
}

Name Parser::intern(const std::string& name) {
  auto [it, fresh] = ids_.try_emplace(name, static_cast<Name>(ast_.names.size()));
  if (fresh) ast_.names.push_back(name);
  return it->second;
}

Parser::Parsed Parser::expression(bool with_conditional) {
  return with_conditional ? conditional() : any();
}

Parser::Parsed Parser::conditional() {
  Depth depth(*this);
  if (!depth.ok()) return too_deep();
  FH_TRY(ExprPtr value, any());
  while (current().is_name("if")) {
    ExprPtr out = node(ExprKind::conditional, current().line);
    skip();
    FH_TRY(ExprPtr condition, any());
    ExprPtr otherwise;
    if (skip_name("else")) {
      FH_TRY(otherwise, conditional());
    }
    out->kids.push_back(std::move(condition));
    out->kids.push_back(std::move(value));
    out->kids.push_back(std::move(otherwise));
    FH_TRY(value, finish(std::move(out)));
  }
  return value;
}

Parser::Parsed Parser::any() {
  FH_TRY(ExprPtr left, all());
  if (!current().is_name("or")) return left;
  ExprPtr out = node(ExprKind::any, left->line);
  out->kids.push_back(std::move(left));
  while (skip_name("or")) {
    FH_TRY(ExprPtr right, all());
    out->kids.push_back(std::move(right));
  }
  return finish(std::move(out));
}

Parser::Parsed Parser::all() {
  FH_TRY(ExprPtr left, inverted());
  if (!current().is_name("and")) return left;
  ExprPtr out = node(ExprKind::all, left->line);
  out->kids.push_back(std::move(left));
  while (skip_name("and")) {
    FH_TRY(ExprPtr right, inverted());
    out->kids.push_back(std::move(right));
  }
  return finish(std::move(out));
}

Parser::Parsed Parser::inverted() {
  if (!current().is_name("not")) return compare();
  Depth depth(*this);
  if (!depth.ok()) return too_deep();
  ExprPtr out = node(ExprKind::invert, current().line);
  skip();
  FH_TRY(ExprPtr value, inverted());
  out->kids.push_back(std::move(value));
  return finish(std::move(out));
}

Parser::Parsed Parser::compare() {
  FH_TRY(ExprPtr left, sum());
  ExprPtr out;
  while (true) {
    Op op = Op::eq;
    if (const NamedOp* found = find_op(kCompare, current())) {
      op = found->op;
      skip();
    } else if (skip_name("in")) {
      op = Op::in;
    } else if (current().is_name("not") && ahead().is_name("in")) {
      op = Op::not_in;
      skip();
      skip();
    } else {
      break;
    }
    if (!out) {
      out = node(ExprKind::compare, left->line);  // NOLINT(bugprone-use-after-move): only while `out` is empty
      out->kids.push_back(std::move(left));
    }
    FH_TRY(ExprPtr right, sum());
    out->ops.push_back(op);
    out->kids.push_back(std::move(right));
  }
  if (!out) return left;
  return finish(std::move(out));
}

Parser::Parsed Parser::sum() {
  FH_TRY(ExprPtr left, concat());
  if (find_op(kSum, current()) == nullptr) return left;
  ExprPtr out = node(ExprKind::arithmetic, left->line);
  out->kids.push_back(std::move(left));
  while (const NamedOp* op = find_op(kSum, current())) {
    skip();
    FH_TRY(ExprPtr right, concat());
    out->ops.push_back(op->op);
    out->kids.push_back(std::move(right));
  }
  return finish(std::move(out));
}

Parser::Parsed Parser::concat() {
  FH_TRY(ExprPtr left, product());
  if (!current().is_op("~")) return left;
  ExprPtr out = node(ExprKind::concat, left->line);
  out->kids.push_back(std::move(left));
  while (skip_op("~")) {
    FH_TRY(ExprPtr right, product());
    out->kids.push_back(std::move(right));
  }
  return finish(std::move(out));
}

Parser::Parsed Parser::product() {
  FH_TRY(ExprPtr left, power());
  if (find_op(kProduct, current()) == nullptr) return left;
  ExprPtr out = node(ExprKind::arithmetic, left->line);
  out->kids.push_back(std::move(left));
  while (const NamedOp* op = find_op(kProduct, current())) {
    skip();
    FH_TRY(ExprPtr right, power());
    out->ops.push_back(op->op);
    out->kids.push_back(std::move(right));
  }
  return finish(std::move(out));
}

// From the left, as Jinja2's own parser has it (Python's ** associates to the right).
Parser::Parsed Parser::power() {
  FH_TRY(ExprPtr left, unary(true));
  if (find_op(kPower, current()) == nullptr) return left;
  ExprPtr out = node(ExprKind::arithmetic, left->line);
  out->kids.push_back(std::move(left));
  while (find_op(kPower, current()) != nullptr) {
    skip();
    FH_TRY(ExprPtr right, unary(true));
    out->ops.push_back(Op::pow);
    out->kids.push_back(std::move(right));
  }
  return finish(std::move(out));
}

Parser::Parsed Parser::unary(bool with_filter) {
  ExprPtr value;
  if (current().is_op("-") || current().is_op("+")) {
    Depth depth(*this);
    if (!depth.ok()) return too_deep();
    ExprPtr out = node(current().is_op("-") ? ExprKind::negate : ExprKind::plus, current().line);
    skip();
    FH_TRY(ExprPtr operand, unary(false));
    out->kids.push_back(std::move(operand));
    FH_TRY(value, finish(std::move(out)));
  } else {
    FH_TRY(value, primary());
  }
  FH_TRY(value, postfix(std::move(value)));
  if (!with_filter) return value;
  return filter_chain(std::move(value));
}

}  // namespace freehold::text::jinja
