// Typed key-value pairs as model files carry them: GGUF's metadata, Hugging Face's config.json (flattened with dots),
// any JSON. Large arrays (a vocabulary of 128k tokens) stay where they are in the mapped file and are decoded when
// asked for.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/file.h"
#include "base/result.h"

namespace freehold::format {

// The first thirteen are GGUF's numbers; null and object exist in JSON only.
enum class ValueType : std::uint8_t {
  u8 = 0,
  i8 = 1,
  u16 = 2,
  i16 = 3,
  u32 = 4,
  i32 = 5,
  f32 = 6,
  boolean = 7,
  string = 8,
  array = 9,
  u64 = 10,
  i64 = 11,
  f64 = 12,
  null = 13,
  object = 14,
};
inline constexpr std::uint32_t kGgufValueTypes = 13;

std::string_view name_of(ValueType type);  // "u32", "string", "bool", …
// Bytes of one element in a file; 0 for strings, arrays and what GGUF does not have.
std::size_t fixed_size(ValueType type);

struct Member;

// One value. Strings and arrays read from a GGUF borrow from the bytes that were parsed (owner: the opened Gguf); what
// was read from JSON or built with the functions below owns its content.
class Value {
 public:
  // An array as it lies in a GGUF, verified by the parser.
  struct Packed {
    ValueType element = ValueType::u8;
    std::uint8_t length_bytes = 8;  // width of string lengths and array counts inside: 4 in version 1, 8 later
    std::uint64_t count = 0;
    Bytes raw;  // exactly the elements
    bool operator==(const Packed& other) const;
  };

  Value();  // null
  Value(const Value&);
  Value(Value&&) noexcept;
  Value& operator=(const Value&);
  Value& operator=(Value&&) noexcept;
  ~Value();

  static Value null() { return {}; }
  static Value boolean(bool b);
  static Value u8(std::uint8_t n) { return unsigned_integer(ValueType::u8, n); }
  static Value u16(std::uint16_t n) { return unsigned_integer(ValueType::u16, n); }
  static Value u32(std::uint32_t n) { return unsigned_integer(ValueType::u32, n); }
  static Value u64(std::uint64_t n) { return unsigned_integer(ValueType::u64, n); }
  static Value i8(std::int8_t n) { return signed_integer(ValueType::i8, n); }
  static Value i16(std::int16_t n) { return signed_integer(ValueType::i16, n); }
  static Value i32(std::int32_t n) { return signed_integer(ValueType::i32, n); }
  static Value i64(std::int64_t n) { return signed_integer(ValueType::i64, n); }
  static Value f32(float x);
  static Value f64(double x);
  static Value string(std::string text);
  static Value string_view(std::string_view text);  // borrows
  static Value packed(Packed array);                // borrows
  static Value array(std::vector<Value> items);     // any types; GGUF can hold only items of one type
  // Arrays of one type, also when empty.
  static Value strings(const std::vector<std::string>& items);
  static Value f32s(std::span<const float> items);
  static Value i32s(std::span<const std::int32_t> items);
  static Value u32s(std::span<const std::uint32_t> items);
  static Value object(std::vector<Member> members);

  ValueType type() const { return type_; }
  bool is_null() const { return type_ == ValueType::null; }
  bool is_array() const { return type_ == ValueType::array; }
  bool is_object() const { return type_ == ValueType::object; }
  bool is_string() const { return type_ == ValueType::string; }

  // The value in C++'s terms; nothing if the type is another or the number does not fit. Integers of any width convert
  // to each other and to double; a float never becomes an integer, a bool never a number.
  std::optional<std::uint64_t> as_u64() const;
  std::optional<std::int64_t> as_i64() const;
  std::optional<double> as_f64() const;
  std::optional<bool> as_bool() const;
  std::optional<std::string_view> as_string() const;  // valid as long as this value and what it borrows from

  // Elements of an array, members of an object; 0 otherwise.
  std::uint64_t size() const;
  // What an array holds; null for an empty JSON array; the first item's type for a JSON array (which may mix).
  ValueType element_type() const;
  // Arrays decoded into one allocation; nothing if this is no array or an element does not convert.
  std::optional<std::vector<std::string_view>> as_strings() const;
  std::optional<std::vector<std::int64_t>> as_i64s() const;
  std::optional<std::vector<float>> as_f32s() const;
  std::optional<std::vector<double>> as_f64s() const;
  std::optional<std::vector<bool>> as_bools() const;
  std::vector<Value> items() const;  // the elements one by one; empty if this is no array

  // JSON objects, in the order of the text.
  std::span<const Member> members() const;
  const Value* member(std::string_view key) const;

  const Packed* as_packed() const;  // the raw form, if it has one

  // "u32 7", "string 'llama'", "array of 32000 strings": short and safe to print.
  std::string describe() const;

  // Same type and same content. A packed array equals only a packed array.
  bool operator==(const Value& other) const;

 private:
  using Storage = std::variant<std::monostate, bool, std::uint64_t, std::int64_t, double, std::string_view, std::string,
                               Packed, std::vector<Value>, std::vector<Member>>;
  static Value unsigned_integer(ValueType type, std::uint64_t n);
  static Value signed_integer(ValueType type, std::int64_t n);
  ValueType type_ = ValueType::null;
  ValueType element_ = ValueType::null;
  Storage storage_;
};

struct Member {
  std::string key;
  Value value;
  bool operator==(const Member&) const = default;
};

// Ordered keys and values, each key once.
class Metadata {
 public:
  Metadata() = default;
  // Refuses duplicate keys (Errc::corrupt, naming the key).
  static Result<Metadata> make(std::vector<Member> entries);

  std::span<const Member> entries() const { return entries_; }
  std::size_t size() const { return entries_.size(); }
  const Value* find(std::string_view key) const;
  bool contains(std::string_view key) const { return find(key) != nullptr; }
  // Adds, or replaces the value of an existing key in its place.
  void set(std::string_view key, Value value);
  bool erase(std::string_view key);

  // T is one of std::uint64_t, std::int64_t, double, bool, std::string_view, std::vector<std::string_view>,
  // std::vector<std::int64_t>, std::vector<float>, std::vector<double>, std::vector<bool>.
  // Errors name the key, what was expected and what was found. JSON's null counts as absent. Strings borrow from this
  // object.
  template <typename T>
  Result<T> get(std::string_view key) const;  // absent: Errc::corrupt
  template <typename T>
  Result<std::optional<T>> find_as(std::string_view key) const;  // absent: nothing; of another type: an error
  template <typename T>
  Result<T> get_or(std::string_view key, T otherwise) const;

  Result<std::uint64_t> u64(std::string_view key) const { return get<std::uint64_t>(key); }
  Result<std::int64_t> i64(std::string_view key) const { return get<std::int64_t>(key); }
  Result<double> f64(std::string_view key) const { return get<double>(key); }
  Result<bool> boolean(std::string_view key) const { return get<bool>(key); }
  Result<std::string_view> string(std::string_view key) const { return get<std::string_view>(key); }
  Result<std::vector<std::string_view>> strings(std::string_view key) const {
    return get<std::vector<std::string_view>>(key);
  }
  Result<std::vector<std::int64_t>> i64s(std::string_view key) const { return get<std::vector<std::int64_t>>(key); }
  Result<std::vector<float>> f32s(std::string_view key) const { return get<std::vector<float>>(key); }

 private:
  std::vector<Member> entries_;
  std::vector<std::uint32_t> by_key_;  // indices into entries_, sorted by key
};

}  // namespace freehold::format
