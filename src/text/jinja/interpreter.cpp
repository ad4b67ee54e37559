// Statements, macros and the limits.
#include "text/jinja/interpreter.h"

#include <algorithm>

#include "base/thread_time.h"
#include "text/jinja/access.h"
#include "text/jinja/builtins.h"
#include "text/jinja/operators.h"
#include "text/jinja/repr.h"

namespace freehold::text::jinja {
namespace {}  // namespace

Interpreter::Interpreter(const Ast& ast, const Limits& limits, std::function<std::tm()> clock)
    : ast_(ast),
      limits_(limits),
      clock_(std::move(clock)),
      budget_{limits.memory_bytes, 0},
      globals_(ast.names.size()) {
  for (std::size_t i = 0; i < ast.names.size(); ++i) {
    Native native = find_global(ast.names[i]);
    if (native == nullptr) continue;
    auto* function = new Callable;
    function->name = ast.names[i];
    function->native = native;
    globals_[i] = Value::of(Type::callable, function);
  }
}

Interpreter::~Interpreter() {
  scope_ = {};
  block_text_ = Value();
  globals_.clear();
  // What is still there is part of a cycle: empty it, which frees everything.
  while (mutables_.after != nullptr) {
    Mutable* object = mutables_.after;
    retain(object);
    object->clear();
    // Unlinked even if somebody else still holds it: that somebody is emptied too.
    mutables_.after = object->after;
    if (object->after != nullptr) object->after->before = &mutables_;
    object->before = object->after = nullptr;
    release(object);
  }
}

void Interpreter::link(Mutable& object) {
  object.before = &mutables_;
  object.after = mutables_.after;
  if (mutables_.after != nullptr) mutables_.after->before = &object;
  mutables_.after = &object;
}

void Interpreter::set_global(std::string_view name, Value value) {
  for (std::size_t i = 0; i < ast_.names.size(); ++i) {
    if (ast_.names[i] != name) continue;
    globals_[i] = std::move(value);
    return;
  }
}

Done Interpreter::check() {
  if (steps_ > limits_.steps)
    return limit_error("the template needs more than " + std::to_string(limits_.steps) + " steps");
  next_check_ = std::min(steps_ + 128, limits_.steps + 1);
  touched_ = 0;
  if (thread_time() > deadline_)
    return limit_error("the template runs longer than " + std::to_string(limits_.time.count()) + " ms");
  return {};
}

Done Interpreter::touch_many(std::size_t bytes) {
  touched_ += bytes;
  return touched_ < (std::size_t{1} << 20) ? Done() : check();
}

Done Interpreter::room(std::size_t bytes) const {
  if (budget_.has(bytes)) return {};
  return limit_error("the template's values need more than " + std::to_string(limits_.memory_bytes >> 20) + " MiB");
}

Done Interpreter::enlarge(std::string& text, std::size_t bytes) const {
  // Doubling, as std::string does by itself: then the old and the new text are held at once.
  const std::size_t wanted = std::max(text.size() + bytes, 2 * text.capacity());
  FH_TRY_VOID(room(text.capacity() + wanted));
  text.reserve(wanted);
  return {};
}

Outcome<Value> Interpreter::string(std::string text, bool markup) {
  FH_TRY_VOID(room(sizeof(String) + text.size()));
  FH_TRY_VOID(touch(text.size()));
  Ref<String> object(new String(std::move(text), markup));
  charge(*object, sizeof(String) + object->text.capacity());
  return Value::of(Type::string, object.get());
}

Outcome<Value> Interpreter::sequence(Type type, std::vector<Value> items) {
  std::size_t bytes = items.capacity() * sizeof(Value);
  FH_TRY(Ref<Sequence> object, make<Sequence>(bytes));
  object->items = std::move(items);
  return Value::of(type, object.get());
}

Outcome<Value> Interpreter::undefined(std::string message) {
  FH_TRY(Ref<UndefinedInfo> object, make<UndefinedInfo>(message.capacity()));
  object->message = std::move(message);
  return Value::of(Type::undefined, object.get());
}

Outcome<Value> Interpreter::method(std::string_view name, Native native, Value self) {
  FH_TRY(Ref<Callable> object, make<Callable>());
  object->name = name;
  object->native = native;
  object->self = std::move(self);
  return Value::of(Type::callable, object.get());
}

Outcome<std::string> Interpreter::render() {
  deadline_ = thread_time() + limits_.time;
  std::string out;
  out_ = &out;
  FH_TRY(scope_, open_scope({}));
  FH_TRY([[maybe_unused]] Flow flow, run(ast_.body));
  return out;
}

Outcome<Ref<Scope>> Interpreter::open_scope(Ref<Scope> outer) {
  FH_TRY(Ref<Scope> scope, make<Scope>());
  scope->outer = std::move(outer);
  return scope;
}

Done Interpreter::emit(std::string_view text) {
  if (text.size() > limits_.output_bytes - buffered_)
    return limit_error("the output is longer than " + std::to_string(limits_.output_bytes) + " bytes");
  buffered_ += text.size();
  out_->append(text);
  return {};
}

Outcome<Interpreter::Flow> Interpreter::run(const Body& body) {
  for (const auto& statement : body) {
    FH_TRY(Flow flow, run(*statement));
    if (flow != Flow::normal) return flow;
  }
  return Flow::normal;
}

Outcome<Interpreter::Flow> Interpreter::run(const Stmt& s) {
  Level level(*this);
  if (!level.ok()) return refuse(FailureKind::limit, "recursion is too deep", s.line);
  auto flow = [&]() -> Outcome<Flow> {
    FH_TRY_VOID(step());
    switch (s.kind) {
      case StmtKind::data:
        FH_TRY_VOID(emit(s.text));
        return Flow::normal;
      case StmtKind::output:
        return run_output(s);
      case StmtKind::condition:
        return run_condition(s);
      case StmtKind::loop:
        return run_for(s);
      case StmtKind::set: {
        FH_TRY(Value value, eval(*s.expr));
        FH_TRY_VOID(assign(s.target, value));
        return Flow::normal;
      }
      case StmtKind::set_block:
        return run_set_block(s);
      case StmtKind::macro:
        return run_macro(s);
      case StmtKind::call_block:
        return run_call_block(s);
      case StmtKind::filter_block:
        return run_filter_block(s);
      case StmtKind::with:
        return run_with(s);
      case StmtKind::scope:
        return run_scope(s.body);
      case StmtKind::stop:
        return Flow::stop;
      case StmtKind::next:
        return Flow::next;
      case StmtKind::no_loader:
        return type_error("no loader for this environment specified");
    }
    return Flow::normal;
  }();
  if (!flow) flow.error().at_line(s.line);
  return flow;
}

Outcome<Interpreter::Flow> Interpreter::run_output(const Stmt& s) {
  FH_TRY(Value value, eval(*s.expr));
  if (value.is(Type::string)) {
    FH_TRY_VOID(emit(value.as_text()));
    return Flow::normal;
  }
  FH_TRY(std::string text, str(*this, value));
  FH_TRY_VOID(emit(text));
  return Flow::normal;
}

Outcome<Interpreter::Flow> Interpreter::run_condition(const Stmt& s) {
  for (const auto& [condition, branch] : s.branches) {
    FH_TRY(Value value, eval(*condition));
    if (truth(value)) return run(branch);
  }
  return run(s.otherwise);
}

Done Interpreter::assign(const Target& target, const Value& value) {
  switch (target.kind) {
    case Target::Kind::name:
      if (scope_->find(target.name) == nullptr) FH_TRY_VOID(grow(*scope_, sizeof(std::pair<Name, Value>) * 2));
      scope_->set(target.name, value);
      return {};
    case Target::Kind::attribute: {
      Value* found = nullptr;
      for (Scope* scope = scope_.get(); scope != nullptr && found == nullptr; scope = scope->outer.get())
        found = scope->find(target.name);
      if (found == nullptr) found = &globals_[target.name];
      if (!found->is(Type::name_space)) return runtime_error("cannot assign attribute on non-namespace object");
      auto& space = as<Namespace>(*found);
      if (Value* old = space.find(target.attribute)) {
        *old = value;
      } else {
        FH_TRY_VOID(grow(space, 128 + target.attribute.size()));
        space.attributes.emplace_back(target.attribute, value);
      }
      return {};
    }
    case Target::Kind::tuple:
      break;
  }
  return assign_tuple(target, value);
}

Done Interpreter::assign_tuple(const Target& target, const Value& value) {
  if (!is_iterable(value)) return type_error("cannot unpack non-iterable " + std::string(type_name(value)) + " object");
  std::size_t expected = target.parts.size();
  FH_TRY(Cursor cursor, Cursor::over(*this, value));
  std::vector<Value> items;
  Value item;
  while (items.size() <= expected) {
    FH_TRY(bool more, cursor.next(*this, item));
    if (!more) break;
    items.push_back(std::move(item));
  }
  if (items.size() > expected)
    return runtime_error("too many values to unpack (expected " + std::to_string(expected) + ")");
  if (items.size() < expected)
    return runtime_error("not enough values to unpack (expected " + std::to_string(expected) + ", got " +
                         std::to_string(items.size()) + ")");
  for (std::size_t i = 0; i < expected; ++i) FH_TRY_VOID(assign(target.parts[i], items[i]));
  return {};
}

Outcome<std::string> Interpreter::capture(const Body& body, Flow& flow) {
  std::string text;
  std::string* outer_out = std::exchange(out_, &text);
  Ref<Scope> outer = scope_;
  std::size_t buffered = buffered_;
  auto result = [&]() -> Outcome<Flow> {
    FH_TRY(scope_, open_scope(outer));
    return run(body);
  }();
  buffered_ = buffered;
  scope_ = std::move(outer);
  out_ = outer_out;
  FH_TRY(flow, std::move(result));
  return text;
}

Outcome<Interpreter::Flow> Interpreter::run_set_block(const Stmt& s) {
  Flow flow = Flow::normal;
  FH_TRY(std::string text, capture(s.body, flow));
  if (flow != Flow::normal) return flow;
  FH_TRY(Value value, string(std::move(text)));
  if (s.expr) {
    block_text_ = std::move(value);
    FH_TRY(value, eval(*s.expr));
  }
  FH_TRY_VOID(assign(s.target, value));
  return Flow::normal;
}

Outcome<Interpreter::Flow> Interpreter::run_filter_block(const Stmt& s) {
  Flow flow = Flow::normal;
  FH_TRY(std::string text, capture(s.body, flow));
  if (flow != Flow::normal) return flow;
  FH_TRY(block_text_, string(std::move(text)));
  return run_output(s);
}

Outcome<Interpreter::Flow> Interpreter::run_macro(const Stmt& s) {
  FH_TRY(Ref<Callable> macro, make<Callable>());
  macro->name = s.macro->name;
  macro->macro = s.macro.get();
  macro->scope = scope_;
  FH_TRY_VOID(assign(s.target, Value::of(Type::callable, macro.get())));
  return Flow::normal;
}

Outcome<Interpreter::Flow> Interpreter::run_call_block(const Stmt& s) {
  FH_TRY(Ref<Callable> caller, make<Callable>());
  caller->name = s.macro->name;
  caller->macro = s.macro.get();
  caller->scope = scope_;
  FH_TRY(Value callee, eval(*s.expr->kids[0]));
  Args args;
  FH_TRY_VOID(eval_arguments(*s.expr->arguments, args));
  args.named.emplace_back("caller", Value::of(Type::callable, caller.get()));
  FH_TRY(Value value, call(callee, std::move(args)));
  FH_TRY(std::string text, str(*this, value));
  FH_TRY_VOID(emit(text));
  return Flow::normal;
}

Outcome<Interpreter::Flow> Interpreter::run_with(const Stmt& s) {
  std::vector<Value> values;
  for (const auto& [target, expr] : s.bindings) {
    FH_TRY(Value value, eval(*expr));
    values.push_back(std::move(value));
  }
  Ref<Scope> outer = scope_;
  FH_TRY(scope_, open_scope(outer));
  auto flow = [&]() -> Outcome<Flow> {
    for (std::size_t i = 0; i < values.size(); ++i) FH_TRY_VOID(assign(s.bindings[i].first, values[i]));
    return run(s.body);
  }();
  scope_ = std::move(outer);
  return flow;
}

Outcome<Interpreter::Flow> Interpreter::run_scope(const Body& body) {
  Ref<Scope> outer = scope_;
  FH_TRY(scope_, open_scope(outer));
  auto flow = run(body);
  scope_ = std::move(outer);
  return flow;
}

Outcome<Value> Interpreter::call(const Value& callee, Args args) {
  if (callee.is(Type::undefined)) return undefined_error(callee);
  if (callee.is(Type::loop)) {
    auto& loop = as<LoopState>(callee);
    if (args.positional.size() != 1) return type_error("loop() takes exactly one argument");
    return call_loop(loop, args.positional[0]);
  }
  if (callee.is(Type::joiner)) {
    auto& joiner = as<Joiner>(callee);
    return std::exchange(joiner.used, true) ? joiner.separator : string("");
  }
  if (!callee.is(Type::callable)) return type_error("'" + std::string(type_name(callee)) + "' object is not callable");
  Value keep = callee;  // what is called may reassign the name it is called by
  const auto& function = as<Callable>(keep);
  if (function.native != nullptr) return function.native(*this, function.self, args);
  Level level(*this);
  if (!level.ok() || calls_ >= limits_.call_depth) return limit_error("macros call each other too deeply");
  ++calls_;
  auto value = call_macro(function, args);
  --calls_;
  return value;
}

Outcome<Value> Interpreter::call_macro(const Callable& macro, Args& args) {
  std::string text;
  std::string* outer_out = std::exchange(out_, &text);
  std::size_t buffered = buffered_;
  Ref<Scope> outer = scope_;
  auto result = [&]() -> Done {
    FH_TRY(scope_, open_scope(macro.scope));
    FH_TRY_VOID(bind_macro(macro, args));
    FH_TRY([[maybe_unused]] Flow flow, run(macro.macro->body));
    return {};
  }();
  scope_ = std::move(outer);
  buffered_ = buffered;
  out_ = outer_out;
  FH_TRY_VOID(std::move(result));
  return string(std::move(text));
}

// Positional arguments, then named ones, then defaults, which may mention the parameters before them.
Done Interpreter::bind_macro(const Callable& macro, Args& args) {
  const MacroDef& def = *macro.macro;
  auto take = [&](std::string_view name) {
    for (auto it = args.named.begin(); it != args.named.end(); ++it) {
      if (it->first != name) continue;
      Value value = std::move(it->second);
      args.named.erase(it);
      return value;
    }
    return Value();
  };
  bool explicit_caller = false;
  for (std::size_t i = 0; i < def.parameters.size(); ++i) {
    const Parameter& parameter = def.parameters[i];
    explicit_caller |= parameter.name == kCaller;
    Value value = i < args.positional.size() ? args.positional[i] : take(name_of(parameter.name));
    if (value.is(Type::missing)) {
      if (parameter.fallback) {
        FH_TRY(value, eval(*parameter.fallback));
      } else {
        FH_TRY(value, undefined("parameter '" + std::string(name_of(parameter.name)) + "' was not provided"));
      }
    }
    FH_TRY_VOID(grow(*scope_, sizeof(std::pair<Name, Value>) * 2));
    scope_->set(parameter.name, std::move(value));
  }
  if (def.uses_caller && !explicit_caller) {
    Value caller = take("caller");
    if (caller.is(Type::missing)) {
      FH_TRY(caller, undefined("No caller defined"));
    }
    scope_->set(kCaller, std::move(caller));
  }
  if (def.uses_kwargs) {
    FH_TRY(Ref<Dict> dict, make<Dict>(args.named.size() * 96));
    for (auto& [name, value] : args.named) {
      FH_TRY(Value key, string(name));
      dict->set(std::move(key), std::move(value));
    }
    scope_->set(kKwargs, Value::of(Type::dict, dict.get()));
  } else if (!args.named.empty()) {
    return type_error("macro '" + def.name + "' takes no keyword argument '" + args.named[0].first + "'");
  }
  std::size_t count = def.parameters.size();
  if (def.uses_varargs) {
    std::vector<Value> rest;
    for (std::size_t i = count; i < args.positional.size(); ++i) rest.push_back(args.positional[i]);
    FH_TRY(Value tuple_value, tuple(std::move(rest)));
    scope_->set(kVarargs, std::move(tuple_value));
  } else if (args.positional.size() > count) {
    return type_error("macro '" + def.name + "' takes not more than " + std::to_string(count) + " argument(s)");
  }
  return {};
}

}  // namespace freehold::text::jinja
