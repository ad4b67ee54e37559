// The values a chat template works on, with Python's types and meaning: what a request passes in (messages, tools,
// flags) and what templates compute. Immutable, cheap to copy, safe to share between threads.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "text/jinja/object.h"

namespace freehold::text::jinja {

enum class Type : std::uint8_t {
  missing,      // no value at all (an argument that was not given); templates never see it
  undefined,    // Jinja's Undefined: prints as nothing, most operations on it fail
  none,         // None
  boolean,      // True, False
  integer,      // 64 bits, checked: an overflow is an error
  real,         // a 64-bit float
  big_integer,  // an integer outside 64 bits that came with the input: can be printed and compared, not computed with
  string,       // Unicode text; lengths and indexes count code points
  list,
  tuple,
  dict,  // keeps the order of insertion
  range,
  view,      // dict.keys(), dict.values(), dict.items()
  iterator,  // what map, select, reverse … return: can be walked once
  name_space,
  callable,
  loop,
  cycler,
  joiner,
};

struct String;
struct Sequence;
struct Dict;

class Value {
 public:
  Value() = default;
  Value(const Value& other) : type_(other.type_), bits_(other.bits_) {
    if (holds_object()) retain(bits_.object);
  }
  Value(Value&& other) noexcept : type_(std::exchange(other.type_, Type::missing)), bits_(other.bits_) {}
  Value& operator=(Value other) noexcept {
    std::swap(type_, other.type_);
    std::swap(bits_, other.bits_);
    return *this;
  }
  ~Value() {
    if (holds_object()) release(bits_.object);
  }

  static Value none() { return Value(Type::none); }
  static Value undefined() { return Value(Type::undefined); }
  static Value boolean(bool value);
  static Value integer(std::int64_t value);
  static Value real(double value);
  // `digits`: an optional '-' and decimal digits.
  static Value big_integer(std::string digits);
  // Invalid UTF-8 is replaced by U+FFFD.
  static Value string(std::string text);
  static Value list(std::vector<Value> items);
  // A later entry with the same key replaces the value of the earlier one.
  static Value dict(std::vector<std::pair<std::string, Value>> entries);
  // For the interpreter: `object` must be what `type` says (null only for undefined).
  static Value of(Type type, Object* object);

  Type type() const { return type_; }
  bool is(Type type) const { return type_ == type; }
  bool as_bool() const { return bits_.boolean; }
  std::int64_t as_integer() const { return bits_.integer; }
  double as_real() const { return bits_.real; }
  std::string_view as_text() const;     // string, big_integer
  const String& as_string() const;      // string, big_integer
  const Sequence& as_sequence() const;  // list, tuple
  const Dict& as_dict() const;          // dict
  Object* object() const { return holds_object() ? bits_.object : nullptr; }

 private:
  explicit Value(Type type) : type_(type) {}
  bool holds_object() const { return type_ >= Type::big_integer || type_ == Type::undefined; }

  Type type_ = Type::missing;
  union Bits {
    bool boolean;
    std::int64_t integer;
    double real;
    Object* object = nullptr;
  } bits_;
};

struct String final : Object {
  String(std::string text_in, bool markup_in);
  std::string text;    // valid UTF-8
  std::size_t length;  // code points
  bool markup;         // Jinja's Markup: `safe` and `escape` make it; joining plain text to it escapes that text
  bool ascii() const { return length == text.size(); }
};

// list and tuple; the Value's type tells which.
struct Sequence final : Object {
  std::vector<Value> items;
  bool group = false;  // what groupby returns: a pair that also has the attributes grouper and list
};

struct Dict final : Object {
  struct Entry {
    Value key;
    Value value;
  };
  // False: the key is of a kind that cannot be a key.
  bool set(Value key, Value value);
  const Value* find(const Value& key) const;
  const Value* find(std::string_view key) const;
  const std::vector<Entry>& entries() const { return entries_; }

 private:
  static constexpr std::uint32_t kNone = UINT32_MAX;
  template <typename Equal>
  std::uint32_t lookup(std::uint64_t hash, Equal equal) const;
  void index(std::uint32_t entry);

  std::vector<Entry> entries_;
  std::vector<std::uint64_t> hashes_;  // one an entry
  std::vector<std::uint32_t> slots_;   // open addressing, a power of two; empty while there are few entries
};

// Whether an argument was given, and not as None.
inline bool given(const Value& v) {
  return !v.is(Type::missing) && !v.is(Type::none);
}
// Whether `key` can be looked up in a dict (a list cannot).
bool is_hashable(const Value& key);
// Equality as dict keys have it: 1 == 1.0 == True, tuples by their items, other objects by identity.
bool equal_keys(const Value& a, const Value& b);

}  // namespace freehold::text::jinja
