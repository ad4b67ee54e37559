// What only people know of a processing of personal data (GDPR, Article 30(1)): who answers for it, what it is for. It
// stands in policy.yaml under `processing:`; `freehold guard record` puts it beside what the program knows itself.
#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace freehold::format {
struct YamlNode;
}

namespace freehold::guard {

struct Purpose {
  std::string name;      // "drafting letters to patients"
  std::string subjects;  // categories of people: "patients"
  std::string data;      // categories of data: "names, findings"
  std::string basis;     // "Article 6(1)(b), 9(2)(h)"
  std::string label;     // of the policy; may be empty
};

// What is empty was not said.
struct Processing {
  std::string controller, contact;  // Article 30(1)(a), so the next line
  std::string joint_controllers, representative, officer;
  std::string recipients;  // (d): beyond the vendors that the policy allows
  std::string transfers;   // (e): to third countries, and by which guarantees
  std::string erasure;     // (f): beyond the policy's retention
  std::string measures;    // (g): beyond those of the program
  std::vector<Purpose> purposes;
};

// What the home's policy.yaml says; nothing where there is none. Errors: of reading it, invalid.
Result<Processing> load_processing(const std::filesystem::path& home);
// `known`: whether a label is one of the policy's. Errors: invalid, as "line N: …".
Result<Processing> read_processing(const format::YamlNode& node, const std::function<bool(std::string_view)>& known);

}  // namespace freehold::guard
