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
      out = node(ExprKind::compare, left->line);
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

Parser::Parsed Parser::primary() {
  const Token& token = current();
  ExprPtr out = node(ExprKind::literal, token.line);
  switch (token.type) {
    case TokenType::name: {
      std::string name = token.text;
      skip();
      if (name == "true" || name == "True" || name == "false" || name == "False") {
        out->value = Value::boolean(name[0] == 't' || name[0] == 'T');
      } else if (name == "none" || name == "None") {
        out->value = Value::none();
      } else {
        out->kind = ExprKind::name;
        out->name = intern(name);
        for (MacroDef* macro : macros_) {
          macro->uses_caller |= name == "caller";
          macro->uses_kwargs |= name == "kwargs";
          macro->uses_varargs |= name == "varargs";
        }
      }
      return out;
    }
    case TokenType::string: {
      std::string text;
      while (current().type == TokenType::string) {
        text += current().text;
        skip();
      }
      out->value = Value::string(std::move(text));
      return out;
    }
    case TokenType::integer:
      out->value = Value::integer(token.integer);
      skip();
      return out;
    case TokenType::real:
      out->value = Value::real(token.real);
      skip();
      return out;
    case TokenType::op:
      if (skip_op("(")) {
        FH_TRY(ExprPtr inner, tuple(true, true));
        FH_TRY_VOID(expect_op(")"));
        return inner;
      }
      if (token.text == "[") return list();
      if (token.text == "{") return dict();
      break;
    default:
      break;
  }
  return fail("unexpected " + describe(token));
}

Parser::Parsed Parser::tuple(bool with_conditional, bool in_parentheses, const char* end_name) {
  ExprPtr out = node(ExprKind::tuple, current().line);
  bool is_tuple = false;
  while (true) {
    if (!out->kids.empty()) FH_TRY_VOID(expect_op(","));
    if (current().type == TokenType::variable_end || current().type == TokenType::block_end || current().is_op(")") ||
        (end_name != nullptr && current().is_name(end_name)))
      break;
    FH_TRY(ExprPtr item, expression(with_conditional));
    out->kids.push_back(std::move(item));
    if (!current().is_op(",")) break;
    is_tuple = true;
  }
  if (!is_tuple) {
    if (!out->kids.empty()) return std::move(out->kids[0]);
    if (!in_parentheses) return fail("expected an expression, got " + describe(current()));
  }
  return finish(std::move(out));
}

Parser::Parsed Parser::list() {
  ExprPtr out = node(ExprKind::list, current().line);
  skip();
  while (!current().is_op("]")) {
    if (!out->kids.empty()) FH_TRY_VOID(expect_op(","));
    if (current().is_op("]")) break;
    FH_TRY(ExprPtr item, expression());
    out->kids.push_back(std::move(item));
  }
  skip();
  return finish(std::move(out));
}

Parser::Parsed Parser::dict() {
  ExprPtr out = node(ExprKind::dict, current().line);
  skip();
  while (!current().is_op("}")) {
    if (!out->kids.empty()) FH_TRY_VOID(expect_op(","));
    if (current().is_op("}")) break;
    FH_TRY(ExprPtr key, expression());
    FH_TRY_VOID(expect_op(":"));
    FH_TRY(ExprPtr value, expression());
    out->kids.push_back(std::move(key));
    out->kids.push_back(std::move(value));
  }
  skip();
  return finish(std::move(out));
}

Parser::Parsed Parser::postfix(ExprPtr value) {
  while (true) {
    if (current().is_op(".") || current().is_op("[")) {
      FH_TRY(value, subscript(std::move(value)));
    } else if (current().is_op("(")) {
      FH_TRY(value, call(std::move(value)));
    } else {
      return value;
    }
  }
}

Parser::Parsed Parser::filter_chain(ExprPtr value) {
  while (true) {
    if (current().is_op("|")) {
      FH_TRY(value, filter(std::move(value), false));
    } else if (current().is_name("is")) {
      FH_TRY(value, test(std::move(value)));
    } else if (current().is_op("(")) {
      FH_TRY(value, call(std::move(value)));
    } else {
      return value;
    }
  }
}

Parser::Parsed Parser::subscript(ExprPtr value) {
  std::uint32_t line = current().line;
  if (skip_op(".")) {
    ExprPtr out = node(ExprKind::attribute, line);
    out->kids.push_back(std::move(value));
    if (current().type == TokenType::name) {
      out->value = Value::string(current().text);
    } else if (current().type == TokenType::integer) {
      out->kind = ExprKind::subscript;
      ExprPtr number = node(ExprKind::literal, line);
      number->value = Value::integer(current().integer);
      out->kids.push_back(std::move(number));
    } else {
      return fail("expected name or number");
    }
    skip();
    return finish(std::move(out));
  }
  skip();
  ExprPtr out = node(ExprKind::subscript, line);
  ExprPtr items = node(ExprKind::tuple, line);
  while (!current().is_op("]")) {
    if (!items->kids.empty()) FH_TRY_VOID(expect_op(","));
    FH_TRY(ExprPtr item, subscript_item());
    items->kids.push_back(std::move(item));
  }
  skip();
  out->kids.push_back(std::move(value));
  if (items->kids.size() == 1) {
    out->kids.push_back(std::move(items->kids[0]));
  } else {
    FH_TRY(ExprPtr key, finish(std::move(items)));
    out->kids.push_back(std::move(key));
  }
  return finish(std::move(out));
}

