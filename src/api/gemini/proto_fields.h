// Reading an object as proto3 maps JSON (protobuf.dev/programming-guides/json): a field by its camelCase name or by its
// own in snake_case, numbers also as strings, an integer also as 5.0.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "api/fields.h"

namespace freehold::api::gemini {

// Borrows the object. Fields are asked for in camelCase; errors name them as the client wrote them.
class ProtoFields {
 public:
  explicit ProtoFields(const Json& object, std::string where = {}) : object_(object), fields_(object, where) {}
  explicit ProtoFields(Json&&, std::string = {}) = delete;

  const Json* find(std::string_view key) { return fields_.find(spelling(key)); }
  Parsed<std::optional<std::string>> string(std::string_view key) { return fields_.string(spelling(key)); }
  Parsed<std::optional<bool>> boolean(std::string_view key) { return fields_.boolean(spelling(key)); }
  Parsed<std::optional<double>> number(std::string_view key, double least, double most);
  Parsed<std::optional<std::int64_t>> integer(std::string_view key, std::int64_t least, std::int64_t most);
  Parsed<std::vector<std::string>> strings(std::string_view key, std::size_t most) {
    return fields_.string_list(spelling(key), most);
  }
  // An enum's value, in upper case; empty if it is not there.
  Parsed<std::string> word(std::string_view key);
  // An object, or nothing.
  Parsed<const Json*> object(std::string_view key);
  // The messages of a list, each an object; one alone may stand without brackets. Nothing is an empty list.
  struct Item {
    const Json* json = nullptr;
    std::string where;
  };
  Parsed<std::vector<Item>> items(std::string_view key);

  void known(std::string_view key) { fields_.known(spelling(key)); }
  std::string name(std::string_view key) const { return fields_.name(spelling(key)); }
  tl::unexpected<Failure> wrong(std::string_view key, std::string_view expected) const {
    return fields_.wrong(spelling(key), expected);
  }
  tl::unexpected<Failure> missing(std::string_view key) const;
  tl::unexpected<Failure> unsupported(std::string_view key) const;
  void add_left_over(std::vector<std::string>& names) const { fields_.add_left_over(names); }

 private:
  std::string spelling(std::string_view camel) const;
  const Json& object_;
  Fields fields_;
};

}  // namespace freehold::api::gemini
