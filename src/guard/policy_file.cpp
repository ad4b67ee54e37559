// The policy as people write it: YAML. What a role, a model or a vendor may is either said or denied; what is not
// understood is an error with its line.
#include <fmt/format.h>

#include <algorithm>

#include "base/file.h"
#include "base/hash.h"
#include "base/nearest.h"
#include "base/utf8.h"
#include "format/yaml.h"
#include "guard/policy.h"
#include "guard/policy_reader.h"
#include "guard/processing.h"

namespace freehold::guard {
namespace {

using format::YamlNode;

constexpr std::size_t kMostLabels = 32, kLongestPattern = 200;
constexpr std::uint64_t kLongestFile = std::uint64_t{1} << 20;

bool is_pattern(std::string_view text) {
  return !text.empty() && text.size() <= kLongestPattern && is_utf8(text) &&
         std::all_of(text.begin(), text.end(),
                     [](char c) { return static_cast<unsigned char>(c) > 0x20 && c != 0x7F; });
}

class Reader : private PolicyReader {
 public:
  using PolicyReader::PolicyReader;

  Result<> read(const YamlNode& root) {
    if (!root.is_map()) return fail(Errc::invalid, fmt::format("{}: a policy is a map", printable(file_)));
    FH_TRY_VOID(only(root, {"version", "labels", "roles", "models", "vendors", "exports", "sign_in", "certificates",
                            "personal_data", "processing", "retention"}));
    const YamlNode* version = root.member("version");
    if (version == nullptr) return wrong(root, "a policy begins with 'version: 1'");
    if (version->as_integer() != 1) return wrong(*version, "'version' must be 1");
    // The labels first, wherever they stand: all else names them.
    if (const YamlNode* node = root.member("labels")) FH_TRY_VOID(labels(*node));
    if (const YamlNode* node = root.member("roles")) FH_TRY_VOID(roles(*node));
    if (const YamlNode* node = root.member("models")) FH_TRY_VOID(rules(*node, "models", policy_.models));
    if (const YamlNode* node = root.member("vendors")) FH_TRY_VOID(rules(*node, "vendors", policy_.vendors));
    if (const YamlNode* node = root.member("exports")) FH_TRY_VOID(exports(*node));
    if (const YamlNode* node = root.member("processing")) FH_TRY_VOID(processing(*node));
    FH_TRY_VOID(read_personal_data(file_, root, policy_));
    FH_TRY_VOID(read_retention(file_, root, policy_));
    return read_people(file_, root, policy_);
  }

 private:
  Result<> labels(const YamlNode& node) {
    FH_TRY(const auto names, texts(node, "labels"));
    if (names.empty() || names.size() > kMostLabels) {
      return wrong(node, fmt::format("'labels' names 1 to {} labels, the lowest first", kMostLabels));
    }
    for (auto name = names.begin(); name != names.end(); ++name) {
      if (!is_label(*name)) {
        return wrong(node,
                     fmt::format("'{}' cannot be a label: at most 32 of a-z, 0-9, '-' and '_'", printable(*name, 60)));
      }
      if (std::find(names.begin(), name, *name) != name) {
        return wrong(node, fmt::format("the label '{}' is there twice", *name));
      }
    }
    policy_.labels = names;
    for (Rights& rights : policy_.roles) rights.label = policy_.highest();
    return {};
  }

  Result<> roles(const YamlNode& node) {
    if (!node.is_map()) return wrong(node, "'roles' must be a map");
    for (const auto& [name, value] : node.members) {
      const auto role = role_from_name(name);
      if (!role) {
        return wrong(
            value.line != 0 ? value : node,
            fmt::format("there is no role '{}': there are admin, operator, user, auditor and break-glass, each "
                        "of which may be described anew here; others cannot be made",
                        printable(name, 60)));
      }
      FH_TRY_VOID(rights(value, name, policy_.roles[static_cast<std::size_t>(*role)]));
    }
    return {};
  }

  // A role that is named is described whole: what it does not say it may not.
  Result<> rights(const YamlNode& node, const std::string& name, Rights& to) {
    if (!node.is_map()) return wrong(node, fmt::format("the role '{}' must be a map", name));
    FH_TRY_VOID(only(node, {"actions", "models", "label", "reason"}));
    Rights out;
    for (const char* needed : {"actions", "models", "label"}) {
      if (node.member(needed) == nullptr) return wrong(node, fmt::format("the role '{}' needs '{}'", name, needed));
    }
    FH_TRY(const auto actions, texts(*node.member("actions"), "actions"));
    for (const std::string& word : actions) {
      const auto action = action_from_name(word);
      if (!action) {
        return wrong(*node.member("actions"), fmt::format("there is no action '{}': read, ask, keep, manage, records, "
                                                          "metrics",
                                                          printable(word, 60)));
      }
      out.actions[static_cast<std::size_t>(*action)] = true;
    }
    const YamlNode& models = *node.member("models");
    FH_TRY(out.models, texts(models, "models"));
    if (out.models.size() > kMostRules) return wrong(models, fmt::format("at most {} models", kMostRules));
    for (const std::string& pattern : out.models) FH_TRY_VOID(check_pattern(models, pattern));
    FH_TRY(out.label, label(*node.member("label"), "label"));
    if (const YamlNode* reason = node.member("reason")) {
      if (reason->text != "required" && reason->text != "none") return wrong(*reason, "'reason' is required or none");
      out.reason = reason->text == "required";
    }
    if (name == "break-glass" && !out.reason) {
      return wrong(node, "the role 'break-glass' needs 'reason: required'");
    }
    to = std::move(out);
    return {};
  }

