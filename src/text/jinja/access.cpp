#include "text/jinja/access.h"

#include <algorithm>

#include "text/jinja/builtins.h"
#include "text/jinja/operators.h"
#include "text/jinja/repr.h"
#include "text/jinja/unicode.h"

namespace freehold::text::jinja {
namespace {

// How Jinja names an object in "X has no attribute".
std::string object_name(const Value& object) {
  if (object.is(Type::none)) return "None";
  return std::string(type_name(object)) + " object";
}

Outcome<Value> no_attribute(Interpreter& in, const Value& object, std::string_view name) {
  std::string shown(name.substr(0, 100));
  return in.undefined("'" + object_name(object) + "' has no attribute '" + replace_invalid_utf8(shown) + "'");
}

Outcome<Value> unsafe(Interpreter& in, const Value& object, std::string_view name) {
  return in.undefined("access to attribute '" + std::string(name) + "' of '" + std::string(type_name(object)) +
                      "' object is unsafe.");
}

// Names that every Python object has, so that they never reach a dict's keys.
bool is_object_attribute(std::string_view name) {
  static constexpr std::array<std::string_view, 30> kNames = {
      "__class__",    "__init__",      "__new__",     "__doc__",          "__dir__",      "__eq__",
      "__ne__",       "__lt__",        "__le__",      "__gt__",           "__ge__",       "__hash__",
      "__repr__",     "__str__",       "__format__",  "__getattribute__", "__setattr__",  "__delattr__",
      "__reduce__",   "__reduce_ex__", "__sizeof__",  "__subclasshook__", "__len__",      "__iter__",
      "__contains__", "__getitem__",   "__setitem__", "__delitem__",      "__reversed__", "__init_subclass__"};
  return std::find(kNames.begin(), kNames.end(), name) != kNames.end();
}

Outcome<Value> cycler_next(Interpreter&, const Value& self, Args&) {
  auto& cycler = as<Cycler>(self);
  Value out = cycler.items[cycler.at];
  cycler.at = (cycler.at + 1) % cycler.items.size();
  return out;
}
Outcome<Value> cycler_reset(Interpreter&, const Value& self, Args&) {
  as<Cycler>(self).at = 0;
  return Value::none();
}

Outcome<Value> macro_attribute(Interpreter& in, const Callable& callable, std::string_view name) {
  const MacroDef* def = callable.macro;
  if (def == nullptr) return Value();
  if (name == "name") return in.string(def->name);
  if (name == "catch_kwargs") return Value::boolean(def->uses_kwargs);
  if (name == "catch_varargs") return Value::boolean(def->uses_varargs);
  if (name == "caller") return Value::boolean(def->uses_caller);
  if (name != "arguments") return Value();
  std::vector<Value> names;
  for (const Parameter& parameter : def->parameters) {
    FH_TRY(Value text, in.string(std::string(in.name_of(parameter.name))));
    names.push_back(std::move(text));
  }
  return in.tuple(std::move(names));
}

Outcome<Value> number_attribute(const Value& object, std::string_view name) {
  bool real = object.is(Type::real);
  Value zero = real ? Value::real(0) : Value::integer(0);
  Value self = object.is(Type::boolean) ? Value::integer(object.as_bool()) : object;
  if (name == "real") return self;
  if (name == "imag") return zero;
  if (!real && name == "numerator") return self;
  if (!real && name == "denominator") return Value::integer(1);
  return Value();
}

// What getattr(object, name) finds: missing if nothing.
Outcome<Value> python_attribute(Interpreter& in, const Value& object, std::string_view name) {
  if (object.is(Type::name_space)) {
    Value* found = as<Namespace>(object).find(name);
    if (name == "__class__" || (found != nullptr && name.starts_with('_'))) return unsafe(in, object, name);
    return found == nullptr ? Value() : *found;
  }
  if (is_object_attribute(name)) return unsafe(in, object, name);
  if (is_mutating_method(object.type(), name)) return unsafe(in, object, name);
  Native native = nullptr;
  switch (object.type()) {
    case Type::string:
      native = find_string_method(name);
      if (native == nullptr) native = find_text_query(name);
      break;
    case Type::list:
      native = find_list_method(name);
      break;
    case Type::tuple:
      native = name == "copy" ? nullptr : find_list_method(name);
      if (object.as_sequence().group && (name == "grouper" || name == "list"))
        return object.as_sequence().items[name == "list" ? 1 : 0];
      break;
    case Type::dict:
      native = find_dict_method(name);
      break;
    case Type::range:
      native = name == "copy" ? nullptr : find_list_method(name);
      if (name == "start") return Value::integer(as<Range>(object).start);
      if (name == "stop") return Value::integer(as<Range>(object).stop);
      if (name == "step") return Value::integer(as<Range>(object).step);
      break;
    case Type::loop:
      return loop_attribute(in, object, name);
    case Type::callable:
      return macro_attribute(in, as<Callable>(object), name);
    case Type::boolean:
    case Type::integer:
    case Type::real:
      return number_attribute(object, name);
    case Type::cycler:
      if (name == "current") return as<Cycler>(object).items[as<Cycler>(object).at];
      if (name == "next") native = cycler_next;
      if (name == "reset") native = cycler_reset;
      break;
    case Type::joiner:
      if (name == "sep") return as<Joiner>(object).separator;
      if (name == "used") return Value::boolean(as<Joiner>(object).used);
      break;
    default:
      break;
  }
  if (native == nullptr) return Value();
  // The name of a native is static only in its table; templates cannot see it, so a fixed one will do.
  return in.method("method", native, object);
}

bool is_index(const Value& key) {
  return key.is(Type::integer) || key.is(Type::boolean);
}
std::int64_t index_of(const Value& key) {
  return key.is(Type::boolean) ? key.as_bool() : key.as_integer();
}

Outcome<Value> character(Interpreter& in, const String& s, std::size_t index) {
  FH_TRY_VOID(in.touch(s.ascii() ? 0 : s.text.size()));
  std::size_t begin = byte_of(s, index);
  std::size_t end = begin;
  next_code_point(s.text, end);
  return in.string(s.text.substr(begin, end - begin), s.markup);
}

// object[index] for what has an order; missing if the index is outside.
Outcome<Value> element(Interpreter& in, const Value& object, std::int64_t index) {
  FH_TRY(std::int64_t n, length(in, object));
  if (index < 0) index += n;
  if (index < 0 || index >= n) return Value();
  auto at = static_cast<std::size_t>(index);
  if (object.is(Type::string)) return character(in, object.as_string(), at);
  if (object.is(Type::range)) return Value::integer(as<Range>(object).at(index));
  return object.as_sequence().items[at];
}

Outcome<std::string> shown_key(Interpreter& in, const Value& key) {
  FH_TRY(std::string text, repr(in, key));
  if (text.size() > 100) text = text.substr(0, complete_utf8_prefix(std::string_view(text).substr(0, 100)));
  return text;
}

}  // namespace

Outcome<Value> get_attribute(Interpreter& in, const Value& object, const Value& name) {
  std::string_view text = name.as_text();
  if (object.is(Type::undefined)) return undefined_error(object);
  FH_TRY(Value found, python_attribute(in, object, text));
  if (!found.is(Type::missing)) return found;
  if (object.is(Type::dict)) {
    if (const Value* item = object.as_dict().find(text)) return *item;
  }
  return no_attribute(in, object, text);
}

Outcome<Value> get_item(Interpreter& in, const Value& object, const Value& key) {
  switch (object.type()) {
    case Type::undefined:
      return undefined_error(object);
    case Type::dict:
      if (const Value* item = object.as_dict().find(key)) return *item;
      break;
    case Type::string:
    case Type::list:
    case Type::tuple:
    case Type::range:
      if (is_index(key)) {
        FH_TRY(Value found, element(in, object, index_of(key)));
        if (!found.is(Type::missing)) return found;
      }
      break;
    default:
      break;
  }
  if (key.is(Type::string)) {
    FH_TRY(Value found, python_attribute(in, object, key.as_text()));
    if (!found.is(Type::missing)) return found;
    return no_attribute(in, object, key.as_text());
  }
  FH_TRY(std::string shown, shown_key(in, key));
  return in.undefined(object_name(object) + " has no element " + shown);
}

Outcome<Value> get_slice(Interpreter& in, const Value& object, const Value& start, const Value& stop,
                         const Value& step) {
  if (object.is(Type::undefined)) return undefined_error(object);
  if (!object.is(Type::string) && !object.is(Type::list) && !object.is(Type::tuple) && !object.is(Type::range))
    return type_error("'" + std::string(type_name(object)) + "' object is not subscriptable");
  for (const Value* part : {&start, &stop, &step})
    if (given(*part) && !is_index(*part))
      return type_error("slice indices must be integers or None or have an __index__ method");
  std::int64_t by = given(step) ? index_of(step) : 1;
  if (by == 0) return runtime_error("slice step cannot be zero");
  FH_TRY(std::int64_t n, length(in, object));
  auto clamp = [&](const Value& v, std::int64_t otherwise) {
    if (!given(v)) return otherwise;
    std::int64_t i = index_of(v);
    if (i < 0) i = i < -n ? -1 : i + n;
    if (by > 0) return std::clamp<std::int64_t>(i, 0, n);
    return std::clamp<std::int64_t>(i, -1, n - 1);
  };
  std::int64_t from = clamp(start, by > 0 ? 0 : n - 1);
  std::int64_t to = clamp(stop, by > 0 ? n : -1);
  by = std::clamp<std::int64_t>(by, -n - 1, n + 1);  // a longer step takes one element as well
  std::int64_t count = by > 0 ? (to - from + by - 1) / by : (from - to - by - 1) / -by;
  if (by > 0 ? from >= to : from <= to) count = 0;
  if (object.is(Type::string)) {
    const String& s = object.as_string();
    FH_TRY_VOID(in.touch(s.text.size()));
    if (by == 1) {
      std::size_t begin = byte_of(s, static_cast<std::size_t>(from));
      std::size_t end = count == 0 ? begin : byte_of(s, static_cast<std::size_t>(to));
      FH_TRY_VOID(in.room(end - begin));
      return in.string(s.text.substr(begin, end - begin), s.markup);
    }
    FH_TRY_VOID(in.room(s.text.size() * 9));
    std::vector<std::size_t> starts;  // of every character
    starts.reserve(s.length + 1);
    for (std::size_t at = 0; at < s.text.size(); next_code_point(s.text, at)) starts.push_back(at);
    starts.push_back(s.text.size());
    std::string out;
    for (std::int64_t i = 0; i < count; ++i) {
      auto at = static_cast<std::size_t>(from + i * by);
      out.append(s.text, starts[at], starts[at + 1] - starts[at]);
    }
    return in.string(std::move(out), s.markup);
  }
  if (object.is(Type::range)) {
    const auto& range = as<Range>(object);
    FH_TRY(Ref<Range> out, in.make<Range>());
    out->start = range.at(from);
    out->step = static_cast<std::int64_t>(static_cast<std::uint64_t>(range.step) * static_cast<std::uint64_t>(by));
    out->length = count;
    out->stop = out->at(count);
    return Value::of(Type::range, out.get());
  }
  FH_TRY_VOID(in.room(static_cast<std::size_t>(count) * sizeof(Value)));
  FH_TRY_VOID(in.step(static_cast<std::size_t>(count) / 16));
  std::vector<Value> out;
  out.reserve(static_cast<std::size_t>(count));
  for (std::int64_t i = 0; i < count; ++i)
    out.push_back(object.as_sequence().items[static_cast<std::size_t>(from + i * by)]);
  return object.is(Type::list) ? in.list(std::move(out)) : in.tuple(std::move(out));
}

bool is_iterable(const Value& value) {
  switch (value.type()) {
    case Type::undefined:
    case Type::string:
    case Type::list:
    case Type::tuple:
    case Type::dict:
    case Type::range:
    case Type::view:
    case Type::iterator:
      return true;
    default:
      return false;
  }
}

Outcome<Cursor> Cursor::over(Interpreter&, Value source) {
  if (!is_iterable(source)) return type_error("'" + std::string(type_name(source)) + "' object is not iterable");
  Cursor out;
  out.source_ = std::move(source);
  return out;
}

Outcome<bool> Cursor::next(Interpreter& in, Value& out) {
  FH_TRY_VOID(in.step());
  switch (source_.type()) {
    case Type::list:
    case Type::tuple: {
      const auto& items = source_.as_sequence().items;
      if (at_ >= items.size()) return false;
      out = items[at_++];
      return true;
    }
    case Type::dict: {
      const auto& entries = source_.as_dict().entries();
      if (at_ >= entries.size()) return false;
      out = entries[at_++].key;
      return true;
    }
    case Type::string: {
      const String& s = source_.as_string();
      if (at_ >= s.text.size()) return false;
      std::size_t begin = at_;
      next_code_point(s.text, at_);
      FH_TRY(out, in.string(s.text.substr(begin, at_ - begin)));
      return true;
    }
    case Type::range: {
      const auto& range = as<Range>(source_);
      if (static_cast<std::int64_t>(at_) >= range.length) return false;
      out = Value::integer(range.at(static_cast<std::int64_t>(at_++)));
      return true;
    }
    case Type::view: {
      const auto& view = as<View>(source_);
      const auto& entries = view.dict.as_dict().entries();
      if (at_ >= entries.size()) return false;
      const auto& entry = entries[at_++];
      if (view.kind == ViewKind::items) {
        FH_TRY(out, in.tuple({entry.key, entry.value}));
      } else {
        out = view.kind == ViewKind::keys ? entry.key : entry.value;
      }
      return true;
    }
    case Type::iterator: {
      Interpreter::Level level(in);
      if (!level.ok()) return Interpreter::too_deep();
      Value keep = source_;
      return as<Iterator>(keep).next(in, out);
    }
    default:
      return false;
  }
}

Outcome<std::vector<Value>> collect(Interpreter& in, const Value& iterable) {
  std::vector<Value> out;
  if (iterable.is(Type::list) || iterable.is(Type::tuple)) {
    const auto& items = iterable.as_sequence().items;
    FH_TRY_VOID(in.room(items.size() * sizeof(Value)));
    FH_TRY_VOID(in.step(items.size() / 4));
    return items;
  }
  FH_TRY(Cursor cursor, Cursor::over(in, iterable));
  Value item;
  while (true) {
    FH_TRY(bool more, cursor.next(in, item));
    if (!more) return out;
    if (out.size() == out.capacity()) FH_TRY_VOID(in.room((out.size() + 8) * 2 * sizeof(Value)));
    out.push_back(std::move(item));
  }
}

Outcome<Value> get_path(Interpreter& in, Value object, const Value& path, const Value& fallback) {
  auto apply = [&](const Value& key) -> Done {
    FH_TRY_VOID(in.step());
    FH_TRY(object, get_item(in, object, key));
    bool use = !fallback.is(Type::missing) && !fallback.is(Type::none) && object.is(Type::undefined);
    if (use) object = fallback;
    return {};
  };
  if (path.is(Type::missing) || path.is(Type::none)) return object;
  if (!path.is(Type::string)) {
    FH_TRY_VOID(apply(path));
    return object;
  }
  std::string_view rest = path.as_text();
  while (true) {
    std::size_t dot = rest.find('.');
    std::string_view part = rest.substr(0, dot);
    bool digits = !part.empty() && part.size() < 18 && part.find_first_not_of("0123456789") == std::string_view::npos;
    Value key;
    if (digits) {
      key = Value::integer(std::stoll(std::string(part)));
    } else if (dot == std::string_view::npos && part.size() == path.as_text().size()) {
      key = path;
    } else {
      FH_TRY(key, in.string(std::string(part)));
    }
    FH_TRY_VOID(apply(key));
    if (dot == std::string_view::npos) return object;
    rest = rest.substr(dot + 1);
  }
}

}  // namespace freehold::text::jinja
