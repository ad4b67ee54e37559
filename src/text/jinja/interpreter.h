// Runs a parsed template. One Interpreter is one render on one thread: it owns the limits' counters, makes the values,
// and walks the tree. Filters, tests, methods and operators are free functions over it (operators.h, access.h,
// builtins.h).
#pragma once

#include <chrono>
#include <cstddef>
#include <ctime>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "text/jinja/ast.h"
#include "text/jinja/failure.h"
#include "text/jinja/limits.h"
#include "text/jinja/objects.h"
#include "text/jinja/value.h"

namespace freehold::text::jinja {

class Interpreter {
 public:
  // `clock` gives the civil time for strftime_now.
  Interpreter(const Ast& ast, const Limits& limits, std::function<std::tm()> clock);
  ~Interpreter();
  Interpreter(const Interpreter&) = delete;
  Interpreter& operator=(const Interpreter&) = delete;

  void set_global(std::string_view name, Value value);
  Outcome<std::string> render();

  // What things cost. `step` counts one unit of work or several, `touch` bytes that are read or written, `room` asks
  // whether so many bytes may still be held.
  Done step(std::size_t count = 1) {
    steps_ += count;
    if (steps_ < next_check_) return {};
    return check();
  }
  Done touch(std::size_t bytes) { return bytes < 4096 ? Done() : touch_many(bytes); }
  Done room(std::size_t bytes) const;
  // Asks for so many bytes more in a text that is being made, and makes them available: what the longer text takes
  // while the shorter one is copied is asked for before it is allocated. Cheap where the text has them already.
  Done extend(std::string& text, std::size_t bytes) const {
    return text.capacity() - text.size() >= bytes ? Done() : enlarge(text, bytes);
  }
  // `extend`, then append.
  Done add(std::string& text, std::string_view more) const {
    FH_TRY_VOID(extend(text, more.size()));
    text += more;
    return {};
  }

  // One level of recursion; refuse with too_deep() when it is not ok.
  class Level {
   public:
    explicit Level(Interpreter& in) : in_(in) { ++in_.depth_; }
    ~Level() { --in_.depth_; }
    Level(const Level&) = delete;
    Level& operator=(const Level&) = delete;
    bool ok() const { return in_.depth_ <= kMaxDepth; }

   private:
    Interpreter& in_;
  };
  static tl::unexpected<Failure> too_deep() { return limit_error("recursion is too deep"); }

  // New values, charged to this render.
  Outcome<Value> string(std::string text, bool markup = false);
  Outcome<Value> list(std::vector<Value> items) { return sequence(Type::list, std::move(items)); }
  Outcome<Value> tuple(std::vector<Value> items) { return sequence(Type::tuple, std::move(items)); }
  Outcome<Value> undefined(std::string message);
  Outcome<Value> method(std::string_view name, Native native, Value self);
  template <typename T>
  Outcome<Ref<T>> make(std::size_t extra_bytes = 0) {
    FH_TRY_VOID(room(sizeof(T) + extra_bytes));
    Ref<T> out(new T);
    charge(*out, sizeof(T) + extra_bytes);
    if constexpr (std::is_base_of_v<Mutable, T>) link(*out);
    return out;
  }
  // `object` has grown by so many bytes.
  Done grow(Object& object, std::size_t bytes) {
    FH_TRY_VOID(room(bytes));
    charge(object, bytes);
    return {};
  }

  Outcome<Value> call(const Value& callee, Args args);
  // The body of a recursive loop over `items`, as text.
  Outcome<Value> call_loop(LoopState& loop, const Value& items);
  std::tm now() const { return clock_(); }
  const Limits& limits() const { return limits_; }
  std::string_view name_of(Name name) const { return ast_.names[name]; }

 private:
  enum class Flow { normal, stop, next };
  friend struct FilteredLoop;

  static constexpr std::size_t kMaxDepth =
      1000;  // of eval() and the like: about 1 MB of stack (hostile_test.cpp tries with 2)

  Done check();
  Done touch_many(std::size_t bytes);
  Done enlarge(std::string& text, std::size_t bytes) const;
  void charge(Object& object, std::size_t bytes) {
    object.budget = &budget_;
    object.charged += bytes;
    budget_.used += bytes;
  }
  void link(Mutable& object);
  Outcome<Value> sequence(Type type, std::vector<Value> items);

  // eval.cpp
  Outcome<Value> eval(const Expr& e);
  Outcome<Value> eval_kind(const Expr& e);
  Outcome<Value> eval_name(const Expr& e);
  Outcome<Value> eval_items(const Expr& e);
  Outcome<Value> eval_dict(const Expr& e);
  Outcome<Value> eval_sign(const Expr& e);
  Outcome<Value> eval_arithmetic(const Expr& e);
  Outcome<Value> eval_concat(const Expr& e);
  Outcome<Value> eval_compare(const Expr& e);
  Outcome<Value> eval_logic(const Expr& e);
  Outcome<Value> eval_conditional(const Expr& e);
  Outcome<Value> eval_subscript(const Expr& e);
  Outcome<Value> eval_call(const Expr& e);
  Outcome<Value> eval_filter(const Expr& e);
  Outcome<Value> eval_test(const Expr& e);
  Done eval_arguments(const Arguments& arguments, Args& out);
  Done spread(const Arguments& arguments, Args& out);

  // interpreter.cpp
  Outcome<Flow> run(const Body& body);
  Outcome<Flow> run(const Stmt& s);
  Outcome<Flow> run_output(const Stmt& s);
  Outcome<Flow> run_condition(const Stmt& s);
  Outcome<Flow> run_for(const Stmt& s);
  Outcome<Flow> run_set_block(const Stmt& s);
  Outcome<Flow> run_macro(const Stmt& s);
  Outcome<Flow> run_call_block(const Stmt& s);
  Outcome<Flow> run_filter_block(const Stmt& s);
  Outcome<Flow> run_with(const Stmt& s);
  Outcome<Flow> run_scope(const Body& body);
  Outcome<Flow> run_loop(const Stmt& s, const Value& items, std::size_t depth0);
  Outcome<Ref<LoopState>> make_loop(const Stmt& s, const Value& items, std::size_t depth0);
  Done assign(const Target& target, const Value& value);
  Done assign_tuple(const Target& target, const Value& value);
  Outcome<Value> call_macro(const Callable& macro, Args& args);
  Done bind_macro(const Callable& macro, Args& args);
  Done emit(std::string_view text);
  // Runs a body in a scope of its own and returns its text.
  Outcome<std::string> capture(const Body& body, Flow& flow);
  Outcome<Ref<Scope>> open_scope(Ref<Scope> outer);

  const Ast& ast_;
  Limits limits_;
  std::function<std::tm()> clock_;
  std::chrono::nanoseconds deadline_{};  // of this thread's processor time
  std::size_t steps_ = 0;
  std::size_t next_check_ = 0;  // steps at which the clock is looked at again
  std::size_t touched_ = 0;     // bytes since the clock was looked at
  std::size_t depth_ = 0;
  std::size_t calls_ = 0;  // macros and recursive loops being run
  Budget budget_;
  struct ListHead final : Mutable {
  } mutables_;
  std::vector<Value> globals_;  // by Name
  Ref<Scope> scope_;
  std::string* out_ = nullptr;  // where output goes
  std::size_t buffered_ = 0;    // bytes in all output buffers
  Value block_text_;            // what the innermost filter of a filter block works on
};

}  // namespace freehold::text::jinja