Parser::Parsed Parser::subscript_item() {
  ExprPtr out = node(ExprKind::slice, current().line);
  out->kids.resize(3);
  if (!current().is_op(":")) {
    FH_TRY(ExprPtr first, expression());
    if (!current().is_op(":")) return first;
    out->kids[0] = std::move(first);
  }
  auto at_end = [&] { return current().is_op("]") || current().is_op(",") || current().is_op(":"); };
  for (std::size_t i = 1; i < 3 && skip_op(":"); ++i) {
    if (at_end()) continue;
    FH_TRY(out->kids[i], expression());
  }
  return finish(std::move(out));
}

Outcome<std::unique_ptr<Arguments>> Parser::arguments() {
  auto out = std::make_unique<Arguments>();
  std::uint32_t line = current().line;
  FH_TRY_VOID(expect_op("("));
  bool comma = false;
  while (!current().is_op(")")) {
    if (comma) {
      FH_TRY_VOID(expect_op(","));
      if (current().is_op(")")) break;
    }
    comma = true;
    bool dynamic = out->star || out->double_star;
    if (skip_op("*")) {
      if (dynamic) return fail("invalid syntax for function call expression", line);
      FH_TRY(out->star, expression());
    } else if (skip_op("**")) {
      if (out->double_star) return fail("invalid syntax for function call expression", line);
      FH_TRY(out->double_star, expression());
    } else if (current().type == TokenType::name && ahead().is_op("=")) {
      if (out->double_star) return fail("invalid syntax for function call expression", line);
      std::string name = current().text;
      for (const auto& [other, unused] : out->named)
        if (other == name) return fail("keyword argument repeated: " + printable(name, 60), line);
      skip();
      skip();
      FH_TRY(ExprPtr value, expression());
      out->named.emplace_back(std::move(name), std::move(value));
    } else {
      if (dynamic || !out->named.empty()) return fail("invalid syntax for function call expression", line);
      FH_TRY(ExprPtr value, expression());
      out->positional.push_back(std::move(value));
    }
  }
  skip();
  return out;
}

Parser::Parsed Parser::call(ExprPtr value) {
  ExprPtr out = node(ExprKind::call, current().line);
  FH_TRY(out->arguments, arguments());
  out->kids.push_back(std::move(value));
  return finish(std::move(out));
}

Outcome<std::string> Parser::dotted_name() {
  FH_TRY(std::string name, expect_name());
  while (skip_op(".")) {
    FH_TRY(std::string part, expect_name());
    name += "." + part;
  }
  return name;
}

Parser::Parsed Parser::filter(ExprPtr value, bool first_is_inline) {
  while (current().is_op("|") || first_is_inline) {
    if (!first_is_inline) skip();
    first_is_inline = false;
    ExprPtr out = node(ExprKind::filter, current().line);
    FH_TRY(std::string name, dotted_name());
    out->value = Value::string(std::move(name));
    if (current().is_op("(")) {
      FH_TRY(out->arguments, arguments());
    }
    out->kids.push_back(std::move(value));
    FH_TRY(value, finish(std::move(out)));
  }
  return value;
}

Parser::Parsed Parser::test(ExprPtr value) {
  ExprPtr out = node(ExprKind::test, current().line);
  skip();  // is
  bool negated = skip_name("not");
  FH_TRY(std::string name, dotted_name());
  out->value = Value::string(std::move(name));
  const Token& token = current();
  bool operand =
      token.type == TokenType::string || token.type == TokenType::integer || token.type == TokenType::real ||
      token.is_op("[") || token.is_op("{") ||
      (token.type == TokenType::name && !token.is_name("else") && !token.is_name("or") && !token.is_name("and"));
  if (token.is_op("(")) {
    FH_TRY(out->arguments, arguments());
  } else if (operand) {
    if (token.is_name("is")) return fail("You cannot chain multiple tests with is");
    Depth depth(*this);
    if (!depth.ok()) return too_deep();
    FH_TRY(ExprPtr argument, primary());
    FH_TRY(argument, postfix(std::move(argument)));
    out->arguments = std::make_unique<Arguments>();
    out->arguments->positional.push_back(std::move(argument));
  }
  std::uint32_t line = out->line;
  out->kids.push_back(std::move(value));
  if (!negated) return finish(std::move(out));
  FH_TRY(ExprPtr inner, finish(std::move(out)));
  ExprPtr inverted = node(ExprKind::invert, line);
  inverted->kids.push_back(std::move(inner));
  return finish(std::move(inverted));
}

}  // namespace freehold::text::jinja
