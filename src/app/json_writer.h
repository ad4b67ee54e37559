// Writes JSON to a string: valid UTF-8 whatever comes in, commas and quotes where they belong,
// what would steer a terminal escaped. For output; reading is
// format/json.h.
#pragma once

#include <concepts>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace freehold::app {

class JsonWriter {
 public:
  // `pretty` puts every member of the outermost object on its own line.
  explicit JsonWriter(bool pretty = false) : pretty_(pretty) {}

  JsonWriter& begin_object() { return open('{'); }
  JsonWriter& end_object() { return close('}'); }
  JsonWriter& begin_array() { return open('['); }
  JsonWriter& end_array() { return close(']'); }
  JsonWriter& key(std::string_view name);

  JsonWriter& value(std::string_view text);  // bytes that are no UTF-8 become U+FFFD
  JsonWriter& value(const char* text) { return value(std::string_view(text)); }
  JsonWriter& value(bool b) { return raw(b ? "true" : "false"); }
  JsonWriter& value(double x);  // shortest text that reads back equal; infinities and NaN become null
  template <std::integral T>
  requires(!std::same_as<T, bool>) JsonWriter& value(T n) { return raw(std::to_string(n)); }
  JsonWriter& null() { return raw("null"); }

  template <typename T>
  JsonWriter& member(std::string_view name, const T& v) {
    key(name);
    return value(v);
  }

  // What has been written; all brackets must have been closed.
  const std::string& text() const { return out_; }
  std::string take() { return std::move(out_); }
  // What has been written since the last call, wherever that ends: for what is too much to keep.
  std::string drain() { return std::exchange(out_, std::string()); }

 private:
  JsonWriter& open(char bracket);
  JsonWriter& close(char bracket);
  JsonWriter& raw(std::string_view text);
  void separate();

  bool pretty_;
  bool after_key_ = false;
  std::vector<bool> filled_;  // by open bracket: something stands in it
  std::string out_;
};

}  // namespace freehold::app
