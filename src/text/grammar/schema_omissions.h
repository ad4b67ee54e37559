// What a schema asks for that its grammar does not enforce: whether that may be, and the names of what it was
// (docs/adr/0069).
#pragma once

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>

#include "text/grammar/grammar.h"
#include "text/grammar/schema_json.h"

namespace freehold::text::grammar {

class Omissions {
 public:
  Omissions() = default;  // nothing may be left out
  explicit Omissions(const SchemaOptions& options)
      : names_(options.left_out), loose_(options.loose && options.left_out != nullptr) {}

  // Annotations that are not known, and what stands beside something that is enforced in its place.
  bool allowed() const { return names_ != nullptr; }
  // Everything that cannot be enforced.
  bool loose() const { return loose_; }
  // Leaves it out. Only where one of the above says so.
  void add(const Json& what) const {
    if (names_->size() > kMostLeftOut) return;
    std::string name = as_fragment(pointer_of(what));
    if (std::ranges::find(*names_, name) == names_->end()) names_->push_back(std::move(name));
  }

 private:
  static constexpr std::size_t kNameBytes = 120;  // these names go into a header

  // As RFC 6901, section 6, writes pointers in addresses: ASCII, and nothing that a list would be split at.
  static std::string as_fragment(std::string_view pointer) {
    constexpr std::string_view kHex = "0123456789ABCDEF";
    std::string out;
    for (char c : pointer) {
      const auto byte = static_cast<unsigned char>(c);
      if (byte > ' ' && byte < 0x7F && c != ',' && c != '%') {
        out += c;
      } else {
        out += {'%', kHex[byte >> 4], kHex[byte & 15]};
      }
      if (out.size() > kNameBytes) return out + "...";
    }
    return out;
  }
  LeftOut* names_ = nullptr;
  bool loose_ = false;
};

}  // namespace freehold::text::grammar
