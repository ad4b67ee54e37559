// Argument binding, the global functions, and the look-up of filters and tests.
#include "text/jinja/builtins.h"

#include <algorithm>

#include "text/jinja/access.h"
#include "text/jinja/operators.h"
#include "text/jinja/repr.h"
#include "text/jinja/strftime.h"

namespace freehold::text::jinja {
namespace {

constexpr std::int64_t kMaxRange = 100'000;  // as Jinja2's sandbox has it

Outcome<Value> make_range(Interpreter& in, const Value&, Args& args) {
  std::size_t n = args.positional.size();
  if (n < 1 || n > 3 || !args.named.empty()) return type_error("range expected 1 to 3 arguments");
  std::int64_t part[3] = {0, 0, 1};
  for (std::size_t i = 0; i < n; ++i) {
    FH_TRY(part[n == 1 ? 1 : i], to_index(args.positional[i]));
  }
  auto [start, stop, step] = part;
  if (step == 0) return runtime_error("range() arg 3 must not be zero");
  FH_TRY(Ref<Range> range, in.make<Range>());
  range->start = start;
  range->stop = stop;
  range->step = step;
  if (step > 0 ? start < stop : start > stop) {
    std::uint64_t distance = step > 0 ? static_cast<std::uint64_t>(stop) - static_cast<std::uint64_t>(start)
                                      : static_cast<std::uint64_t>(start) - static_cast<std::uint64_t>(stop);
    std::uint64_t by = step > 0 ? static_cast<std::uint64_t>(step) : ~static_cast<std::uint64_t>(step) + 1;
    std::uint64_t length = (distance - 1) / by + 1;
    if (length > static_cast<std::uint64_t>(kMaxRange))
      return limit_error("Range too big. The sandbox blocks ranges larger than MAX_RANGE (100000).");
    range->length = static_cast<std::int64_t>(length);
  }
  return Value::of(Type::range, range.get());
}

// dict(pairs or mapping, **entries)
Outcome<Value> make_dict(Interpreter& in, const Value&, Args& args) {
  if (args.positional.size() > 1) return type_error("dict expected at most 1 argument");
  FH_TRY(Ref<Dict> dict, in.make<Dict>());
  auto put = [&](const Value& key, const Value& value) -> Done {
    FH_TRY_VOID(in.step());
    FH_TRY_VOID(in.grow(*dict, sizeof(Dict::Entry) + 16));
    if (!dict->set(key, value)) return type_error("unhashable type: '" + std::string(type_name(key)) + "'");
    return {};
  };
  if (!args.positional.empty()) {
    const Value& from = args.positional[0];
    if (from.is(Type::dict)) {
      for (const auto& [key, value] : from.as_dict().entries()) FH_TRY_VOID(put(key, value));
    } else {
      FH_TRY(std::vector<Value> pairs, collect(in, from));
      for (const Value& entry : pairs) {
        FH_TRY(std::vector<Value> pair, collect(in, entry));
        if (pair.size() != 2) return runtime_error("dictionary update sequence element has a length that is not 2");
        FH_TRY_VOID(put(pair[0], pair[1]));
      }
    }
  }
  for (const auto& [name, value] : args.named) {
    FH_TRY(Value key, in.string(name));
    FH_TRY_VOID(put(key, value));
  }
  return Value::of(Type::dict, dict.get());
}

Outcome<Value> make_namespace(Interpreter& in, const Value&, Args& args) {
  FH_TRY(Ref<Namespace> space, in.make<Namespace>());
  auto put = [&](std::string_view name, const Value& value) -> Done {
    FH_TRY_VOID(in.grow(*space, 128 + name.size()));
    if (Value* old = space->find(name))
      *old = value;
    else
      space->attributes.emplace_back(name, value);
    return {};
  };
  if (!args.positional.empty()) {
    Args rest;
    rest.positional = args.positional;
    FH_TRY(Value dict, make_dict(in, Value(), rest));
    for (const auto& [key, value] : dict.as_dict().entries())
      if (key.is(Type::string)) FH_TRY_VOID(put(key.as_text(), value));
  }
  for (const auto& [name, value] : args.named) FH_TRY_VOID(put(name, value));
  return Value::of(Type::name_space, space.get());
}

Outcome<Value> make_cycler(Interpreter& in, const Value&, Args& args) {
  if (args.positional.empty()) return runtime_error("at least one item has to be provided");
  FH_TRY(Ref<Cycler> cycler, in.make<Cycler>(args.positional.size() * sizeof(Value)));
  cycler->items = std::move(args.positional);
  return Value::of(Type::cycler, cycler.get());
}

Outcome<Value> make_joiner(Interpreter& in, const Value&, Args& args) {
  static constexpr std::array<const char*, 1> kNames = {"sep"};
  FH_TRY(auto given, bind_args("joiner", args, kNames, 0));
  FH_TRY(Ref<Joiner> joiner, in.make<Joiner>());
  joiner->separator = std::move(given[0]);
  if (joiner->separator.is(Type::missing)) {
    FH_TRY(joiner->separator, in.string(", "));
  }
  return Value::of(Type::joiner, joiner.get());
}

Outcome<Value> raise_exception(Interpreter& in, const Value&, Args& args) {
  static constexpr std::array<const char*, 1> kNames = {"message"};
  FH_TRY(auto given, bind_args("raise_exception", args, kNames, 1));
  FH_TRY(std::string message, str(in, given[0]));
  return refuse(FailureKind::raised, std::move(message));
}

Outcome<Value> strftime_now(Interpreter& in, const Value&, Args& args) {
  static constexpr std::array<const char*, 1> kNames = {"format"};
  FH_TRY(auto given, bind_args("strftime_now", args, kNames, 1));
  if (!given[0].is(Type::string)) return type_error("strftime() argument 1 must be str");
  if (given[0].as_text().size() > 4096) return limit_error("a time format longer than 4096 bytes");
  return in.string(format_time(given[0].as_text(), in.now()));
}

constexpr NamedNative kGlobals[] = {
    {"range", make_range},
    {"dict", make_dict},
    {"namespace", make_namespace},
    {"cycler", make_cycler},
    {"joiner", make_joiner},
    {"strftime_now", strftime_now},
    {"raise_exception", raise_exception},
};

}  // namespace

Native find_global(std::string_view name) {
  for (const NamedNative& entry : kGlobals)
    if (entry.name == name) return entry.native;
  return nullptr;
}

Native find_filter(std::string_view name) {
  if (Native native = find_string_filter(name)) return native;
  if (Native native = find_sequence_filter(name)) return native;
  return find_lazy_filter(name);
}

Outcome<Value> call_filter(Interpreter& in, const Value& name, const Value& input, Args args) {
  if (!name.is(Type::string)) return type_error("a filter's name must be a string");
  Native native = find_filter(name.as_text());
  if (native == nullptr)
    return runtime_error("No filter named '" + std::string(name.as_text().substr(0, 100)) + "' found.");
  FH_TRY_VOID(in.step());
  return native(in, input, args);
}

Outcome<bool> call_test(Interpreter& in, const Value& name, const Value& input, Args args) {
  if (!name.is(Type::string)) return type_error("a test's name must be a string");
  Native native = find_test(name.as_text());
  if (native == nullptr)
    return runtime_error("No test named '" + std::string(name.as_text().substr(0, 100)) + "' found.");
  FH_TRY_VOID(in.step());
  FH_TRY(Value value, native(in, input, args));
  return truth(value);
}

Outcome<std::int64_t> to_index(const Value& value) {
  if (value.is(Type::integer)) return value.as_integer();
  if (value.is(Type::boolean)) return value.as_bool() ? 1 : 0;
  if (value.is(Type::undefined)) return undefined_error(value);
  return type_error("'" + std::string(type_name(value)) + "' object cannot be interpreted as an integer");
}

Done bind_into(const char* function, Args& args, const char* const* names, std::size_t count, std::size_t required,
               Value* out) {
  if (args.positional.size() > count)
    return type_error(std::string(function) + "() takes at most " + std::to_string(count) + " arguments (" +
                      std::to_string(args.positional.size()) + " given)");
  for (std::size_t i = 0; i < args.positional.size(); ++i) out[i] = args.positional[i];
  for (auto& [name, value] : args.named) {
    const auto* found = std::find_if(names, names + count, [&n = name](const char* p) { return n == p; });
    if (found == names + count)
      return type_error(std::string(function) + "() got an unexpected keyword argument '" + name + "'");
    Value& slot = out[found - names];
    if (!slot.is(Type::missing))
      return type_error(std::string(function) + "() got multiple values for argument '" + name + "'");
    slot = value;
  }
  for (std::size_t i = 0; i < required; ++i)
    if (out[i].is(Type::missing))
      return type_error(std::string(function) + "() missing 1 required positional argument: '" + names[i] + "'");
  return {};
}

}  // namespace freehold::text::jinja
