// What stands behind "is".
#include <cmath>

#include "text/jinja/access.h"
#include "text/jinja/builtins.h"
#include "text/jinja/operators.h"
#include "text/jinja/repr.h"
#include "text/jinja/unicode.h"

namespace freehold::text::jinja {
namespace {

Value yes(bool value) {
  return Value::boolean(value);
}
bool is_integer(const Value& v) {
  return v.is(Type::integer) || v.is(Type::big_integer);
}

// Tests of the type alone.
Outcome<Value> is_defined(Interpreter&, const Value& v, Args&) {
  return yes(!v.is(Type::undefined));
}
Outcome<Value> is_undefined(Interpreter&, const Value& v, Args&) {
  return yes(v.is(Type::undefined));
}
Outcome<Value> is_none(Interpreter&, const Value& v, Args&) {
  return yes(v.is(Type::none));
}
Outcome<Value> is_boolean(Interpreter&, const Value& v, Args&) {
  return yes(v.is(Type::boolean));
}
Outcome<Value> is_true(Interpreter&, const Value& v, Args&) {
  return yes(v.is(Type::boolean) && v.as_bool());
}
Outcome<Value> is_false(Interpreter&, const Value& v, Args&) {
  return yes(v.is(Type::boolean) && !v.as_bool());
}
Outcome<Value> is_integer_test(Interpreter&, const Value& v, Args&) {
  return yes(is_integer(v));
}
Outcome<Value> is_float(Interpreter&, const Value& v, Args&) {
  return yes(v.is(Type::real));
}
Outcome<Value> is_number(Interpreter&, const Value& v, Args&) {
  return yes(is_integer(v) || v.is(Type::real) || v.is(Type::boolean));
}
Outcome<Value> is_string(Interpreter&, const Value& v, Args&) {
  return yes(v.is(Type::string));
}
Outcome<Value> is_mapping(Interpreter&, const Value& v, Args&) {
  return yes(v.is(Type::dict));
}
Outcome<Value> is_iterable_test(Interpreter&, const Value& v, Args&) {
  return yes(is_iterable(v) || v.is(Type::loop));
}
Outcome<Value> is_sequence(Interpreter&, const Value& v, Args&) {
  return yes(has_length(v) && !v.is(Type::view));
}
Outcome<Value> is_callable(Interpreter&, const Value& v, Args&) {
  return yes(v.is(Type::callable) || v.is(Type::loop) || v.is(Type::joiner) || v.is(Type::undefined));
}
Outcome<Value> is_escaped(Interpreter&, const Value& v, Args&) {
  return yes(v.is(Type::string) && v.as_string().markup);
}

Outcome<Value> remainder_is(Interpreter& in, const Value& v, const Value& divisor, std::int64_t wanted) {
  FH_TRY(Value rest, arithmetic(in, Op::mod, v, divisor));
  FH_TRY(bool same, equal(in, rest, Value::integer(wanted)));
  return yes(same);
}
Outcome<Value> is_odd(Interpreter& in, const Value& v, Args&) {
  return remainder_is(in, v, Value::integer(2), 1);
}
Outcome<Value> is_even(Interpreter& in, const Value& v, Args&) {
  return remainder_is(in, v, Value::integer(2), 0);
}
Outcome<Value> is_divisible(Interpreter& in, const Value& v, Args& args) {
  static constexpr std::array<const char*, 1> kNames = {"num"};
  FH_TRY(auto given, bind_args("divisibleby", args, kNames, 1));
  return remainder_is(in, v, given[0], 0);
}

Outcome<Value> compared(Interpreter& in, Op op, const Value& v, Args& args) {
  if (args.positional.size() != 1 || !args.named.empty()) return type_error("this test takes exactly one argument");
  FH_TRY(bool holds, compare(in, op, v, args.positional[0]));
  return yes(holds);
}
template <Op op>
Outcome<Value> is_compared(Interpreter& in, const Value& v, Args& args) {
  return compared(in, op, v, args);
}

Outcome<Value> is_same(Interpreter& in, const Value& v, Args& args) {
  if (args.positional.size() != 1) return type_error("this test takes exactly one argument");
  const Value& other = args.positional[0];
  if (v.type() != other.type()) return yes(false);
  if (v.object() != nullptr && !v.is(Type::string) && !v.is(Type::undefined)) return yes(v.object() == other.object());
  FH_TRY(bool same, equal(in, v, other));
  return yes(same);
}

// str.islower() and str.isupper(): at least one cased character, and all of that case.
Outcome<Value> all_cased(Interpreter& in, const Value& v, bool upper) {
  FH_TRY(std::string text, str(in, v));
  bool any = false;
  for (std::size_t at = 0; at < text.size();) {
    std::uint32_t c = next_code_point(text, at);
    if (is_title(c) || (upper ? is_lower(c) : is_upper(c))) return yes(false);
    any |= upper ? is_upper(c) : is_lower(c);
  }
  return yes(any);
}
Outcome<Value> is_lower_test(Interpreter& in, const Value& v, Args&) {
  return all_cased(in, v, false);
}
Outcome<Value> is_upper_test(Interpreter& in, const Value& v, Args&) {
  return all_cased(in, v, true);
}

Outcome<Value> is_filter(Interpreter&, const Value& v, Args&) {
  return yes(v.is(Type::string) && find_filter(v.as_text()) != nullptr);
}
Outcome<Value> is_test(Interpreter&, const Value& v, Args&) {
  return yes(v.is(Type::string) && find_test(v.as_text()) != nullptr);
}

constexpr NamedNative kTests[] = {
    {"defined", plain<is_defined>},
    {"undefined", plain<is_undefined>},
    {"none", plain<is_none>},
    {"boolean", plain<is_boolean>},
    {"true", plain<is_true>},
    {"false", plain<is_false>},
    {"integer", plain<is_integer_test>},
    {"float", plain<is_float>},
    {"number", plain<is_number>},
    {"string", plain<is_string>},
    {"mapping", plain<is_mapping>},
    {"iterable", plain<is_iterable_test>},
    {"sequence", plain<is_sequence>},
    {"callable", plain<is_callable>},
    {"escaped", plain<is_escaped>},
    {"odd", plain<is_odd>},
    {"even", plain<is_even>},
    {"divisibleby", is_divisible},
    {"sameas", is_same},
    {"lower", plain<is_lower_test>},
    {"upper", plain<is_upper_test>},
    {"filter", plain<is_filter>},
    {"test", plain<is_test>},
    {"in", is_compared<Op::in>},
    {"==", is_compared<Op::eq>},
    {"eq", is_compared<Op::eq>},
    {"equalto", is_compared<Op::eq>},
    {"!=", is_compared<Op::ne>},
    {"ne", is_compared<Op::ne>},
    {">", is_compared<Op::gt>},
    {"gt", is_compared<Op::gt>},
    {"greaterthan", is_compared<Op::gt>},
    {">=", is_compared<Op::ge>},
    {"ge", is_compared<Op::ge>},
    {"<", is_compared<Op::lt>},
    {"lt", is_compared<Op::lt>},
    {"lessthan", is_compared<Op::lt>},
    {"<=", is_compared<Op::le>},
    {"le", is_compared<Op::le>},
};

}  // namespace

Native find_test(std::string_view name) {
  for (const NamedNative& entry : kTests)
    if (entry.name == name) return entry.native;
  return nullptr;
}

}  // namespace freehold::text::jinja
