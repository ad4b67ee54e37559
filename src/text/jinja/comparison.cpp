// Equality, order, membership, length.
#include <cmath>
#include <cstdlib>

#include "text/jinja/access.h"
#include "text/jinja/numbers.h"
#include "text/jinja/unicode.h"

namespace freehold::text::jinja {
namespace {

// -1, 0, 1, or 2 where one of them is not a number.
int order(long double a, long double b) {
  if (std::isnan(a) || std::isnan(b)) return 2;
  return a < b ? -1 : a > b ? 1 : 0;
}
// The same for integers of any size against any number.
int big_order(const Value& a, const Value& b) {
  if (a.is(Type::real) || b.is(Type::real)) {
    auto real = [](const Value& v) {
      return v.is(Type::big_integer) ? std::strtold(std::string(v.as_text()).c_str(), nullptr) : exact(v);
    };
    return order(real(a), real(b));
  }
  auto digits = [](const Value& v) {
    return v.is(Type::big_integer) ? std::string(v.as_text()) : std::to_string(integer_of(v));
  };
  std::string x = digits(a);
  std::string y = digits(b);
  bool x_negative = x[0] == '-';
  if (x_negative != (y[0] == '-')) return x_negative ? -1 : 1;
  int c = x.size() != y.size() ? (x.size() < y.size() ? -1 : 1) : x.compare(y);
  c = c < 0 ? -1 : c > 0 ? 1 : 0;
  return x_negative ? -c : c;
}
bool holds(Op op, int order) {
  switch (op) {
    case Op::lt:
      return order == -1;
    case Op::le:
      return order == -1 || order == 0;
    case Op::gt:
      return order == 1;
    default:
      return order == 1 || order == 0;
  }
}

Outcome<bool> equal_items(Interpreter& in, const std::vector<Value>& a, const std::vector<Value>& b) {
  if (a.size() != b.size()) return false;
  for (std::size_t i = 0; i < a.size(); ++i) {
    FH_TRY(bool same, equal(in, a[i], b[i]));
    if (!same) return false;
  }
  return true;
}

Outcome<bool> equal_dicts(Interpreter& in, const Dict& a, const Dict& b) {
  if (a.entries().size() != b.entries().size()) return false;
  for (const auto& [key, value] : a.entries()) {
    const Value* other = b.find(key);
    if (other == nullptr) return false;
    FH_TRY(bool same, equal(in, value, *other));
    if (!same) return false;
  }
  return true;
}

Outcome<bool> compare_sequences(Interpreter& in, Op op, const Value& a, const Value& b) {
  const auto& x = a.as_sequence().items;
  const auto& y = b.as_sequence().items;
  for (std::size_t i = 0; i < std::min(x.size(), y.size()); ++i) {
    FH_TRY(bool same, equal(in, x[i], y[i]));
    if (!same) return compare(in, op, x[i], y[i]);
  }
  return holds(op, x.size() < y.size() ? -1 : x.size() > y.size() ? 1 : 0);
}

}  // namespace

Outcome<bool> equal(Interpreter& in, const Value& a, const Value& b) {
  if (is_number(a) && is_number(b)) {
    if (is_integral(a) && is_integral(b)) return integer_of(a) == integer_of(b);
    return exact(a) == exact(b);
  }
  if (a.type() != b.type()) return false;
  if (a.object() != nullptr && a.object() == b.object()) return true;
  FH_TRY_VOID(in.step());
  Interpreter::Level level(in);
  if (!level.ok()) return Interpreter::too_deep();
  switch (a.type()) {
    case Type::list:
    case Type::tuple:
      return equal_items(in, a.as_sequence().items, b.as_sequence().items);
    case Type::dict:
      return equal_dicts(in, a.as_dict(), b.as_dict());
    case Type::string:
      FH_TRY_VOID(in.touch(a.as_text().size()));
      return a.as_text() == b.as_text();
    case Type::range: {
      const auto& x = as<Range>(a);
      const auto& y = as<Range>(b);
      if (x.length != y.length) return false;
      if (x.length == 0) return true;
      return x.start == y.start && (x.length == 1 || x.step == y.step);
    }
    case Type::view: {
      if (as<View>(a).kind != as<View>(b).kind || as<View>(a).kind == ViewKind::values) return false;
      const Dict& x = as<View>(a).dict.as_dict();
      const Dict& y = as<View>(b).dict.as_dict();
      if (as<View>(a).kind == ViewKind::items) return equal_dicts(in, x, y);
      if (x.entries().size() != y.entries().size()) return false;
      for (const auto& entry : x.entries())
        if (y.find(entry.key) == nullptr) return false;
      return true;
    }
    default:
      return equal_keys(a, b);
  }
}

Outcome<bool> compare(Interpreter& in, Op op, const Value& a, const Value& b) {
  if (op == Op::eq) return equal(in, a, b);
  if (op == Op::ne) {
    FH_TRY(bool same, equal(in, a, b));
    return !same;
  }
  if (op == Op::in || op == Op::not_in) {
    FH_TRY(bool found, contains(in, a, b));
    return found == (op == Op::in);
  }
  if (is_integral(a) && is_integral(b)) {
    std::int64_t x = integer_of(a);
    std::int64_t y = integer_of(b);
    return holds(op, x < y ? -1 : x > y ? 1 : 0);
  }
  if (is_number(a) && is_number(b)) return holds(op, order(exact(a), exact(b)));
  if (a.is(Type::undefined)) return undefined_error(a);
  if (b.is(Type::undefined)) return undefined_error(b);
  if (a.is(Type::string) && b.is(Type::string)) {
    FH_TRY_VOID(in.touch(a.as_text().size()));
    int c = a.as_text().compare(b.as_text());  // UTF-8 sorts as its code points do
    return holds(op, c < 0 ? -1 : c > 0 ? 1 : 0);
  }
  if (a.type() == b.type() && is_sequence(a)) {
    Interpreter::Level level(in);
    if (!level.ok()) return Interpreter::too_deep();
    return compare_sequences(in, op, a, b);
  }
  auto numeric = [](const Value& v) { return is_number(v) || v.is(Type::big_integer); };
  if (numeric(a) && numeric(b)) return holds(op, big_order(a, b));
  return type_error(std::string("'") + sign_of(op) + "' not supported between instances of '" +
                    std::string(type_name(a)) + "' and '" + std::string(type_name(b)) + "'");
}

Outcome<bool> contains(Interpreter& in, const Value& item, const Value& container) {
  switch (container.type()) {
    case Type::string: {
      if (item.is(Type::undefined) || !item.is(Type::string))
        return type_error("'in <string>' requires string as left operand, not " + std::string(type_name(item)));
      FH_TRY_VOID(in.touch(container.as_text().size()));
      return find_text(container.as_text(), item.as_text(), 0) != std::string_view::npos;
    }
    case Type::dict:
      if (!is_hashable(item)) return type_error("unhashable type: '" + std::string(type_name(item)) + "'");
      return container.as_dict().find(item) != nullptr;
    case Type::view:
      if (as<View>(container).kind == ViewKind::keys) return contains(in, item, as<View>(container).dict);
      break;
    case Type::range: {
      const auto& range = as<Range>(container);
      if (!is_integral(item) || range.length == 0) break;
      std::int64_t distance = 0;
      if (__builtin_sub_overflow(integer_of(item), range.start, &distance)) break;
      if (range.step == -1) return distance <= 0 && distance > -range.length;
      return distance % range.step == 0 && distance / range.step >= 0 && distance / range.step < range.length;
    }
    default:
      if (!is_iterable(container))
        return type_error("argument of type '" + std::string(type_name(container)) + "' is not iterable");
      break;
  }
  FH_TRY(Cursor cursor, Cursor::over(in, container));
  Value next;
  while (true) {
    FH_TRY(bool more, cursor.next(in, next));
    if (!more) return false;
    FH_TRY(bool same, equal(in, next, item));
    if (same) return true;
  }
}

bool has_length(const Value& value) {
  switch (value.type()) {
    case Type::undefined:
    case Type::string:
    case Type::list:
    case Type::tuple:
    case Type::dict:
    case Type::range:
    case Type::view:
      return true;
    default:
      return false;
  }
}

Outcome<std::int64_t> length(Interpreter&, const Value& value) {
  switch (value.type()) {
    case Type::undefined:
      return 0;
    case Type::string:
      return static_cast<std::int64_t>(value.as_string().length);
    case Type::list:
    case Type::tuple:
      return static_cast<std::int64_t>(value.as_sequence().items.size());
    case Type::dict:
      return static_cast<std::int64_t>(value.as_dict().entries().size());
    case Type::range:
      return as<Range>(value).length;
    case Type::view:
      return static_cast<std::int64_t>(as<View>(value).dict.as_dict().entries().size());
    default:
      return type_error("object of type '" + std::string(type_name(value)) + "' has no len()");
  }
}

}  // namespace freehold::text::jinja