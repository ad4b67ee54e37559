// Truth, types and arithmetic.
#include "text/jinja/operators.h"

#include <cmath>

#include "text/jinja/format.h"
#include "text/jinja/numbers.h"

namespace freehold::text::jinja {
namespace {

tl::unexpected<Failure> unsupported(Op op, const Value& a, const Value& b) {
  if (a.is(Type::big_integer) || b.is(Type::big_integer)) return overflow();
  return type_error(std::string("unsupported operand type(s) for ") + sign_of(op) + ": '" + std::string(type_name(a)) +
                    "' and '" + std::string(type_name(b)) + "'");
}

Outcome<Value> integer_power(std::int64_t base, std::int64_t exponent) {
  std::int64_t out = 1;
  while (exponent > 0) {
    if ((exponent & 1) != 0 && __builtin_mul_overflow(out, base, &out)) return overflow();
    exponent >>= 1;
    if (exponent > 0 && __builtin_mul_overflow(base, base, &base)) return overflow();
  }
  return Value::integer(out);
}

Outcome<Value> integer_arithmetic(Op op, std::int64_t a, std::int64_t b) {
  std::int64_t out = 0;
  switch (op) {
    case Op::add:
      return __builtin_add_overflow(a, b, &out) ? Outcome<Value>(overflow()) : Value::integer(out);
    case Op::sub:
      return __builtin_sub_overflow(a, b, &out) ? Outcome<Value>(overflow()) : Value::integer(out);
    case Op::mul:
      return __builtin_mul_overflow(a, b, &out) ? Outcome<Value>(overflow()) : Value::integer(out);
    case Op::floordiv:
    case Op::mod: {
      if (b == 0) return runtime_error("integer division or modulo by zero");
      if (b == -1) return op == Op::mod ? Value::integer(0) : integer_arithmetic(Op::sub, 0, a);
      std::int64_t quotient = a / b;
      std::int64_t rest = a % b;
      if (rest != 0 && (rest < 0) != (b < 0)) --quotient, rest += b;
      return Value::integer(op == Op::mod ? rest : quotient);
    }
    case Op::div:
      if (b == 0) return runtime_error("division by zero");
      return Value::real(static_cast<double>(static_cast<long double>(a) / static_cast<long double>(b)));
    default:
      if (b >= 0) return integer_power(a, b);
      if (a == 0) return runtime_error("0.0 cannot be raised to a negative power");
      return Value::real(std::pow(static_cast<double>(a), static_cast<double>(b)));
  }
}

Outcome<Value> real_arithmetic(Op op, double a, double b) {
  switch (op) {
    case Op::add:
      return Value::real(a + b);
    case Op::sub:
      return Value::real(a - b);
    case Op::mul:
      return Value::real(a * b);
    case Op::div:
      if (b == 0) return runtime_error("float division by zero");
      return Value::real(a / b);
    case Op::floordiv:
    case Op::mod: {
      if (b == 0) return runtime_error(op == Op::mod ? "float modulo" : "float floor division by zero");
      double rest = std::fmod(a, b);
      double quotient = (a - rest) / b;
      if (rest != 0) {
        if ((rest < 0) != (b < 0)) rest += b, quotient -= 1;
      } else {
        rest = std::copysign(0.0, b);
      }
      if (op == Op::mod) return Value::real(rest);
      double floor = std::floor(quotient);
      if (quotient - floor > 0.5) floor += 1;
      return Value::real(quotient == 0 ? std::copysign(0.0, a / b) : floor);
    }
    default: {
      if (a == 0 && b < 0) return runtime_error("0.0 cannot be raised to a negative power");
      if (a < 0 && b != std::floor(b)) return runtime_error("complex numbers are not supported");
      double out = std::pow(a, b);
      if (std::isinf(out) && std::isfinite(a) && std::isfinite(b)) return runtime_error("Result too large");
      return Value::real(out);
    }
  }
}

// Markup joined with plain text escapes the plain text.
Outcome<Value> concatenate(Interpreter& in, const String& a, const String& b) {
  FH_TRY_VOID(in.room(a.text.size() + b.text.size()));
  std::string out;
  if (a.markup == b.markup) {
    out.reserve(a.text.size() + b.text.size());
    out += a.text;
    out += b.text;
  } else {
    FH_TRY(const std::string plain, escaped(in, a.markup ? b.text : a.text));
    FH_TRY_VOID(in.extend(out, plain.size() + (a.markup ? a.text : b.text).size()));
    out += a.markup ? a.text : plain;
    out += a.markup ? plain : b.text;
  }
  return in.string(std::move(out), a.markup || b.markup);
}

Outcome<Value> repeat(Interpreter& in, const Value& a, std::int64_t times) {
  std::size_t n = times < 0 ? 0 : static_cast<std::size_t>(times);
  bool is_text = a.is(Type::string);
  std::size_t size = is_text ? a.as_text().size() : a.as_sequence().items.size() * sizeof(Value);
  std::size_t total = 0;
  if (__builtin_mul_overflow(size, n, &total)) return limit_error("a repeated sequence is too long");
  FH_TRY_VOID(in.room(total));
  if (size == 0) n = 0;
  if (is_text) {
    std::string out;
    out.reserve(total);
    for (std::size_t i = 0; i < n; ++i) out += a.as_text();
    return in.string(std::move(out), a.as_string().markup);
  }
  const auto& items = a.as_sequence().items;
  FH_TRY_VOID(in.step(items.size() * n / 16));
  std::vector<Value> out;
  out.reserve(items.size() * n);
  for (std::size_t i = 0; i < n; ++i) out.insert(out.end(), items.begin(), items.end());
  return a.is(Type::list) ? in.list(std::move(out)) : in.tuple(std::move(out));
}

Outcome<Value> join_sequences(Interpreter& in, const Value& a, const Value& b) {
  const auto& x = a.as_sequence().items;
  const auto& y = b.as_sequence().items;
  FH_TRY_VOID(in.room((x.size() + y.size()) * sizeof(Value)));
  FH_TRY_VOID(in.step((x.size() + y.size()) / 16));
  std::vector<Value> out;
  out.reserve(x.size() + y.size());
  out.insert(out.end(), x.begin(), x.end());
  out.insert(out.end(), y.begin(), y.end());
  return a.is(Type::list) ? in.list(std::move(out)) : in.tuple(std::move(out));
}

}  // namespace

const char* sign_of(Op op) {
  switch (op) {
    case Op::add:
      return "+";
    case Op::sub:
      return "-";
    case Op::mul:
      return "*";
    case Op::div:
      return "/";
    case Op::floordiv:
      return "//";
    case Op::mod:
      return "%";
    case Op::pow:
      return "** or pow()";
    case Op::lt:
      return "<";
    case Op::le:
      return "<=";
    case Op::gt:
      return ">";
    case Op::ge:
      return ">=";
    default:
      return "==";
  }
}

tl::unexpected<Failure> type_error(std::string what) {
  return runtime_error(std::move(what));
}

tl::unexpected<Failure> undefined_error(const Value& value) {
  return runtime_error(value.object() == nullptr ? "value is undefined" : as<UndefinedInfo>(value).message);
}

std::string_view type_name(const Value& value) {
  switch (value.type()) {
    case Type::missing:
    case Type::undefined:
      return "Undefined";
    case Type::none:
      return "NoneType";
    case Type::boolean:
      return "bool";
    case Type::integer:
    case Type::big_integer:
      return "int";
    case Type::real:
      return "float";
    case Type::string:
      return value.as_string().markup ? "Markup" : "str";
    case Type::list:
      return "list";
    case Type::tuple:
      return "tuple";
    case Type::dict:
      return "dict";
    case Type::range:
      return "range";
    case Type::view: {
      auto kind = as<View>(value).kind;
      return kind == ViewKind::keys ? "dict_keys" : kind == ViewKind::values ? "dict_values" : "dict_items";
    }
    case Type::iterator:
      return as<Iterator>(value).name;
    case Type::name_space:
      return "Namespace";
    case Type::callable:
      return as<Callable>(value).macro != nullptr ? "Macro" : "builtin_function_or_method";
    case Type::loop:
      return "LoopContext";
    case Type::cycler:
      return "Cycler";
    case Type::joiner:
      return "Joiner";
  }
  return "object";
}

bool truth(const Value& value) {
  switch (value.type()) {
    case Type::missing:
    case Type::undefined:
    case Type::none:
      return false;
    case Type::boolean:
      return value.as_bool();
    case Type::integer:
      return value.as_integer() != 0;
    case Type::real:
      return value.as_real() != 0;
    case Type::string:
      return !value.as_text().empty();
    case Type::list:
    case Type::tuple:
      return !value.as_sequence().items.empty();
    case Type::dict:
      return !value.as_dict().entries().empty();
    case Type::range:
      return as<Range>(value).length != 0;
    case Type::view:
      return !as<View>(value).dict.as_dict().entries().empty();
    default:
      return true;
  }
}

Outcome<Value> arithmetic(Interpreter& in, Op op, const Value& a, const Value& b) {
  if (is_integral(a) && is_integral(b)) return integer_arithmetic(op, integer_of(a), integer_of(b));
  if (is_number(a) && is_number(b)) return real_arithmetic(op, real_of(a), real_of(b));
  if (op == Op::mod && a.is(Type::string)) return format_percent(in, a, b);
  if (a.is(Type::undefined)) return undefined_error(a);
  if (b.is(Type::undefined)) return undefined_error(b);
  if (op == Op::add) {
    if (a.is(Type::string) && b.is(Type::string)) return concatenate(in, a.as_string(), b.as_string());
    if (a.type() == b.type() && is_sequence(a)) return join_sequences(in, a, b);
    if (is_sequence(a)) {
      std::string type = a.is(Type::string) ? "str" : std::string(type_name(a));
      return type_error("can only concatenate " + type + " (not \"" + std::string(type_name(b)) + "\") to " + type);
    }
  }
  if (op == Op::mul) {
    if (is_sequence(a) && is_integral(b)) return repeat(in, a, integer_of(b));
    if (is_sequence(b) && is_integral(a)) return repeat(in, b, integer_of(a));
  }
  return unsupported(op, a, b);
}

Outcome<Value> negate(Interpreter&, const Value& a, bool minus) {
  if (a.is(Type::undefined)) return undefined_error(a);
  if (is_integral(a)) return minus ? integer_arithmetic(Op::sub, 0, integer_of(a)) : Value::integer(integer_of(a));
  if (a.is(Type::real)) return Value::real(minus ? -a.as_real() : a.as_real());
  if (a.is(Type::big_integer)) return overflow();
  return type_error(std::string("bad operand type for unary ") + (minus ? "-" : "+") + ": '" +
                    std::string(type_name(a)) + "'");
}

}  // namespace freehold::text::jinja
