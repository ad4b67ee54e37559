// Methods of lists, tuples, ranges and dicts. Those that would change the object are refused (builtins.h).
#include <algorithm>

#include "text/jinja/access.h"
#include "text/jinja/builtins.h"
#include "text/jinja/operators.h"
#include "text/jinja/repr.h"

namespace freehold::text::jinja {
namespace {

Outcome<Value> list_index(Interpreter& in, const Value& self, Args& args) {
  static constexpr std::array<const char*, 3> kNames = {"value", "start", "stop"};
  FH_TRY(auto given, bind_args("index", args, kNames, 1));
  FH_TRY(std::int64_t n, length(in, self));
  std::int64_t bound[2] = {0, n};
  for (std::size_t i = 0; i < 2; ++i) {
    if (given[i + 1].is(Type::missing)) continue;
    FH_TRY(bound[i], to_index(given[i + 1]));
    if (bound[i] < 0) bound[i] = std::max<std::int64_t>(0, bound[i] + n);
  }
  for (std::int64_t i = bound[0]; i < std::min(bound[1], n); ++i) {
    FH_TRY_VOID(in.step());
    FH_TRY(Value item, get_item(in, self, Value::integer(i)));
    FH_TRY(bool same, equal(in, item, given[0]));
    if (same) return Value::integer(i);
  }
  FH_TRY(std::string shown, repr(in, given[0]));
  return runtime_error(shown.substr(0, 100) + " is not in list");
}

Outcome<Value> list_count(Interpreter& in, const Value& self, Args& args) {
  static constexpr std::array<const char*, 1> kNames = {"value"};
  FH_TRY(auto given, bind_args("count", args, kNames, 1));
  FH_TRY(Cursor cursor, Cursor::over(in, self));
  std::int64_t n = 0;
  Value item;
  while (true) {
    FH_TRY(bool more, cursor.next(in, item));
    if (!more) return Value::integer(n);
    FH_TRY(bool same, equal(in, item, given[0]));
    n += same ? 1 : 0;
  }
}

Outcome<Value> list_copy(Interpreter& in, const Value& self, Args&) {
  FH_TRY(std::vector<Value> items, collect(in, self));
  return in.list(std::move(items));
}

Outcome<Value> dict_get(Interpreter&, const Value& self, Args& args) {
  static constexpr std::array<const char*, 2> kNames = {"key", "default"};
  if (!args.named.empty()) return type_error("dict.get() takes no keyword arguments");
  FH_TRY(auto given, bind_args("get", args, kNames, 1));
  if (!is_hashable(given[0])) return type_error("unhashable type: '" + std::string(type_name(given[0])) + "'");
  if (const Value* found = self.as_dict().find(given[0])) return *found;
  return given[1].is(Type::missing) ? Value::none() : given[1];
}

template <ViewKind kind>
Outcome<Value> dict_view(Interpreter& in, const Value& self, Args& args) {
  if (!args.positional.empty() || !args.named.empty()) return type_error("this method takes no arguments");
  FH_TRY(Ref<View> view, in.make<View>());
  view->kind = kind;
  view->dict = self;
  return Value::of(Type::view, view.get());
}

Outcome<Value> dict_copy(Interpreter& in, const Value& self, Args&) {
  Args args;
  args.positional.push_back(self);
  return find_global("dict")(in, Value(), args);
}

Outcome<Value> dict_fromkeys(Interpreter& in, const Value&, Args& args) {
  static constexpr std::array<const char*, 2> kNames = {"iterable", "value"};
  FH_TRY(auto given, bind_args("fromkeys", args, kNames, 1));
  FH_TRY(std::vector<Value> keys, collect(in, given[0]));
  FH_TRY(Ref<Dict> dict, in.make<Dict>(keys.size() * (sizeof(Dict::Entry) + 16)));
  for (Value& key : keys) {
    FH_TRY_VOID(in.step());
    if (!is_hashable(key)) return type_error("unhashable type: '" + std::string(type_name(key)) + "'");
    dict->set(std::move(key), given[1].is(Type::missing) ? Value::none() : given[1]);
  }
  return Value::of(Type::dict, dict.get());
}

constexpr NamedNative kList[] = {{"index", list_index}, {"count", list_count}, {"copy", list_copy}};
constexpr NamedNative kDict[] = {
    {"get", dict_get},   {"items", dict_view<ViewKind::items>},   {"keys", dict_view<ViewKind::keys>},
    {"copy", dict_copy}, {"values", dict_view<ViewKind::values>}, {"fromkeys", dict_fromkeys},
};
constexpr std::string_view kChangeList[] = {"append", "clear", "pop", "reverse", "insert", "sort", "extend", "remove"};
constexpr std::string_view kChangeDict[] = {"clear", "pop", "popitem", "setdefault", "update"};

template <std::size_t N>
Native find_in(const NamedNative (&table)[N], std::string_view name) {
  for (const NamedNative& entry : table)
    if (entry.name == name) return entry.native;
  return nullptr;
}

}  // namespace

Native find_list_method(std::string_view name) {
  return find_in(kList, name);
}
Native find_dict_method(std::string_view name) {
  return find_in(kDict, name);
}

bool is_mutating_method(Type type, std::string_view name) {
  if (type == Type::list)
    return std::find(std::begin(kChangeList), std::end(kChangeList), name) != std::end(kChangeList);
  return type == Type::dict && std::find(std::begin(kChangeDict), std::end(kChangeDict), name) != std::end(kChangeDict);
}

}  // namespace freehold::text::jinja
