// Literals, names, subscripts, calls, filters and tests: the tightly binding part of expressions.
#include "base/utf8.h"
#include "text/jinja/parser_state.h"

namespace freehold::text::jinja {

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
      if (out->named.size() >= kMaxNamed) return refuse(FailureKind::limit, "too many keyword arguments", line);
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
