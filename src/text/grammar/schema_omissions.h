// What a schema asks for that its grammar does not enforce: whether that may be, and the names of what it was
// (docs/adr/0069).
#pragma once

#include <algorithm>
#include <cstddef>

#include "base/utf8.h"
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
    std::string name = printable(pointer_of(what), kNameBytes);
    if (names_->size() <= kMostLeftOut && std::ranges::find(*names_, name) == names_->end())
      names_->push_back(std::move(name));
  }

 private:
  static constexpr std::size_t kNameBytes = 200;  // of a pointer: these names go into a header
  LeftOut* names_ = nullptr;
  bool loose_ = false;
};

}  // namespace freehold::text::grammar