  Result<> rules(const YamlNode& node, std::string_view key, std::vector<CeilingRule>& to) {
    if (!node.is_map()) return wrong(node, fmt::format("'{}' must be a map of names and ceilings", key));
    if (node.members.size() > kMostRules) return wrong(node, fmt::format("'{}' has at most {} rules", key, kMostRules));
    for (const auto& [pattern, value] : node.members) {
      FH_TRY_VOID(check_pattern(value, pattern));
      FH_TRY(std::string ceiling, label(value, pattern));
      to.push_back({pattern, std::move(ceiling)});
    }
    return {};
  }

  Result<> exports(const YamlNode& node) {
    if (!node.is_map()) return wrong(node, "'exports' must be a map of exports and ceilings");
    FH_TRY_VOID(only(node, {"audit"}));
    for (const auto& [name, value] : node.members) {
      FH_TRY(policy_.exports[name], label(value, name));
    }
    return {};
  }

  // Decides nothing: only that it can be read (processing.h).
  Result<> processing(const YamlNode& node) {
    const auto read = read_processing(node, [&](std::string_view name) { return policy_.rank(name).has_value(); });
    if (read) return {};
    return fail(Errc::invalid, fmt::format("{}: {}", printable(file_), read.error().what));
  }
};

}  // namespace

Unexpected PolicyReader::wrong(const YamlNode& node, std::string_view what) const {
  return fail(Errc::invalid, fmt::format("{}: line {}: {}", printable(file_), node.line, what));
}

Result<> PolicyReader::only(const YamlNode& map, const std::vector<std::string>& keys) const {
  for (const auto& [key, value] : map.members) {
    if (std::find(keys.begin(), keys.end(), key) != keys.end()) continue;
    const auto near = nearest(key, keys);
    return wrong(value.line != 0 ? value : map, fmt::format("there is no key '{}' here{}", printable(key, 60),
                                                            near ? fmt::format("; did you mean '{}'?", *near)
                                                                 : fmt::format(": {}", fmt::join(keys, ", "))));
  }
  return {};
}

Result<std::string> PolicyReader::label(const YamlNode& node, std::string_view key) const {
  if (node.is_scalar() && policy_.rank(node.text)) return node.text;
  return wrong(node, fmt::format("'{}' must be a label: {}", printable(key, 60), policy_.names()));
}

Result<std::vector<std::string>> PolicyReader::texts(const YamlNode& node, std::string_view key) const {
  std::vector<std::string> out;
  if (node.is_scalar()) return std::vector<std::string>{node.text};
  if (!node.is_list()) return wrong(node, fmt::format("'{}' must be a list", key));
  for (const YamlNode& item : node.items) {
    if (!item.is_scalar()) return wrong(item, fmt::format("'{}' must be a list of texts", key));
    out.push_back(item.text);
  }
  return out;
}

Result<std::string> PolicyReader::line(const YamlNode& node, std::string_view key, std::size_t longest) const {
  const bool good = node.is_scalar() && !node.text.empty() && node.text.size() <= longest && is_utf8(node.text) &&
                    std::all_of(node.text.begin(), node.text.end(),
                                [](char c) { return static_cast<unsigned char>(c) >= 0x20 && c != 0x7F; });
  if (good) return node.text;
  return wrong(node, fmt::format("'{}' must be a text of 1 to {} bytes", key, longest));
}

Result<> PolicyReader::check_pattern(const YamlNode& at, const std::string& pattern) const {
  if (is_pattern(pattern)) return {};
  return wrong(at, fmt::format("'{}' cannot be a name or a pattern: 1 to {} bytes without blanks",
                               printable(pattern, 60), kLongestPattern));
}

Result<Policy> parse_policy(std::string_view yaml, std::string_view file) {
  const auto parsed = format::parse_yaml(yaml);
  if (!parsed) return fail(Errc::invalid, fmt::format("{}: {}", printable(file), parsed.error().what));
  Policy policy = default_policy();
  FH_TRY_VOID(Reader(file, policy).read(*parsed));
  return policy;
}

std::filesystem::path policy_path(const std::filesystem::path& home) {
  return home / "policy.yaml";
}

std::string policy_digest(const std::filesystem::path& file) {
  const auto text = read_file(file, kLongestFile);
  return text ? sha256(*text).name() : "default";
}

Result<Policy> read_policy(const std::filesystem::path& file) {
  FH_TRY(const std::string text, read_file(file, kLongestFile));
  return parse_policy(text, file.string());
}

Result<Policy> load_policy(const std::filesystem::path& home) {
  auto policy = read_policy(policy_path(home));
  if (policy || policy.error().code != Errc::not_found) return policy;
  return default_policy();
}

}  // namespace freehold::guard
