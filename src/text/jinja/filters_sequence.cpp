// Filters over lists and other iterables that work at once.
#include <algorithm>

#include "text/jinja/access.h"
#include "text/jinja/builtins.h"
#include "text/jinja/operators.h"
#include "text/jinja/repr.h"
#include "text/jinja/unicode.h"

namespace freehold::text::jinja {
namespace {

Outcome<Value> length_filter(Interpreter& in, const Value& v, Args&) {
  FH_TRY(std::int64_t n, length(in, v));
  return Value::integer(n);
}

Outcome<Value> list(Interpreter& in, const Value& v, Args&) {
  FH_TRY(std::vector<Value> items, collect(in, v));
  return in.list(std::move(items));
}

Outcome<Value> first(Interpreter& in, const Value& v, Args&) {
  FH_TRY(Cursor cursor, Cursor::over(in, v));
  Value out;
  FH_TRY(bool any, cursor.next(in, out));
  return any ? Outcome<Value>(out) : in.undefined("No first item, sequence was empty.");
}

Outcome<Value> last(Interpreter& in, const Value& v, Args&) {
  if (v.is(Type::iterator)) return type_error("'" + std::string(type_name(v)) + "' object is not reversible");
  if (!v.is(Type::dict) && !v.is(Type::view)) {
    FH_TRY(std::int64_t n, length(in, v));
    if (n > 0) return get_item(in, v, Value::integer(n - 1));
  } else {
    FH_TRY(std::vector<Value> items, collect(in, v));
    if (!items.empty()) return items.back();
  }
  return in.undefined("No last item, sequence was empty.");
}

Outcome<Value> default_filter(Interpreter& in, const Value& v, Args& args) {
  static constexpr std::array<const char*, 2> kNames = {"default_value", "boolean"};
  FH_TRY(auto arguments, bind_args("default", args, kNames, 0));
  if (!v.is(Type::undefined) && (!truth(arguments[1]) || truth(v))) return v;
  return arguments[0].is(Type::missing) ? in.string("") : arguments[0];
}

Outcome<Value> join(Interpreter& in, const Value& v, Args& args) {
  static constexpr std::array<const char*, 2> kNames = {"d", "attribute"};
  FH_TRY(auto arguments, bind_args("join", args, kNames, 0));
  std::string separator;
  if (!arguments[0].is(Type::missing)) {
    FH_TRY(separator, str(in, arguments[0]));
  }
  FH_TRY(Cursor cursor, Cursor::over(in, v));
  std::string out;
  Value item;
  for (bool begun = false;; begun = true) {
    FH_TRY(bool more, cursor.next(in, item));
    if (!more) return in.string(std::move(out));
    if (begun) FH_TRY_VOID(in.add(out, separator));
    FH_TRY(item, get_path(in, item, arguments[1], Value()));
    FH_TRY_VOID(append_str(in, item, out));
  }
}

// A list that is walked once: what reversed() returns.
struct OnceList final : Iterator {
  std::vector<Value> items;
  std::size_t at = 0;
  const char* error = nullptr;  // what walking it fails with: generators fail late
  Outcome<bool> next(Interpreter& in, Value& out) override {
    FH_TRY_VOID(in.step());
    if (error != nullptr) return type_error(error);
    if (at >= items.size()) return false;
    out = items[at++];
    return true;
  }
};

Outcome<Value> once(Interpreter& in, std::vector<Value> items, const char* name) {
  FH_TRY(Ref<OnceList> out, in.make<OnceList>(items.capacity() * sizeof(Value)));
  out->items = std::move(items);
  out->name = name;
  return Value::of(Type::iterator, out.get());
}

Outcome<Value> reverse(Interpreter& in, const Value& v, Args&) {
  if (v.is(Type::string)) return get_slice(in, v, Value(), Value(), Value::integer(-1));
  FH_TRY(std::vector<Value> items, collect(in, v));
  std::reverse(items.begin(), items.end());
  if (v.is(Type::iterator) || v.is(Type::undefined)) return in.list(std::move(items));
  return once(in, std::move(items), v.is(Type::list) ? "list_reverseiterator" : "reversed");
}

// Strings in lower case, everything else as it is.
Outcome<Value> ignore_case(Interpreter& in, Value v) {
  if (!v.is(Type::string)) return v;
  Args none;
  return find_string_method("lower")(in, v, none);
}

// What sort, unique, min, max and groupby compare: an attribute's value, lowered unless case matters.
struct KeyOf {
  Interpreter& in;
  Value path;
  bool case_sensitive = false;
  Value fallback;
  Outcome<Value> operator()(const Value& item) const {
    FH_TRY(Value key, get_path(in, item, path, fallback));
    return case_sensitive ? Outcome<Value>(std::move(key)) : ignore_case(in, std::move(key));
  }
};

// Stable merge sort by keys: std::stable_sort may not be given a comparison that can fail half-way.
// `equal_first`: keys that are equal are not asked which is less (Jinja2's sort compares lists of keys).
Done sort_by_keys(Interpreter& in, const std::vector<Value>& keys, std::vector<std::size_t>& order, bool reversed,
                  bool equal_first) {
  auto less = [&](const Value& x, const Value& y) -> Outcome<bool> {
    if (equal_first) {
      FH_TRY(bool same, equal(in, x, y));
      if (same) return false;
    }
    return compare(in, Op::lt, x, y);
  };
  std::vector<std::size_t> other(order.size());
  for (std::size_t width = 1; width < order.size(); width *= 2) {
    for (std::size_t begin = 0; begin < order.size(); begin += 2 * width) {
      std::size_t a = begin;
      std::size_t middle = std::min(begin + width, order.size());
      std::size_t b = middle;
      std::size_t end = std::min(begin + 2 * width, order.size());
      for (std::size_t out = begin; out < end; ++out) {
        bool take_b = a >= middle;
        if (a < middle && b < end) {
          FH_TRY_VOID(in.step());
          const Value& x = keys[order[a]];
          const Value& y = keys[order[b]];
          FH_TRY(take_b, reversed ? less(x, y) : less(y, x));
        }
        other[out] = take_b ? order[b++] : order[a++];
      }
    }
    order.swap(other);
  }
  return {};
}

Outcome<std::vector<Value>> sorted(Interpreter& in, const std::vector<Value>& items, const std::vector<Value>& keys,
                                   bool reversed, bool equal_first = false) {
  FH_TRY_VOID(in.room(items.size() * 3 * sizeof(Value)));
  std::vector<std::size_t> order(items.size());
  for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
  FH_TRY_VOID(sort_by_keys(in, keys, order, reversed, equal_first));
  std::vector<Value> out;
  out.reserve(items.size());
  for (std::size_t i : order) out.push_back(items[i]);
  return out;
}

Outcome<std::vector<Value>> keys_of(const std::vector<Value>& items, const KeyOf& key) {
  std::vector<Value> keys;
  keys.reserve(items.size());
  for (const Value& item : items) {
    FH_TRY(Value k, key(item));
    keys.push_back(std::move(k));
  }
  return keys;
}

Outcome<Value> sort(Interpreter& in, const Value& v, Args& args) {
  static constexpr std::array<const char*, 3> kNames = {"reverse", "case_sensitive", "attribute"};
  FH_TRY(auto arguments, bind_args("sort", args, kNames, 0));
  FH_TRY(std::vector<Value> items, collect(in, v));
  FH_TRY_VOID(in.room(items.size() * 2 * sizeof(Value)));
  KeyOf key{in, arguments[2], truth(arguments[1]), Value()};
  std::vector<Value> keys;
  if (arguments[2].is(Type::string) && arguments[2].as_text().find(',') != std::string_view::npos) {
    Args comma;  // several attributes: the key is a list
    FH_TRY(Value separator, in.string(","));
    comma.positional.push_back(separator);
    FH_TRY(Value paths, find_string_method("split")(in, arguments[2], comma));
    for (const Value& item : items) {
      std::vector<Value> parts;
      for (const Value& path : paths.as_sequence().items) {
        key.path = path;
        FH_TRY(Value part, key(item));
        parts.push_back(std::move(part));
      }
      FH_TRY(Value all, in.list(std::move(parts)));
      keys.push_back(std::move(all));
    }
  } else {
    FH_TRY(keys, keys_of(items, key));
  }
  FH_TRY(items, sorted(in, items, keys, truth(arguments[0]), true));
  return in.list(std::move(items));
}

Outcome<Value> unique(Interpreter& in, const Value& v, Args& args) {
  static constexpr std::array<const char*, 2> kNames = {"case_sensitive", "attribute"};
  FH_TRY(auto arguments, bind_args("unique", args, kNames, 0));
  if (!is_iterable(v)) {
    FH_TRY(Value out, once(in, {}, "generator"));
    as<OnceList>(out).error = "object is not iterable";
    return out;
  }
  FH_TRY(std::vector<Value> items, collect(in, v));
  KeyOf key{in, arguments[1], truth(arguments[0]), Value()};
  FH_TRY(Ref<Dict> seen, in.make<Dict>());
  std::vector<Value> out;
  for (const Value& item : items) {
    FH_TRY_VOID(in.step());
    FH_TRY(Value k, key(item));
    if (!is_hashable(k)) return type_error("unhashable type: '" + std::string(type_name(k)) + "'");
    if (seen->find(k) != nullptr) continue;
    FH_TRY_VOID(in.grow(*seen, sizeof(Dict::Entry) + 16));
    seen->set(std::move(k), Value::none());
    out.push_back(item);
  }
  return once(in, std::move(out), "generator");
}

Outcome<Value> extreme(Interpreter& in, const Value& v, Args& args, Op better) {
  static constexpr std::array<const char*, 2> kNames = {"case_sensitive", "attribute"};
  FH_TRY(auto arguments, bind_args("min", args, kNames, 0));
  FH_TRY(std::vector<Value> items, collect(in, v));
  if (items.empty()) return in.undefined("No aggregated item, sequence was empty.");
  KeyOf key{in, arguments[1], truth(arguments[0]), Value()};
  FH_TRY(Value best, key(items[0]));
  std::size_t at = 0;
  for (std::size_t i = 1; i < items.size(); ++i) {
    FH_TRY(Value k, key(items[i]));
    FH_TRY(bool wins, compare(in, better, k, best));
    if (!wins) continue;
    best = std::move(k);
    at = i;
  }
  return items[at];
}
Outcome<Value> min(Interpreter& in, const Value& v, Args& args) {
  return extreme(in, v, args, Op::lt);
}
Outcome<Value> max(Interpreter& in, const Value& v, Args& args) {
  return extreme(in, v, args, Op::gt);
}

Outcome<Value> sum(Interpreter& in, const Value& v, Args& args) {
  static constexpr std::array<const char*, 2> kNames = {"attribute", "start"};
  FH_TRY(auto arguments, bind_args("sum", args, kNames, 0));
  Value total = arguments[1].is(Type::missing) ? Value::integer(0) : arguments[1];
  if (total.is(Type::string)) return type_error("sum() can't sum strings [use ''.join(seq) instead]");
  FH_TRY(std::vector<Value> items, collect(in, v));
  for (const Value& item : items) {
    FH_TRY_VOID(in.step());
    FH_TRY(Value next, get_path(in, item, arguments[0], Value()));
    FH_TRY(total, arithmetic(in, Op::add, total, next));
  }
  return total;
}

Outcome<Value> groupby(Interpreter& in, const Value& v, Args& args) {
  static constexpr std::array<const char*, 3> kNames = {"attribute", "default", "case_sensitive"};
  FH_TRY(auto arguments, bind_args("groupby", args, kNames, 1));
  KeyOf key{in, arguments[0], truth(arguments[2]), arguments[1]};
  FH_TRY(std::vector<Value> items, collect(in, v));
  FH_TRY(std::vector<Value> keys, keys_of(items, key));
  FH_TRY(items, sorted(in, items, keys, false));
  FH_TRY(keys, keys_of(items, key));
  std::vector<Value> groups;
  for (std::size_t i = 0; i < items.size();) {
    std::vector<Value> members;
    std::size_t begin = i;
    for (bool same = true; i < items.size() && same;) {
      members.push_back(items[i++]);
      if (i >= items.size()) break;
      FH_TRY(same, equal(in, keys[begin], keys[i]));
    }
    Value name = keys[begin];
    if (!key.case_sensitive) {
      FH_TRY(name, get_path(in, items[begin], key.path, key.fallback));
    }
    FH_TRY(Value list_value, in.list(std::move(members)));
    FH_TRY(Ref<Sequence> group, in.make<Sequence>(2 * sizeof(Value)));
    group->items = {name, list_value};
    group->group = true;
    groups.push_back(Value::of(Type::tuple, group.get()));
  }
  return in.list(std::move(groups));
}

Outcome<Value> items_filter(Interpreter& in, const Value& v, Args&) {
  if (v.is(Type::undefined)) return once(in, {}, "generator");
  if (!v.is(Type::dict)) {
    FH_TRY(Value out, once(in, {}, "generator"));
    as<OnceList>(out).error = "Can only get item pairs from a mapping.";
    return out;
  }
  std::vector<Value> pairs;
  for (const auto& [key, value] : v.as_dict().entries()) {
    FH_TRY_VOID(in.step());
    FH_TRY(Value pair, in.tuple({key, value}));
    pairs.push_back(std::move(pair));
  }
  return once(in, std::move(pairs), "generator");
}

Outcome<Value> dictsort(Interpreter& in, const Value& v, Args& args) {
  static constexpr std::array<const char*, 3> kNames = {"case_sensitive", "by", "reverse"};
  FH_TRY(auto arguments, bind_args("dictsort", args, kNames, 0));
  std::string_view by = arguments[1].is(Type::string) ? arguments[1].as_text() : "key";
  if (by != "key" && by != "value") return runtime_error("You can only sort by either \"key\" or \"value\"");
  if (v.is(Type::undefined)) return undefined_error(v);
  if (!v.is(Type::dict)) return type_error("dictsort needs a mapping, not " + std::string(type_name(v)));
  std::vector<Value> pairs;
  for (const auto& [key, value] : v.as_dict().entries()) {
    FH_TRY_VOID(in.step());
    FH_TRY(Value pair, in.tuple({key, value}));
    pairs.push_back(std::move(pair));
  }
  KeyOf key{in, Value::integer(by == "key" ? 0 : 1), truth(arguments[0]), Value()};
  FH_TRY(std::vector<Value> keys, keys_of(pairs, key));
  FH_TRY(pairs, sorted(in, pairs, keys, truth(arguments[2])));
  return in.list(std::move(pairs));
}

Outcome<Value> batch(Interpreter& in, const Value& v, Args& args) {
  static constexpr std::array<const char*, 2> kNames = {"linecount", "fill_with"};
  FH_TRY(auto arguments, bind_args("batch", args, kNames, 1));
  FH_TRY(std::int64_t size, to_index(arguments[0]));
  FH_TRY(std::vector<Value> items, collect(in, v));
  std::vector<Value> lines;
  std::vector<Value> line;
  auto flush = [&]() -> Done {
    FH_TRY(Value list_value, in.list(std::move(line)));
    lines.push_back(std::move(list_value));
    line = {};
    return {};
  };
  for (const Value& item : items) {
    FH_TRY_VOID(in.step());
    if (static_cast<std::int64_t>(line.size()) == size) FH_TRY_VOID(flush());
    line.push_back(item);
  }
  if (!line.empty()) {
    if (given(arguments[1]) && size > static_cast<std::int64_t>(line.size())) {
      if (size > 1'000'000) return limit_error("batch of more than 1000000 items");
      FH_TRY_VOID(in.room(static_cast<std::size_t>(size) * sizeof(Value)));
      line.resize(static_cast<std::size_t>(size), arguments[1]);
    }
    FH_TRY_VOID(flush());
  }
  return once(in, std::move(lines), "generator");
}

Outcome<Value> slice(Interpreter& in, const Value& v, Args& args) {
  static constexpr std::array<const char*, 2> kNames = {"slices", "fill_with"};
  FH_TRY(auto arguments, bind_args("slice", args, kNames, 1));
  FH_TRY(std::int64_t count, to_index(arguments[0]));
  FH_TRY(std::vector<Value> items, collect(in, v));
  if (count == 0) return runtime_error("integer division or modulo by zero");
  std::vector<Value> out;
  auto n = static_cast<std::int64_t>(items.size());
  std::int64_t begin = 0;
  for (std::int64_t i = 0; i < count; ++i) {
    FH_TRY_VOID(in.step());
    std::int64_t end = begin + n / count + (i < n % count ? 1 : 0);
    std::vector<Value> part(items.begin() + begin, items.begin() + end);
    if (given(arguments[1]) && i >= n % count) part.push_back(arguments[1]);
    FH_TRY(Value list_value, in.list(std::move(part)));
    out.push_back(std::move(list_value));
    begin = end;
  }
  return once(in, std::move(out), "generator");
}

Outcome<Value> attr(Interpreter& in, const Value& v, Args& args) {
  static constexpr std::array<const char*, 1> kNames = {"name"};
  FH_TRY(auto arguments, bind_args("attr", args, kNames, 1));
  if (!arguments[0].is(Type::string)) return type_error("attribute name must be string");
  if (!v.is(Type::dict)) return get_attribute(in, v, arguments[0]);
  // The attribute only, never the key.
  FH_TRY(Ref<Dict> bare, in.make<Dict>());
  bool method = find_dict_method(arguments[0].as_text()) != nullptr;
  return get_attribute(in, method ? v : Value::of(Type::dict, bare.get()), arguments[0]);
}

constexpr NamedNative kSequenceFilters[] = {
    {"length", plain<length_filter>},
    {"count", plain<length_filter>},
    {"list", plain<list>},
    {"first", plain<first>},
    {"last", plain<last>},
    {"default", default_filter},
    {"d", default_filter},
    {"join", join},
    {"reverse", plain<reverse>},
    {"sort", sort},
    {"unique", unique},
    {"min", min},
    {"max", max},
    {"sum", sum},
    {"groupby", groupby},
    {"items", plain<items_filter>},
    {"dictsort", dictsort},
    {"batch", batch},
    {"slice", slice},
    {"attr", attr},
};

}  // namespace

Native find_sequence_filter(std::string_view name) {
  for (const NamedNative& entry : kSequenceFilters)
    if (entry.name == name) return entry.native;
  return nullptr;
}

}  // namespace freehold::text::jinja
