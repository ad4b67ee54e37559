// The section retention of a policy file: how long what is kept.
#include <fmt/format.h>

#include <algorithm>

#include "base/utf8.h"
#include "guard/policy_reader.h"
#include "guard/retention.h"

namespace freehold::guard {
namespace {

class RetentionReader : private PolicyReader {
 public:
  using PolicyReader::PolicyReader;

  Result<> read(const YamlNode& node) {
    if (!node.is_map()) return wrong(node, "'retention' must be a map: {default: keep, labels: {…}}");
    FH_TRY_VOID(only(node, {"preset", "default", "labels"}));
    Retention to;
    std::string preset;
    if (const YamlNode* name = node.member("preset")) {
      FH_TRY(preset, preset_name(*name));
    }
    to.otherwise.preset = preset;
    if (const YamlNode* rule = node.member("default")) {
      FH_TRY(to.otherwise, this->rule(*rule, "default", preset));
    }
    if (const YamlNode* labels = node.member("labels")) {
      if (!labels->is_map()) return wrong(*labels, "'labels' must be a map of labels and what holds for them");
      for (const auto& [name, value] : labels->members) {
        if (!policy_.rank(name)) {
          return wrong(value.line != 0 ? value : *labels,
                       fmt::format("'{}' is no label of this policy: {}", printable(name, 60), policy_.names()));
        }
        FH_TRY(to.labels[name], this->rule(value, name, preset));
      }
    }
    policy_.retention = std::move(to);
    return {};
  }

 private:
  Result<std::string> preset_name(const YamlNode& node) const {
    std::string names;
    for (const RetentionPreset& preset : retention_presets()) {
      if (node.is_scalar() && node.text == preset.name) return node.text;
      names += fmt::format("{}{}", names.empty() ? "" : ", ", preset.name);
    }
    return wrong(node, fmt::format("there is no preset '{}': {}", printable(node.text, 60), names));
  }

  Result<Period> period(const YamlNode& node, std::string_view verb) const {
    const auto read = node.is_scalar() ? period_from(node.text) : std::nullopt;
    if (read) return *read;
    return wrong(node,
                 fmt::format("'{}' must be a period with its unit spelled out: 90 days, 6 months, 6 years; at most "
                             "100 years",
                             verb));
  }

  // `preset`: of the whole section; it holds beside the rule's own.
  Result<RetentionRule> rule(const YamlNode& node, std::string_view of, const std::string& preset) const {
    RetentionRule out;
    out.preset = preset;
    if (node.is_scalar() && node.text == "keep") return out;
    if (!node.is_map()) {
      return wrong(node, fmt::format("'{}' must be keep, or a map with drop_content_after and delete_after", of));
    }
    FH_TRY_VOID(only(node, {"preset", "drop_content_after", "delete_after"}));
    if (const YamlNode* drop = node.member("drop_content_after")) {
      FH_TRY(out.drop_content, period(*drop, "drop_content_after"));
    }
    if (const YamlNode* remove = node.member("delete_after")) {
      FH_TRY(out.remove, period(*remove, "delete_after"));
      if (out.drop_content && covers(*out.drop_content, *out.remove) && *out.drop_content != *out.remove) {
        return wrong(*remove, fmt::format("'{}' is deleted after {}, before its content would be dropped, after {}", of,
                                          text_of(*out.remove), text_of(*out.drop_content)));
      }
    }
    FH_TRY_VOID(keeps_enough(node, of, out, preset));
    if (const YamlNode* name = node.member("preset")) {
      FH_TRY(const std::string own, preset_name(*name));
      FH_TRY_VOID(keeps_enough(node, of, out, own));
      out.preset = own;
    }
    return out;
  }

  // Nothing goes before the preset lets it.
  Result<> keeps_enough(const YamlNode& node, std::string_view of, const RetentionRule& rule,
                        const std::string& name) const {
    for (const RetentionPreset& preset : retention_presets()) {
      if (preset.name != name) continue;
      for (const auto& [verb, period] :
           {std::pair("drop_content_after", rule.drop_content), std::pair("delete_after", rule.remove)}) {
        if (!period || covers(*period, preset.least)) continue;
        const YamlNode* at = node.member(verb);
        return wrong(
            at != nullptr ? *at : node,
            fmt::format("'{}: {}' of '{}' drops what the preset {} wants kept for {} ({}): say a longer period, "
                        "or take the preset away",
                        verb, text_of(*period), of, preset.name, text_of(preset.least), preset.source));
      }
    }
    return {};
  }
};

}  // namespace

Result<> read_retention(std::string_view file, const format::YamlNode& root, Policy& policy) {
  const format::YamlNode* node = root.member("retention");
  return node != nullptr ? RetentionReader(file, policy).read(*node) : Result<>{};
}

}  // namespace freehold::guard
