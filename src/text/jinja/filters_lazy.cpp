// map, select, reject, selectattr, rejectattr: generators, as in Jinja2, so they fail late and can be walked once.
#include "text/jinja/access.h"
#include "text/jinja/builtins.h"
#include "text/jinja/operators.h"

namespace freehold::text::jinja {
namespace {

struct Lazy final : Iterator {
  enum class Kind { map_filter, map_attribute, select } kind = Kind::map_filter;
  Cursor cursor;
  Value function;  // the filter's or test's name; missing = truth itself
  Args args;
  Value path;  // of the attribute; missing = the item
  Value fallback;
  bool wanted = true;  // select, not reject

  Outcome<bool> next(Interpreter& in, Value& out) override {
    while (true) {
      FH_TRY(bool more, cursor.next(in, out));
      if (!more) return false;
      if (kind == Kind::map_attribute) {
        FH_TRY(out, get_path(in, out, path, fallback));
        return true;
      }
      if (kind == Kind::map_filter) {
        FH_TRY(out, call_filter(in, function, out, args));
        return true;
      }
      FH_TRY(Value subject, get_path(in, out, path, Value()));
      bool holds = false;
      if (function.is(Type::missing)) {
        holds = truth(subject);
      } else {
        FH_TRY(holds, call_test(in, function, subject, args));
      }
      if (holds == wanted) return true;
    }
  }
};

Outcome<Ref<Lazy>> make_lazy(Interpreter& in, const Value& v) {
  FH_TRY(Ref<Lazy> out, in.make<Lazy>(256));
  // `if value:` guards the loop, so None and False give nothing at all.
  if (truth(v)) {
    FH_TRY(out->cursor, Cursor::over(in, v));
  } else {
    FH_TRY(out->cursor, Cursor::over(in, Value::undefined()));
  }
  return out;
}

Outcome<Value> map(Interpreter& in, const Value& v, Args& args) {
  FH_TRY(Ref<Lazy> out, make_lazy(in, v));
  if (args.positional.empty()) {
    out->kind = Lazy::Kind::map_attribute;
    for (auto& [name, value] : args.named) {
      if (name == "attribute")
        out->path = value;
      else if (name == "default")
        out->fallback = value;
      else
        return runtime_error("Unexpected keyword argument '" + name + "'");
    }
    if (out->path.is(Type::missing)) return runtime_error("map requires a filter argument");
  } else {
    out->function = args.positional[0];
    out->args = std::move(args);
    out->args.positional.erase(out->args.positional.begin());
  }
  return Value::of(Type::iterator, out.get());
}

Outcome<Value> choose(Interpreter& in, const Value& v, Args& args, bool by_attribute, bool wanted) {
  FH_TRY(Ref<Lazy> out, make_lazy(in, v));
  out->kind = Lazy::Kind::select;
  out->wanted = wanted;
  std::size_t at = 0;
  if (by_attribute) {
    if (args.positional.empty()) return runtime_error("Missing parameter for attribute name");
    out->path = args.positional[at++];
  }
  if (at < args.positional.size()) out->function = args.positional[at++];
  out->args = std::move(args);
  out->args.positional.erase(out->args.positional.begin(),
                             out->args.positional.begin() + static_cast<std::ptrdiff_t>(at));
  return Value::of(Type::iterator, out.get());
}

template <bool by_attribute, bool wanted>
Outcome<Value> choose(Interpreter& in, const Value& v, Args& args) {
  return choose(in, v, args, by_attribute, wanted);
}

constexpr NamedNative kFilters[] = {
    {"map", map},
    {"select", choose<false, true>},
    {"reject", choose<false, false>},
    {"selectattr", choose<true, true>},
    {"rejectattr", choose<true, false>},
};

}  // namespace

Native find_lazy_filter(std::string_view name) {
  for (const NamedNative& entry : kFilters)
    if (entry.name == name) return entry.native;
  return nullptr;
}

}  // namespace freehold::text::jinja
