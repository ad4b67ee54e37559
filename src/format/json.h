// JSON from untrusted files, strictly (RFC 8259): UTF-8 is checked, depth is limited, a key may occur once in an
// object, nothing may follow the value. Two ways in: a tree of Values, or events for texts too large for a tree.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"
#include "format/metadata.h"

namespace freehold::format {

struct JsonLimits {
  std::size_t depth = 64;
  // Bytes that the tree may take (a value takes about 48, a member of an object 80): a text of nothing but brackets
  // must not grow to thirty times its size. 0 means 48 MiB + 8 times the text.
  std::uint64_t memory = 0;
  // Bytes of the longest string, number or run of blanks, which the parser holds in memory up to four times.
  std::size_t token = std::size_t{16} << 20;
};

// Non-negative integers become u64, negative ones i64, other numbers (and integers beyond 64 bits) f64.
// Errors: Errc::corrupt with the byte's position ("byte 17: not valid JSON near 'x'", "key 'a' occurs twice").
Result<Value> parse_json(std::string_view text, JsonLimits limits = {});

// parse_json for an object that becomes Metadata: nested objects are flattened with dots ("rope_scaling.factor");
// arrays, and objects without members, stay values.
Result<Metadata> parse_json_flattened(std::string_view text, JsonLimits limits = {});

// Receives one value of the text after another. Return an error to stop; it is returned to the caller of scan_json.
// Duplicate keys are the receiver's to find.
class JsonEvents {
 public:
  virtual ~JsonEvents() = default;
  virtual Result<> scalar(Value value) = 0;  // null, bool, number, string
  virtual Result<> begin_object() = 0;
  virtual Result<> key(std::string_view key) = 0;
  virtual Result<> end_object() = 0;
  virtual Result<> begin_array() = 0;
  virtual Result<> end_array() = 0;
};
// Of the limits, `memory` is the receiver's to keep.
Result<> scan_json(std::string_view text, JsonEvents& events, JsonLimits limits = {});

}  // namespace freehold::format
