// Reading one JSON object strictly: every field is asked for by name and type, and what nobody asked for is reported.
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <string_view>

#include "base/result.h"
#include "format/metadata.h"

namespace freehold::format {

// Borrows the value. `where` names the object in errors ("normalizer 'Replace'"). Errors are Errc::corrupt unless said
// otherwise.
class JsonFields {
 public:
  JsonFields(const Value& object, std::string where) : object_(object), where_(std::move(where)) {}

  // Null if the field is absent or JSON's null.
  const Value* find(std::string_view key);
  Result<std::string> string(std::string_view key);
  Result<std::string> string_or(std::string_view key, std::string_view otherwise);
  Result<bool> boolean_or(std::string_view key, bool otherwise);
  Result<std::uint32_t> u32(std::string_view key);  // up to 2^31 - 1
  // A field that may be there but has no influence on what we do.
  void ignore(std::string_view key) { known_.emplace(key); }

  // Errc::unsupported if the object has a field that nobody asked for.
  Result<> finish() const;
  const std::string& where() const { return where_; }

 private:
  Unexpected wrong(std::string_view key, std::string_view expected, const Value* found) const;
  const Value& object_;
  std::string where_;
  std::set<std::string, std::less<>> known_;
};

}  // namespace freehold::format
