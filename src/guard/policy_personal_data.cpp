// The section personal_data of a policy file.
#include <fmt/format.h>

#include "base/nearest.h"
#include "base/utf8.h"
#include "guard/policy_reader.h"
#include "pii/kinds.h"

namespace freehold::guard {
namespace {

class PersonalDataReader : private PolicyReader {
 public:
  using PolicyReader::PolicyReader;

  // A list of rules, or a map with them and the profile by which is searched.
  Result<> read(const YamlNode& node) {
    const YamlNode* rules = &node;
    PersonalData& to = policy_.personal_data;
    if (node.is_map()) {
      FH_TRY_VOID(only(node, {"profile", "rules"}));
      if (const YamlNode* profile = node.member("profile")) {
        const auto known = pii::profile_from_name(profile->text);
        if (!known) return wrong(*profile, "'profile' is hipaa, gdpr or secrets");
        to.profile = *known;
      }
      rules = node.member("rules");
      if (rules == nullptr) return wrong(node, "'personal_data' needs 'rules'");
    }
    if (!rules->is_list()) return wrong(node, "'personal_data' must be a list of rules, or a map with 'rules'");
    if (rules->items.size() > kMostRules) return wrong(node, fmt::format("at most {} rules", kMostRules));
    for (const YamlNode& item : rules->items) {
      FH_TRY(PersonalRule rule, personal_rule(item));
      to.rules.push_back(std::move(rule));
    }
    return {};
  }

 private:
  Result<PersonalRule> personal_rule(const YamlNode& node) const {
    if (!node.is_map()) return wrong(node, "a rule is a map: {where: answer, kinds: [card], do: mask}");
    FH_TRY_VOID(only(node, {"where", "kinds", "do", "label", "models", "roles", "restore"}));
    const auto at = [&](const char* key) { return node.member(key); };
    for (const char* needed : {"where", "kinds", "do"}) {
      if (at(needed) == nullptr) return wrong(node, fmt::format("a rule needs '{}'", needed));
    }
    PersonalRule rule;
    rule.line = node.line;
    const auto way = way_from_name(at("where")->text);
    if (!way) return wrong(*at("where"), "'where' is request, answer, vendor, log, training or run");
    rule.way = *way;
    const auto treatment = treatment_from_name(at("do")->text);
    if (!treatment) return wrong(*at("do"), "'do' is allow, mask, pseudonymise, block, local_only or report");
    rule.treatment = *treatment;
    if (!can(*way, *treatment)) {
      return wrong(*at("do"), fmt::format("'{}' cannot be done where: {}", name_of(*treatment), name_of(*way)));
    }
    FH_TRY(rule.kinds, kinds(*at("kinds")));
    if (at("label") != nullptr) {
      FH_TRY(rule.label, label(*at("label"), "label"));
    }
    if (at("models") != nullptr) {
      FH_TRY(rule.models, texts(*at("models"), "models"));
      if (rule.models.empty()) return wrong(*at("models"), "'models' names at least one");
      for (const std::string& pattern : rule.models) FH_TRY_VOID(check_pattern(*at("models"), pattern));
    }
    if (at("roles") != nullptr) {
      FH_TRY(rule.roles, role_names(*at("roles")));
    }
    FH_TRY_VOID(check_run(node, rule));
    if (const YamlNode* restore = at("restore")) {
      if (*treatment != Treatment::pseudonymise) return wrong(*restore, "'restore' is for 'do: pseudonymise'");
      if (restore->text != "asker" && restore->text != "none") return wrong(*restore, "'restore' is asker or none");
      rule.restore = restore->text == "asker";
    }
    return rule;
  }

  // `freehold run` is asked by an admin, without a label: another rule would never apply.
  Result<> check_run(const YamlNode& node, const PersonalRule& rule) const {
    if (rule.way != Way::run) return {};
    const auto reason = [](const char* what) {
      return fmt::format(
          "where: run has no '{}': `freehold run` is asked by an admin, without a label, so the rule would never apply",
          what);
    };
    if (const YamlNode* label = node.member("label"); label != nullptr && policy_.rank(rule.label).value_or(1) != 0) {
      return wrong(*label, reason("label"));
    }
    const YamlNode* roles = node.member("roles");
    if (roles != nullptr && std::find(rule.roles.begin(), rule.roles.end(), Role::admin) == rule.roles.end()) {
      return wrong(*roles, reason("roles"));
    }
    return {};
  }

  Result<Kinds> kinds(const YamlNode& node) const {
    FH_TRY(const auto names, texts(node, "kinds"));
    if (names.empty()) return wrong(node, "'kinds' names at least one, or is \"*\"");
    Kinds out;
    for (const std::string& name : names) {
      const Kinds more = kinds_from_name(name);
      if (more.none()) {
        std::vector<std::string> all;
        for (const pii::KindInfo& row : pii::all_kinds()) all.emplace_back(row.name);
        const auto near = nearest(name, all);
        return wrong(node, fmt::format("there is no kind of personal data '{}'{}", printable(name, 60),
                                       near ? fmt::format("; did you mean '{}'?", *near)
                                            : std::string(": freehold guard scan --help lists them")));
      }
      // What is never looked for would be let pass in silence.
      if (const auto kind = pii::kind_from_name(name); kind && !pii::takes(policy_.personal_data.profile, *kind)) {
        return wrong(node, fmt::format("the profile does not look for '{}'; write 'profile: hipaa'", name));
      }
      out |= more;
    }
    return out;
  }

  Result<std::vector<Role>> role_names(const YamlNode& node) const {
    FH_TRY(const auto names, texts(node, "roles"));
    if (names.empty()) return wrong(node, "'roles' names at least one");
    std::vector<Role> out;
    for (const std::string& name : names) {
      const auto role = role_from_name(name);
      if (!role) return wrong(node, fmt::format("there is no role '{}'", printable(name, 60)));
      out.push_back(*role);
    }
    return out;
  }
};

}  // namespace

Result<> read_personal_data(std::string_view file, const format::YamlNode& root, Policy& policy) {
  const format::YamlNode* node = root.member("personal_data");
  return node != nullptr ? PersonalDataReader(file, policy).read(*node) : Result<>{};
}

}  // namespace freehold::guard
