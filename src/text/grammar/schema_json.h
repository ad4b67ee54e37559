// The JSON of a schema as a tree that knows where each value stands, keeps the order of keys and the spelling of
// numbers, and was refused if it is nested deeper than the limit or has a key twice.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "text/grammar/limits.h"

namespace freehold::text::grammar {

struct Json {
  enum class Kind : std::uint8_t { null, boolean, number, string, array, object };
  Kind kind = Kind::null;
  bool truth = false;
  std::string text;                               // a string's value, a number's spelling
  std::vector<Json*> items;                       // of an array, or the values of an object
  std::vector<std::string> keys;                  // of an object
  std::map<std::string_view, std::size_t> index;  // keys to places, in larger objects
  const Json* parent = nullptr;
  std::size_t place = 0;   // in the parent
  std::size_t number = 0;  // in the order of the text

  bool is(Kind k) const { return kind == k; }
  const Json* find(std::string_view key) const;  // of an object
};

class JsonTree {
 public:
  // Errors: invalid (not JSON), exhausted (too long, too deep).
  static Result<JsonTree> parse(std::string_view text, const Limits& limits);
  const Json& root() const { return *root_; }
  Json& mutable_root() { return *root_; }
  Json* add() {
    nodes_.emplace_back().number = nodes_.size();
    return &nodes_.back();
  }

 private:
  friend class TreeBuilder;
  std::deque<Json> nodes_;
  Json* root_ = nullptr;
};

// Whether it is an object with an array at `key`.
bool has_list(const Json& value, std::string_view key);
// "#/properties/a~1b/items/0": how an error names a place.
std::string pointer_of(const Json& value);
// Follows a fragment ("#", "#/$defs/x", percent-encoded or not); null if it leads nowhere.
const Json* resolve(const Json& root, std::string_view reference);
// The value as text, without spaces; numbers as they were spelled.
std::string to_compact(const Json& value);
// Equal as JSON Schema sees it: 1 equals 1.0, the order of keys means nothing.
bool equal(const Json& a, const Json& b);
// `text` as a JSON string in the one spelling that is used for keys and constants.
std::string json_quoted(std::string_view text);

}  // namespace freehold::text::grammar
