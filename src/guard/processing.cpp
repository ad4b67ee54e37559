#include "guard/processing.h"

#include <fmt/format.h>

#include "base/file.h"
#include "base/nearest.h"
#include "base/utf8.h"
#include "format/yaml.h"
#include "guard/policy.h"

namespace freehold::guard {
namespace {

using format::YamlNode;

constexpr std::size_t kMostPurposes = 200, kLongestStatement = 2000;

struct ProcessingField {
  std::string_view key;
  std::string Processing::*to;
};
constexpr ProcessingField kProcessingFields[] = {
    {"controller", &Processing::controller},
    {"contact", &Processing::contact},
    {"joint_controllers", &Processing::joint_controllers},
    {"representative", &Processing::representative},
    {"data_protection_officer", &Processing::officer},
    {"recipients", &Processing::recipients},
    {"transfers", &Processing::transfers},
    {"erasure", &Processing::erasure},
    {"measures", &Processing::measures},
};
struct PurposeField {
  std::string_view key;
  std::string Purpose::*to;
};
constexpr PurposeField kPurposeFields[] = {{"purpose", &Purpose::name},
                                           {"people", &Purpose::subjects},
                                           {"data", &Purpose::data},
                                           {"basis", &Purpose::basis},
                                           {"label", &Purpose::label}};

Unexpected at_line(const YamlNode& node, std::string_view what) {
  return fail(Errc::invalid, fmt::format("line {}: {}", node.line, what));
}

// One member of a map into the field of its name.
template <typename T, typename Fields>
Result<> take_field(const format::YamlMember& member, const YamlNode& map, const Fields& fields, T& to) {
  std::vector<std::string> names;
  for (const auto& field : fields) {
    if (field.key != member.key) {
      names.emplace_back(field.key);
      continue;
    }
    if (member.value.is_null()) return {};
    if (!member.value.is_scalar() || member.value.text.size() > kLongestStatement || !is_utf8(member.value.text)) {
      return at_line(member.value,
                     fmt::format("'{}' must be a text of at most {} bytes", member.key, kLongestStatement));
    }
    to.*field.to = member.value.text;
    return {};
  }
  const auto near = nearest(member.key, names);
  return at_line(
      member.value.line != 0 ? member.value : map,
      fmt::format("there is no key '{}' here{}", printable(member.key, 60),
                  near ? fmt::format("; did you mean '{}'?", *near) : fmt::format(": {}", fmt::join(names, ", "))));
}

}  // namespace

Result<Processing> load_processing(const std::filesystem::path& home) {
  FH_TRY(const Policy policy, load_policy(home));  // whose errors say more
  const auto text = read_file(policy_path(home));
  if (!text) return text.error().code == Errc::not_found ? Result<Processing>() : tl::unexpected(text.error());
  FH_TRY(const YamlNode root, format::parse_yaml(*text));
  const YamlNode* node = root.member("processing");
  if (node == nullptr) return Processing{};
  return read_processing(*node, [&](std::string_view label) { return policy.rank(label).has_value(); });
}

Result<Processing> read_processing(const YamlNode& node, const std::function<bool(std::string_view)>& known) {
  if (!node.is_map()) return at_line(node, "'processing' must be a map");
  Processing out;
  for (const format::YamlMember& member : node.members) {
    if (member.key != "purposes") {
      FH_TRY_VOID(take_field(member, node, kProcessingFields, out));
      continue;
    }
    if (!member.value.is_list() || member.value.items.size() > kMostPurposes) {
      return at_line(member.value, fmt::format("'purposes' must be a list of at most {} maps", kMostPurposes));
    }
    for (const YamlNode& item : member.value.items) {
      if (!item.is_map()) return at_line(item, "a purpose must be a map");
      Purpose purpose;
      for (const format::YamlMember& field : item.members)
        FH_TRY_VOID(take_field(field, item, kPurposeFields, purpose));
      if (purpose.name.empty()) return at_line(item, "a purpose needs 'purpose'");
      if (!purpose.label.empty() && !known(purpose.label)) {
        return at_line(item, fmt::format("'{}' is no label of this policy", printable(purpose.label, 60)));
      }
      out.purposes.push_back(std::move(purpose));
    }
  }
  return out;
}

}  // namespace freehold::guard
