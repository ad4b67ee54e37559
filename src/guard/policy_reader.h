// What the sections of a policy file are read with: errors that name the line, keys that are known, labels, lists.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "format/yaml.h"
#include "guard/policy.h"

namespace freehold::guard {

inline constexpr std::size_t kMostRules = 1000;

// Reads for one file into one policy, whose labels are known before all else. Both are the caller's.
class PolicyReader {
 public:
  PolicyReader(std::string_view file, Policy& policy) : file_(file), policy_(policy) {}

 protected:
  using YamlNode = format::YamlNode;

  Unexpected wrong(const YamlNode& node, std::string_view what) const;
  Result<> only(const YamlNode& map, const std::vector<std::string>& keys) const;
  Result<std::string> label(const YamlNode& node, std::string_view key) const;
  // A list of texts, or one alone.
  Result<std::vector<std::string>> texts(const YamlNode& node, std::string_view key) const;
  // A text of 1 to `longest` bytes without control characters.
  Result<std::string> line(const YamlNode& node, std::string_view key, std::size_t longest) const;
  Result<> check_pattern(const YamlNode& at, const std::string& pattern) const;

  const std::string_view file_;
  Policy& policy_;
};

// The section personal_data (policy_personal_data.cpp). Errors: invalid.
Result<> read_personal_data(std::string_view file, const format::YamlNode& root, Policy& policy);
// The sections of people whom others vouch for: sign_in, certificates (policy_people.cpp). Errors: invalid.
Result<> read_people(std::string_view file, const format::YamlNode& root, Policy& policy);
// The section retention (policy_retention.cpp). Errors: invalid.
Result<> read_retention(std::string_view file, const format::YamlNode& root, Policy& policy);

}  // namespace freehold::guard
