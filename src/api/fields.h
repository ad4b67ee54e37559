// Reading a client's JSON object: every field is asked for by name, type and range; whatever nobody asked for is
// reported as ignored. Wrong types and ranges become Failures that name the field.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "api/call.h"

namespace freehold::api {

// Members keep the client's order: a schema's answer is written in it.
using Json = nlohmann::ordered_json;

// The body of a request, in linear time. Refuses what is not one JSON value, nests deeper than 64, repeats a key, has
// more than a million values, holds a number that is no finite double, or is not UTF-8.
Parsed<Json> parse_json(std::string_view text);
// The same, of an object.
Parsed<Json> parse_object(std::string_view text);
// As text in one line; what is no UTF-8 is replaced.
std::string dump(const Json& value);

// Borrows the object. null counts as absent, as vendors' clients send it.
class Fields {
 public:
  explicit Fields(const Json& object, std::string where = {}) : object_(object), where_(std::move(where)) {}
  explicit Fields(Json&&, std::string = {}) = delete;

  const Json* find(std::string_view key);
  Parsed<std::optional<std::string>> string(std::string_view key);
  Parsed<std::optional<bool>> boolean(std::string_view key);
  Parsed<std::optional<double>> number(std::string_view key, double least, double most);
  Parsed<std::optional<std::int64_t>> integer(std::string_view key, std::int64_t least, std::int64_t most);
  // A string, or an array of strings.
  Parsed<std::vector<std::string>> strings(std::string_view key, std::size_t most);
  // An array of strings.
  Parsed<std::vector<std::string>> string_list(std::string_view key, std::size_t most);
  // Understood, and without effect here.
  void known(std::string_view key) { known_.emplace(key); }

  // "where.key": how errors name a field.
  std::string name(std::string_view key) const;
  tl::unexpected<Failure> wrong(std::string_view key, std::string_view expected) const;
  // The fields that nobody asked for, whatever they hold.
  std::vector<std::string> left_over() const;
  // The same, added to a list that stays short enough for a header.
  void add_left_over(std::vector<std::string>& names) const;

 private:
  const Json& object_;
  std::string where_;
  std::set<std::string, std::less<>> known_;
};

}  // namespace freehold::api
