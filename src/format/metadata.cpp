// Metadata: ordered keys and values, found by a sorted index; getters whose errors name the key.
#include "format/metadata.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>
#include <utility>

#include "base/utf8.h"

namespace freehold::format {

Result<Metadata> Metadata::make(std::vector<Member> entries) {
  Metadata m;
  m.entries_ = std::move(entries);
  m.by_key_.resize(m.entries_.size());
  std::iota(m.by_key_.begin(), m.by_key_.end(), 0u);
  auto key_of = [&](std::uint32_t i) -> const std::string& { return m.entries_[i].key; };
  std::sort(m.by_key_.begin(), m.by_key_.end(), [&](auto a, auto b) { return key_of(a) < key_of(b); });
  auto twice =
      std::adjacent_find(m.by_key_.begin(), m.by_key_.end(), [&](auto a, auto b) { return key_of(a) == key_of(b); });
  if (twice != m.by_key_.end()) {
    return fail(Errc::corrupt, fmt::format("key '{}' occurs twice", printable(key_of(*twice))));
  }
  return m;
}

const Value* Metadata::find(std::string_view key) const {
  auto it = std::lower_bound(by_key_.begin(), by_key_.end(), key,
                             [&](std::uint32_t i, std::string_view k) { return entries_[i].key < k; });
  return it != by_key_.end() && entries_[*it].key == key ? &entries_[*it].value : nullptr;
}

void Metadata::set(std::string_view key, Value value) {
  auto it = std::lower_bound(by_key_.begin(), by_key_.end(), key,
                             [&](std::uint32_t i, std::string_view k) { return entries_[i].key < k; });
  if (it != by_key_.end() && entries_[*it].key == key) {
    entries_[*it].value = std::move(value);
    return;
  }
  by_key_.insert(it, static_cast<std::uint32_t>(entries_.size()));
  entries_.push_back({std::string(key), std::move(value)});
}

bool Metadata::erase(std::string_view key) {
  auto it = std::find_if(entries_.begin(), entries_.end(), [&](const Member& m) { return m.key == key; });
  if (it == entries_.end()) return false;
  auto index = static_cast<std::uint32_t>(it - entries_.begin());
  entries_.erase(it);
  std::erase(by_key_, index);
  for (auto& i : by_key_) i -= i > index ? 1 : 0;
  return true;
}

namespace {

template <typename T>
struct As;
template <>
struct As<std::uint64_t> {
  static constexpr std::string_view kName = "a non-negative integer";
  static auto from(const Value& v) { return v.as_u64(); }
};
template <>
struct As<std::int64_t> {
  static constexpr std::string_view kName = "an integer";
  static auto from(const Value& v) { return v.as_i64(); }
};
template <>
struct As<double> {
  static constexpr std::string_view kName = "a number";
  static auto from(const Value& v) { return v.as_f64(); }
};
template <>
struct As<bool> {
  static constexpr std::string_view kName = "a bool";
  static auto from(const Value& v) { return v.as_bool(); }
};
template <>
struct As<std::string_view> {
  static constexpr std::string_view kName = "a string";
  static auto from(const Value& v) { return v.as_string(); }
};
template <>
struct As<std::vector<std::string_view>> {
  static constexpr std::string_view kName = "an array of strings";
  static auto from(const Value& v) { return v.as_strings(); }
};
template <>
struct As<std::vector<std::int64_t>> {
  static constexpr std::string_view kName = "an array of integers";
  static auto from(const Value& v) { return v.as_i64s(); }
};
template <>
struct As<std::vector<float>> {
  static constexpr std::string_view kName = "an array of numbers";
  static auto from(const Value& v) { return v.as_f32s(); }
};
template <>
struct As<std::vector<double>> {
  static constexpr std::string_view kName = "an array of numbers";
  static auto from(const Value& v) { return v.as_f64s(); }
};
template <>
struct As<std::vector<bool>> {
  static constexpr std::string_view kName = "an array of bools";
  static auto from(const Value& v) { return v.as_bools(); }
};

}  // namespace

template <typename T>
Result<std::optional<T>> Metadata::find_as(std::string_view key) const {
  const Value* value = find(key);
  if (value == nullptr || value->is_null()) return std::optional<T>();
  auto converted = As<T>::from(*value);
  if (!converted) {
    return fail(Errc::corrupt,
                fmt::format("metadata '{}': expected {}, found {}", printable(key), As<T>::kName, value->describe()));
  }
  return std::optional<T>(std::move(*converted));
}

template <typename T>
Result<T> Metadata::get(std::string_view key) const {
  FH_TRY(auto value, find_as<T>(key));
  if (!value) {
    return fail(Errc::corrupt, fmt::format("metadata '{}' is missing; expected {}", printable(key), As<T>::kName));
  }
  return std::move(*value);
}

template <typename T>
Result<T> Metadata::get_or(std::string_view key, T otherwise) const {
  FH_TRY(auto value, find_as<T>(key));
  if (!value) return otherwise;
  return std::move(*value);
}

#define FH_METADATA_GETTERS(...)                                                                      \
  template Result<std::optional<__VA_ARGS__>> Metadata::find_as<__VA_ARGS__>(std::string_view) const; \
  template Result<__VA_ARGS__> Metadata::get<__VA_ARGS__>(std::string_view) const;                    \
  template Result<__VA_ARGS__> Metadata::get_or<__VA_ARGS__>(std::string_view, __VA_ARGS__) const;
FH_METADATA_GETTERS(std::uint64_t)
FH_METADATA_GETTERS(std::int64_t)
FH_METADATA_GETTERS(double)
FH_METADATA_GETTERS(bool)
FH_METADATA_GETTERS(std::string_view)
FH_METADATA_GETTERS(std::vector<std::string_view>)
FH_METADATA_GETTERS(std::vector<std::int64_t>)
FH_METADATA_GETTERS(std::vector<float>)
FH_METADATA_GETTERS(std::vector<double>)
FH_METADATA_GETTERS(std::vector<bool>)
#undef FH_METADATA_GETTERS

}  // namespace freehold::format
