// The objects that exist only inside a render.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "text/jinja/ast.h"
#include "text/jinja/failure.h"
#include "text/jinja/value.h"

namespace freehold::text::jinja {

class Interpreter;

// The arguments of one call.
struct Args {
  std::vector<Value> positional;
  std::vector<std::pair<std::string, Value>> named;
};

// Why a value is undefined: the message of the error that using it gives.
struct UndefinedInfo final : Object {
  std::string message;
};

// An object that can become part of a cycle because it changes: linked into its render's list, emptied at the end.
struct Mutable : Object {
  Mutable* before = nullptr;
  Mutable* after = nullptr;
  ~Mutable() override {
    if (before != nullptr) before->after = after;
    if (after != nullptr) after->before = before;
  }
  virtual void clear() {}
};

// The names of one block of a template and what they stand for.
struct Scope final : Mutable {
  Ref<Scope> outer;
  std::vector<std::pair<Name, Value>> names;

  Value* find(Name name) {
    for (auto& [key, value] : names)
      if (key == name) return &value;
    return nullptr;
  }
  void set(Name name, Value value) {
    if (Value* old = find(name))
      *old = std::move(value);
    else
      names.emplace_back(name, std::move(value));
  }
  void clear() override {
    auto gone = std::move(names);
    names.clear();
    outer = {};
  }
};

struct Namespace final : Mutable {
  std::vector<std::pair<std::string, Value>> attributes;
  Value* find(std::string_view name) {
    for (auto& [key, value] : attributes)
      if (key == name) return &value;
    return nullptr;
  }
  void clear() override {
    auto gone = std::move(attributes);
    attributes.clear();
  }
};

struct Range final : Object {
  std::int64_t start = 0;
  std::int64_t stop = 0;
  std::int64_t step = 1;
  std::int64_t length = 0;
  // Modulo 2^64, so that a step between far ends cannot overflow; every element of a range fits.
  std::int64_t at(std::int64_t index) const {
    return static_cast<std::int64_t>(static_cast<std::uint64_t>(start) +
                                     static_cast<std::uint64_t>(index) * static_cast<std::uint64_t>(step));
  }
};

enum class ViewKind : std::uint8_t { keys, values, items };
struct View final : Object {
  ViewKind kind = ViewKind::keys;
  Value dict;
};

// Something that yields values once.
struct Iterator : Object {
  // False at the end.
  virtual Outcome<bool> next(Interpreter& in, Value& out) = 0;
  const char* name = "generator";  // its Python type
};

using Native = Outcome<Value> (*)(Interpreter& in, const Value& self, Args& args);
struct Callable final : Object {
  std::string_view name;  // static, or the macro's
  Native native = nullptr;
  Value self;  // of a method
  const MacroDef* macro = nullptr;
  Ref<Scope> scope;  // where the macro was defined
};

// Walks any iterable value.
class Cursor {
 public:
  Cursor() = default;
  static Outcome<Cursor> over(Interpreter& in, Value source);
  Outcome<bool> next(Interpreter& in, Value& out);
  const Value& source() const { return source_; }

 private:
  Value source_;
  std::size_t at_ = 0;  // an index; a byte of a string
};

struct LoopState final : Mutable {
  Cursor cursor;
  Value after;  // peeked; missing = nothing peeked
  bool ended = false;
  Value current;
  Value previous;
  Value changed;  // missing = changed() has not been called
  std::int64_t index0 = -1;
  std::int64_t length = -1;  // -1 = not known yet
  std::size_t depth0 = 0;
  const Stmt* recursive = nullptr;
  Ref<Scope> scope;  // around the loop, for recursive ones
  void clear() override {
    cursor = Cursor();
    after = current = previous = changed = Value();
    scope = {};
  }
};

struct Cycler final : Object {
  std::vector<Value> items;
  std::size_t at = 0;
};
struct Joiner final : Object {
  Value separator;
  bool used = false;
};

template <typename T>
T& as(const Value& value) {
  return *static_cast<T*>(value.object());
}

}  // namespace freehold::text::jinja
