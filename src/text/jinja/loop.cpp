// The for loop and its `loop` object.
#include <algorithm>

#include "text/jinja/access.h"
#include "text/jinja/builtins.h"
#include "text/jinja/operators.h"

namespace freehold::text::jinja {

// The items of "for target in items if test": the test runs as the loop asks for the next item, as in Jinja2, because
// the loop's body may change what the test looks at.
struct FilteredLoop final : Iterator {
  Cursor cursor;
  const Stmt* statement = nullptr;
  Ref<Scope> scope;  // around the loop

  Outcome<bool> next(Interpreter& in, Value& out) override {
    while (true) {
      FH_TRY(bool more, cursor.next(in, out));
      if (!more) return false;
      Ref<Scope> outer = in.scope_;
      FH_TRY(in.scope_, in.open_scope(scope));
      auto wanted = [&]() -> Outcome<bool> {
        FH_TRY_VOID(in.assign(statement->target, out));
        FH_TRY(Value value, in.eval(*statement->test));
        return truth(value);
      }();
      in.scope_ = std::move(outer);
      FH_TRY(bool yes, std::move(wanted));
      if (yes) return true;
    }
  }
};

namespace {

// Looks one item ahead; missing in loop.after means the end.
Outcome<bool> peek(Interpreter& in, LoopState& loop) {
  if (loop.ended) return false;
  if (!loop.after.is(Type::missing)) return true;
  FH_TRY(bool more, loop.cursor.next(in, loop.after));
  if (!more) {
    loop.ended = true;
    loop.after = Value();
  }
  return more;
}

Outcome<std::int64_t> loop_length(Interpreter& in, LoopState& loop) {
  if (loop.length >= 0) return loop.length;
  if (has_length(loop.cursor.source())) {
    FH_TRY(loop.length, length(in, loop.cursor.source()));
    return loop.length;
  }
  // A generator: what is left of it is walked now.
  std::vector<Value> rest;
  Value item;
  while (!loop.ended) {
    FH_TRY(bool more, loop.cursor.next(in, item));
    if (!more) break;
    FH_TRY_VOID(in.room((rest.size() + 1) * 2 * sizeof(Value)));
    rest.push_back(std::move(item));
  }
  loop.length = static_cast<std::int64_t>(rest.size()) + loop.index0 + 1 + (loop.after.is(Type::missing) ? 0 : 1);
  FH_TRY(Value list, in.list(std::move(rest)));
  FH_TRY(loop.cursor, Cursor::over(in, list));
  return loop.length;
}

Outcome<Value> loop_cycle(Interpreter&, const Value& self, Args& args) {
  if (args.positional.empty()) return type_error("no items for cycling given");
  auto index = static_cast<std::size_t>(as<LoopState>(self).index0);
  return args.positional[index % args.positional.size()];
}

Outcome<Value> loop_changed(Interpreter& in, const Value& self, Args& args) {
  auto& loop = as<LoopState>(self);
  FH_TRY(Value now, in.tuple(std::move(args.positional)));
  bool same = false;
  if (!loop.changed.is(Type::missing)) {
    FH_TRY(same, equal(in, loop.changed, now));
  }
  if (!same) loop.changed = std::move(now);
  return Value::boolean(!same);
}

}  // namespace

Outcome<bool> loop_next(Interpreter& in, LoopState& loop) {
  FH_TRY(bool more, peek(in, loop));
  if (!more) return false;
  loop.previous = std::move(loop.current);
  loop.current = std::move(loop.after);
  loop.after = Value();
  ++loop.index0;
  return true;
}

Outcome<Value> loop_attribute(Interpreter& in, const Value& self, std::string_view name) {
  auto& loop = as<LoopState>(self);
  if (name == "index") return Value::integer(loop.index0 + 1);
  if (name == "index0") return Value::integer(loop.index0);
  if (name == "first") return Value::boolean(loop.index0 == 0);
  if (name == "depth") return Value::integer(static_cast<std::int64_t>(loop.depth0) + 1);
  if (name == "depth0") return Value::integer(static_cast<std::int64_t>(loop.depth0));
  if (name == "last") {
    FH_TRY(bool more, peek(in, loop));
    return Value::boolean(!more);
  }
  if (name == "nextitem") {
    FH_TRY(bool more, peek(in, loop));
    return more ? Outcome<Value>(loop.after) : in.undefined("there is no next item");
  }
  if (name == "previtem") {
    return loop.index0 == 0 ? in.undefined("there is no previous item") : Outcome<Value>(loop.previous);
  }
  if (name == "length" || name == "revindex" || name == "revindex0") {
    FH_TRY(std::int64_t n, loop_length(in, loop));
    if (name == "length") return Value::integer(n);
    return Value::integer(n - loop.index0 - (name == "revindex0" ? 1 : 0));
  }
  if (name == "cycle") return in.method("cycle", loop_cycle, self);
  if (name == "changed") return in.method("changed", loop_changed, self);
  return Value();
}

Outcome<Ref<LoopState>> Interpreter::make_loop(const Stmt& s, const Value& items, std::size_t depth0) {
  FH_TRY(Ref<LoopState> loop, make<LoopState>());
  FH_TRY(loop->cursor, Cursor::over(*this, items));
  if (s.test) {
    FH_TRY(Ref<FilteredLoop> filtered, make<FilteredLoop>());
    filtered->cursor = std::move(loop->cursor);
    filtered->statement = &s;
    filtered->scope = scope_;
    FH_TRY(loop->cursor, Cursor::over(*this, Value::of(Type::iterator, filtered.get())));
  }
  loop->depth0 = depth0;
  if (s.recursive) {
    loop->recursive = &s;
    loop->scope = scope_;
  }
  return loop;
}

Outcome<Interpreter::Flow> Interpreter::run_for(const Stmt& s) {
  FH_TRY(Value items, eval(*s.expr));
  return run_loop(s, items, 0);
}

Outcome<Interpreter::Flow> Interpreter::run_loop(const Stmt& s, const Value& items, std::size_t depth0) {
  FH_TRY(Ref<LoopState> loop, make_loop(s, items, depth0));
  Value loop_value = Value::of(Type::loop, loop.get());
  Ref<Scope> outer = scope_;
  bool any = false;
  auto flow = [&]() -> Outcome<Flow> {
    while (true) {
      FH_TRY_VOID(step());
      scope_ = outer;
      FH_TRY(bool more, loop_next(*this, *loop));
      if (!more) return Flow::normal;
      any = true;
      FH_TRY(scope_, open_scope(outer));
      FH_TRY_VOID(grow(*scope_, 2 * sizeof(std::pair<Name, Value>)));
      scope_->names.reserve(2);
      FH_TRY_VOID(assign(s.target, loop->current));
      scope_->set(kLoop, loop_value);
      FH_TRY(Flow inner, run(s.body));
      if (inner == Flow::stop) return Flow::normal;
    }
  }();
  scope_ = std::move(outer);
  if (!flow || any || s.otherwise.empty()) return flow;
  return run_scope(s.otherwise);
}

Outcome<Value> Interpreter::call_loop(LoopState& loop, const Value& items) {
  if (loop.recursive == nullptr)
    return type_error("The loop must have the 'recursive' marker to be called recursively.");
  Level level(*this);
  if (!level.ok() || calls_ >= limits_.call_depth) return limit_error("recursive loops nest too deeply");
  ++calls_;
  std::string text;
  std::string* outer_out = std::exchange(out_, &text);
  std::size_t buffered = buffered_;
  Ref<Scope> outer = std::exchange(scope_, loop.scope);
  auto flow = run_loop(*loop.recursive, items, loop.depth0 + 1);
  scope_ = std::move(outer);
  buffered_ = buffered;
  out_ = outer_out;
  --calls_;
  if (!flow) return tl::unexpected(std::move(flow).error());
  return string(std::move(text));
}

}  // namespace freehold::text::jinja
