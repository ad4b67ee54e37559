// Value: one typed value, also arrays that stay packed in the file.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <limits>
#include <utility>

#include "base/utf8.h"
#include "format/metadata.h"

namespace freehold::format {
namespace {

constexpr std::array<std::string_view, 15> kTypeNames = {
    "u8", "i8", "u16", "i16", "u32", "i32", "f32", "bool", "string", "array", "u64", "i64", "f64", "null", "object"};
constexpr std::array<std::size_t, 15> kTypeSizes = {1, 1, 2, 2, 4, 4, 4, 1, 0, 0, 8, 8, 8, 0, 0};

template <typename T>
T load(const std::byte* at) {
  T value;
  std::memcpy(&value, at, sizeof value);
  return value;
}

// A little-endian length of 4 or 8 bytes; the parser has checked that it is there.
std::uint64_t load_length(const std::byte* at, std::uint8_t width) {
  return width == 4 ? load<std::uint32_t>(at) : load<std::uint64_t>(at);
}

// A scalar element of a packed array of numbers or bools.
Value load_scalar(ValueType type, const std::byte* at) {
  switch (type) {
    case ValueType::u8:
      return Value::u8(load<std::uint8_t>(at));
    case ValueType::i8:
      return Value::i8(load<std::int8_t>(at));
    case ValueType::u16:
      return Value::u16(load<std::uint16_t>(at));
    case ValueType::i16:
      return Value::i16(load<std::int16_t>(at));
    case ValueType::u32:
      return Value::u32(load<std::uint32_t>(at));
    case ValueType::i32:
      return Value::i32(load<std::int32_t>(at));
    case ValueType::f32:
      return Value::f32(load<float>(at));
    case ValueType::boolean:
      return Value::boolean(load<std::uint8_t>(at) != 0);
    case ValueType::u64:
      return Value::u64(load<std::uint64_t>(at));
    case ValueType::i64:
      return Value::i64(load<std::int64_t>(at));
    case ValueType::f64:
      return Value::f64(load<double>(at));
    default:
      return Value::null();
  }
}

// Steps over one element of a packed array of strings or of arrays, and says how many bytes it takes. Verified by the
// parser, so the sizes are not checked again.
std::uint64_t packed_element_bytes(ValueType type, std::uint8_t width, const std::byte* at) {
  if (std::size_t fixed = fixed_size(type)) return fixed;
  if (type == ValueType::string) return width + load_length(at, width);
  auto inner = static_cast<ValueType>(load<std::uint32_t>(at));
  std::uint64_t count = load_length(at + 4, width);
  std::uint64_t bytes = 4u + width;
  if (std::size_t fixed = fixed_size(inner)) return bytes + count * fixed;
  for (std::uint64_t i = 0; i < count; ++i) bytes += packed_element_bytes(inner, width, at + bytes);
  return bytes;
}

// Every element of a packed array as a Value: body(Value) returns false to stop.
template <typename Body>
bool for_each_packed(const Value::Packed& p, Body&& body) {
  const std::byte* at = p.raw.data();
  for (std::uint64_t i = 0; i < p.count; ++i) {
    std::uint64_t bytes = packed_element_bytes(p.element, p.length_bytes, at);
    Value value;
    if (p.element == ValueType::string) {
      value = Value::string_view(as_text({at + p.length_bytes, bytes - p.length_bytes}));
    } else if (p.element == ValueType::array) {
      auto inner = static_cast<ValueType>(load<std::uint32_t>(at));
      std::size_t head = 4u + p.length_bytes;
      value =
          Value::packed({inner, p.length_bytes, load_length(at + 4, p.length_bytes), Bytes{at + head, bytes - head}});
    } else {
      value = load_scalar(p.element, at);
    }
    if (!body(value)) return false;
    at += bytes;
  }
  return true;
}

}  // namespace

std::string_view name_of(ValueType type) {
  return kTypeNames[static_cast<std::size_t>(type)];
}
std::size_t fixed_size(ValueType type) {
  return kTypeSizes[static_cast<std::size_t>(type)];
}

bool Value::Packed::operator==(const Packed& other) const {
  return element == other.element && length_bytes == other.length_bytes && count == other.count &&
         as_text(raw) == as_text(other.raw);
}

Value::Value() = default;
Value::Value(const Value&) = default;
Value::Value(Value&&) noexcept = default;
Value& Value::operator=(const Value&) = default;
Value& Value::operator=(Value&&) noexcept = default;
Value::~Value() = default;

Value Value::boolean(bool b) {
  Value v;
  v.type_ = ValueType::boolean;
  v.storage_ = b;
  return v;
}

Value Value::unsigned_integer(ValueType type, std::uint64_t n) {
  Value v;
  v.type_ = type;
  v.storage_ = n;
  return v;
}

Value Value::signed_integer(ValueType type, std::int64_t n) {
  Value v;
  v.type_ = type;
  v.storage_ = n;
  return v;
}

Value Value::f32(float x) {
  Value v = f64(static_cast<double>(x));
  v.type_ = ValueType::f32;
  return v;
}

Value Value::f64(double x) {
  Value v;
  v.type_ = ValueType::f64;
  v.storage_ = x;
  return v;
}

Value Value::string(std::string text) {
  Value v;
  v.type_ = ValueType::string;
  v.storage_ = std::move(text);
  return v;
}

Value Value::string_view(std::string_view text) {
  Value v;
  v.type_ = ValueType::string;
  v.storage_ = text;
  return v;
}

Value Value::packed(Packed array) {
  Value v;
  v.type_ = ValueType::array;
  v.element_ = array.element;
  v.storage_ = array;
  return v;
}

Value Value::array(std::vector<Value> items) {
  Value v;
  v.type_ = ValueType::array;
  v.element_ = items.empty() ? ValueType::null : items.front().type();
  v.storage_ = std::move(items);
  return v;
}

namespace {

template <typename Items, typename Make>
std::vector<Value> made_of(const Items& items, Make make) {
  std::vector<Value> out;
  out.reserve(items.size());
  for (const auto& item : items) out.push_back(make(item));
  return out;
}

}  // namespace

Value Value::strings(const std::vector<std::string>& items) {
  Value v = array(made_of(items, [](const std::string& s) { return string(s); }));
  v.element_ = ValueType::string;
  return v;
}

Value Value::f32s(std::span<const float> items) {
  Value v = array(made_of(items, [](float x) { return f32(x); }));
  v.element_ = ValueType::f32;
  return v;
}

Value Value::i32s(std::span<const std::int32_t> items) {
  Value v = array(made_of(items, [](std::int32_t n) { return i32(n); }));
  v.element_ = ValueType::i32;
  return v;
}

Value Value::u32s(std::span<const std::uint32_t> items) {
  Value v = array(made_of(items, [](std::uint32_t n) { return u32(n); }));
  v.element_ = ValueType::u32;
  return v;
}

Value Value::object(std::vector<Member> members) {
  Value v;
  v.type_ = ValueType::object;
  v.storage_ = std::move(members);
  return v;
}

std::optional<std::uint64_t> Value::as_u64() const {
  if (auto* n = std::get_if<std::uint64_t>(&storage_)) return *n;
  if (auto* n = std::get_if<std::int64_t>(&storage_); n != nullptr && *n >= 0) return static_cast<std::uint64_t>(*n);
  return std::nullopt;
}

std::optional<std::int64_t> Value::as_i64() const {
  if (auto* n = std::get_if<std::int64_t>(&storage_)) return *n;
  constexpr auto kMax = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
  if (auto* n = std::get_if<std::uint64_t>(&storage_); n != nullptr && *n <= kMax) return static_cast<std::int64_t>(*n);
  return std::nullopt;
}

std::optional<double> Value::as_f64() const {
  if (auto* x = std::get_if<double>(&storage_)) return *x;
  if (auto* n = std::get_if<std::uint64_t>(&storage_)) return static_cast<double>(*n);
  if (auto* n = std::get_if<std::int64_t>(&storage_)) return static_cast<double>(*n);
  return std::nullopt;
}

std::optional<bool> Value::as_bool() const {
  if (auto* b = std::get_if<bool>(&storage_)) return *b;
  return std::nullopt;
}

std::optional<std::string_view> Value::as_string() const {
  if (auto* s = std::get_if<std::string_view>(&storage_)) return *s;
  if (auto* s = std::get_if<std::string>(&storage_)) return std::string_view(*s);
  return std::nullopt;
}

std::uint64_t Value::size() const {
  if (auto* p = std::get_if<Packed>(&storage_)) return p->count;
  if (auto* items = std::get_if<std::vector<Value>>(&storage_)) return items->size();
  if (auto* members = std::get_if<std::vector<Member>>(&storage_)) return members->size();
  return 0;
}

ValueType Value::element_type() const {
  return element_;
}

namespace {

// Collects what `convert(const Value&)` makes of each element; nothing if one does not convert.
template <typename T, typename Convert>
std::optional<std::vector<T>> collect(const Value::Packed* packed, const std::vector<Value>* items, Convert convert) {
  std::vector<T> out;
  auto take = [&](const Value& v) {
    auto converted = convert(v);
    if (converted) out.push_back(static_cast<T>(*converted));
    return converted.has_value();
  };
  if (packed != nullptr) {
    out.reserve(packed->count);
    if (!for_each_packed(*packed, take)) return std::nullopt;
    return out;
  }
  if (items == nullptr) return std::nullopt;
  out.reserve(items->size());
  if (!std::all_of(items->begin(), items->end(), take)) return std::nullopt;
  return out;
}

}  // namespace

std::optional<std::vector<std::string_view>> Value::as_strings() const {
  return collect<std::string_view>(std::get_if<Packed>(&storage_), std::get_if<std::vector<Value>>(&storage_),
                                   [](const Value& v) { return v.as_string(); });
}

std::optional<std::vector<std::int64_t>> Value::as_i64s() const {
  return collect<std::int64_t>(std::get_if<Packed>(&storage_), std::get_if<std::vector<Value>>(&storage_),
                               [](const Value& v) { return v.as_i64(); });
}

std::optional<std::vector<float>> Value::as_f32s() const {
  return collect<float>(std::get_if<Packed>(&storage_), std::get_if<std::vector<Value>>(&storage_),
                        [](const Value& v) { return v.as_f64(); });
}

std::optional<std::vector<double>> Value::as_f64s() const {
  return collect<double>(std::get_if<Packed>(&storage_), std::get_if<std::vector<Value>>(&storage_),
                         [](const Value& v) { return v.as_f64(); });
}

std::optional<std::vector<bool>> Value::as_bools() const {
  return collect<bool>(std::get_if<Packed>(&storage_), std::get_if<std::vector<Value>>(&storage_),
                       [](const Value& v) { return v.as_bool(); });
}

std::vector<Value> Value::items() const {
  if (auto* items = std::get_if<std::vector<Value>>(&storage_)) return *items;
  std::vector<Value> out;
  if (auto* p = std::get_if<Packed>(&storage_)) {
    out.reserve(p->count);
    for_each_packed(*p, [&](const Value& v) {
      out.push_back(v);
      return true;
    });
  }
  return out;
}

std::span<const Member> Value::members() const {
  if (auto* members = std::get_if<std::vector<Member>>(&storage_)) return *members;
  return {};
}

const Value* Value::member(std::string_view key) const {
  for (const Member& m : members()) {
    if (m.key == key) return &m.value;
  }
  return nullptr;
}

const Value::Packed* Value::as_packed() const {
  return std::get_if<Packed>(&storage_);
}

std::string Value::describe() const {
  switch (type_) {
    case ValueType::null:
      return "null";
    case ValueType::boolean:
      return *as_bool() ? "bool true" : "bool false";
    case ValueType::string:
      return fmt::format("string '{}'", printable(*as_string(), 60));
    case ValueType::array:
      return element_ == ValueType::null ? fmt::format("array of {} values", size())
                                         : fmt::format("array of {} {}", size(), name_of(element_));
    case ValueType::object:
      return fmt::format("object of {} members", size());
    case ValueType::f32:
      return fmt::format("f32 {}", static_cast<float>(*as_f64()));
    case ValueType::f64:
      return fmt::format("f64 {}", *as_f64());
    default:
      break;
  }
  if (auto* n = std::get_if<std::uint64_t>(&storage_)) return fmt::format("{} {}", name_of(type_), *n);
  return fmt::format("{} {}", name_of(type_), *as_i64());
}

bool Value::operator==(const Value& other) const {
  if (type_ != other.type_ || element_ != other.element_) return false;
  if (type_ == ValueType::string) return *as_string() == *other.as_string();
  return storage_ == other.storage_;
}

}  // namespace freehold::format
