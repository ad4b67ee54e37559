// Expressions.
#include "text/jinja/access.h"
#include "text/jinja/builtins.h"
#include "text/jinja/operators.h"
#include "text/jinja/repr.h"

namespace freehold::text::jinja {

Outcome<Value> Interpreter::eval(const Expr& e) {
  if (e.kind == ExprKind::literal) return e.value;
  Level level(*this);
  if (!level.ok()) return refuse(FailureKind::limit, "recursion is too deep", e.line);
  if (auto done = step(); !done) return tl::unexpected(std::move(done).error());
  Outcome<Value> value = eval_kind(e);
  if (!value) value.error().at_line(e.line);
  return value;
}

Outcome<Value> Interpreter::eval_kind(const Expr& e) {
  switch (e.kind) {
    case ExprKind::literal:
      return e.value;
    case ExprKind::name:
      return eval_name(e);
    case ExprKind::list:
    case ExprKind::tuple:
      return eval_items(e);
    case ExprKind::dict:
      return eval_dict(e);
    case ExprKind::negate:
    case ExprKind::plus:
      return eval_sign(e);
    case ExprKind::arithmetic:
      return eval_arithmetic(e);
    case ExprKind::concat:
      return eval_concat(e);
    case ExprKind::compare:
      return eval_compare(e);
    case ExprKind::invert:
    case ExprKind::all:
    case ExprKind::any:
      return eval_logic(e);
    case ExprKind::conditional:
      return eval_conditional(e);
    case ExprKind::attribute: {
      FH_TRY(Value object, eval(*e.kids[0]));
      return get_attribute(*this, object, e.value);
    }
    case ExprKind::subscript:
      return eval_subscript(e);
    case ExprKind::slice:
      return type_error("a slice may only stand alone in a subscript");
    case ExprKind::call:
      return eval_call(e);
    case ExprKind::filter:
      return eval_filter(e);
    case ExprKind::test:
      return eval_test(e);
  }
  return Value::undefined();
}

Outcome<Value> Interpreter::eval_name(const Expr& e) {
  for (Scope* scope = scope_.get(); scope != nullptr; scope = scope->outer.get())
    if (Value* found = scope->find(e.name)) return *found;
  const Value& global = globals_[e.name];
  if (!global.is(Type::missing)) return global;
  return undefined("'" + ast_.names[e.name] + "' is undefined");
}

Outcome<Value> Interpreter::eval_items(const Expr& e) {
  std::vector<Value> items;
  FH_TRY_VOID(room(e.kids.size() * sizeof(Value)));
  items.reserve(e.kids.size());
  for (const ExprPtr& kid : e.kids) {
    FH_TRY(Value item, eval(*kid));
    items.push_back(std::move(item));
  }
  return sequence(e.kind == ExprKind::list ? Type::list : Type::tuple, std::move(items));
}

Outcome<Value> Interpreter::eval_dict(const Expr& e) {
  FH_TRY(Ref<Dict> dict, make<Dict>(e.kids.size() / 2 * (sizeof(Dict::Entry) + 16)));
  for (std::size_t i = 0; i < e.kids.size(); i += 2) {
    FH_TRY(Value key, eval(*e.kids[i]));
    FH_TRY(Value value, eval(*e.kids[i + 1]));
    if (!is_hashable(key)) return type_error("unhashable type: '" + std::string(type_name(key)) + "'");
    dict->set(std::move(key), std::move(value));
  }
  return Value::of(Type::dict, dict.get());
}

Outcome<Value> Interpreter::eval_sign(const Expr& e) {
  FH_TRY(Value value, eval(*e.kids[0]));
  return jinja::negate(*this, value, e.kind == ExprKind::negate);
}

Outcome<Value> Interpreter::eval_arithmetic(const Expr& e) {
  FH_TRY(Value left, eval(*e.kids[0]));
  for (std::size_t i = 0; i < e.ops.size(); ++i) {
    FH_TRY(Value right, eval(*e.kids[i + 1]));
    FH_TRY(left, arithmetic(*this, e.ops[i], left, right));
  }
  return left;
}

Outcome<Value> Interpreter::eval_concat(const Expr& e) {
  std::string text;
  for (const ExprPtr& kid : e.kids) {
    FH_TRY(Value part, eval(*kid));
    FH_TRY_VOID(append_str(*this, part, text));
  }
  return string(std::move(text));
}

Outcome<Value> Interpreter::eval_compare(const Expr& e) {
  FH_TRY(Value left, eval(*e.kids[0]));
  bool holds = true;
  for (std::size_t i = 0; i < e.ops.size(); ++i) {
    FH_TRY(Value right, eval(*e.kids[i + 1]));
    FH_TRY(holds, jinja::compare(*this, e.ops[i], left, right));
    if (!holds) break;
    left = std::move(right);
  }
  return Value::boolean(holds);
}

// `and` and `or` return the operand that decides.
Outcome<Value> Interpreter::eval_logic(const Expr& e) {
  Value value;
  for (const ExprPtr& kid : e.kids) {
    FH_TRY(value, eval(*kid));
    if (e.kind == ExprKind::invert) return Value::boolean(!truth(value));
    if (truth(value) == (e.kind == ExprKind::any)) break;
  }
  return value;
}

Outcome<Value> Interpreter::eval_conditional(const Expr& e) {
  FH_TRY(Value condition, eval(*e.kids[0]));
  if (truth(condition)) return eval(*e.kids[1]);
  if (e.kids[2]) return eval(*e.kids[2]);
  return undefined("the inline if-expression evaluated to false and no else section was defined.");
}

Outcome<Value> Interpreter::eval_subscript(const Expr& e) {
  FH_TRY(Value object, eval(*e.kids[0]));
  const Expr& key = *e.kids[1];
  if (key.kind != ExprKind::slice) {
    FH_TRY(Value index, eval(key));
    return get_item(*this, object, index);
  }
  Value part[3];
  for (std::size_t i = 0; i < 3; ++i) {
    if (!key.kids[i]) continue;
    FH_TRY(part[i], eval(*key.kids[i]));
  }
  return get_slice(*this, object, part[0], part[1], part[2]);
}

Done Interpreter::eval_arguments(const Arguments& arguments, Args& out) {
  out.positional.reserve(arguments.positional.size());
  for (const ExprPtr& argument : arguments.positional) {
    FH_TRY(Value value, eval(*argument));
    out.positional.push_back(std::move(value));
  }
  for (const auto& [name, argument] : arguments.named) {
    FH_TRY(Value value, eval(*argument));
    out.named.emplace_back(name, std::move(value));
  }
  if (arguments.star || arguments.double_star) return spread(arguments, out);
  return {};
}

Done Interpreter::spread(const Arguments& arguments, Args& out) {
  if (arguments.star) {
    FH_TRY(Value value, eval(*arguments.star));
    FH_TRY(std::vector<Value> items, collect(*this, value));
    for (Value& item : items) out.positional.push_back(std::move(item));
  }
  if (arguments.double_star) {
    FH_TRY(Value value, eval(*arguments.double_star));
    if (value.is(Type::undefined)) return undefined_error(value);
    if (!value.is(Type::dict))
      return type_error("argument after ** must be a mapping, not " + std::string(type_name(value)));
    for (const auto& [key, item] : value.as_dict().entries()) {
      FH_TRY_VOID(step());
      if (!key.is(Type::string)) return type_error("keywords must be strings");
      for (const auto& [name, unused] : out.named)
        if (name == key.as_text()) return type_error("got multiple values for keyword argument '" + name + "'");
      if (out.named.size() > 1000) return limit_error("too many keyword arguments");
      out.named.emplace_back(key.as_text(), item);
    }
  }
  return {};
}

Outcome<Value> Interpreter::eval_call(const Expr& e) {
  FH_TRY(Value callee, eval(*e.kids[0]));
  Args args;
  FH_TRY_VOID(eval_arguments(*e.arguments, args));
  return call(callee, std::move(args));
}

Outcome<Value> Interpreter::eval_filter(const Expr& e) {
  Value input;
  if (e.kids[0]) {
    FH_TRY(input, eval(*e.kids[0]));
  } else {
    input = std::move(block_text_);
  }
  Args args;
  if (e.arguments) FH_TRY_VOID(eval_arguments(*e.arguments, args));
  return call_filter(*this, e.value, input, std::move(args));
}

Outcome<Value> Interpreter::eval_test(const Expr& e) {
  FH_TRY(Value input, eval(*e.kids[0]));
  Args args;
  if (e.arguments) FH_TRY_VOID(eval_arguments(*e.arguments, args));
  FH_TRY(bool holds, call_test(*this, e.value, input, std::move(args)));
  return Value::boolean(holds);
}

}  // namespace freehold::text::jinja
