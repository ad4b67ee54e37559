#include "guard/personal_data.h"

#include <algorithm>

#include "guard/policy.h"

namespace freehold::guard {
namespace {

constexpr std::array<std::string_view, kWays> kWayNames = {"request", "answer", "vendor", "log", "training", "run"};
constexpr std::array<std::string_view, kTreatments> kTreatmentNames = {"allow", "mask",       "pseudonymise",
                                                                       "block", "local_only", "report"};

struct GroupName {
  std::string_view name;
  pii::Group group;
};
// None is a kind's name.
constexpr GroupName kGroupNames[] = {
    {"names", pii::Group::name},       {"places", pii::Group::place},           {"times", pii::Group::time},
    {"contacts", pii::Group::contact}, {"financial", pii::Group::financial},    {"national", pii::Group::national},
    {"medical", pii::Group::medical},  {"identifiers", pii::Group::identifier}, {"secrets", pii::Group::secret}};

template <typename T, std::size_t N>
std::optional<T> found_in(const std::array<std::string_view, N>& names, std::string_view name) {
  const auto at = std::find(names.begin(), names.end(), name);
  return at == names.end() ? std::nullopt : std::optional(static_cast<T>(at - names.begin()));
}

bool holds(const PersonalRule& rule, const Policy& policy, Way way, Role role, std::string_view label,
           std::string_view model) {
  if (rule.way != way && !(way == Way::vendor && rule.way == Way::request)) return false;
  if (!rule.label.empty()) {
    const std::size_t carried = label.empty() ? 0 : policy.rank(label).value_or(SIZE_MAX);
    if (carried < policy.rank(rule.label).value_or(0)) return false;
  }
  if (!rule.roles.empty() && std::find(rule.roles.begin(), rule.roles.end(), role) == rule.roles.end()) return false;
  return rule.models.empty() || std::any_of(rule.models.begin(), rule.models.end(),
                                            [&](const std::string& pattern) { return matches(pattern, model); });
}

}  // namespace

std::string_view name_of(Way way) {
  return kWayNames[static_cast<std::size_t>(way)];
}
std::optional<Way> way_from_name(std::string_view name) {
  return found_in<Way>(kWayNames, name);
}
std::string_view name_of(Treatment treatment) {
  return kTreatmentNames[static_cast<std::size_t>(treatment)];
}
std::optional<Treatment> treatment_from_name(std::string_view name) {
  return found_in<Treatment>(kTreatmentNames, name);
}

bool can(Way way, Treatment treatment) {
  switch (treatment) {
    case Treatment::allow:
    case Treatment::mask:
      return true;
    case Treatment::block:
      return way != Way::log;
    case Treatment::pseudonymise:
    case Treatment::local_only:
      return way == Way::request || way == Way::vendor;
    case Treatment::report:
      return way == Way::training || way == Way::run;
  }
  return false;
}

std::string_view name_of(pii::Group group) {
  return std::find_if(std::begin(kGroupNames), std::end(kGroupNames),
                      [&](const GroupName& one) { return one.group == group; })
      ->name;
}

Kinds kinds_from_name(std::string_view name) {
  Kinds out;
  if (name == "*") return out.set();
  if (const auto kind = pii::kind_from_name(name)) out.set(static_cast<std::size_t>(*kind));
  for (const GroupName& group : kGroupNames) {
    if (group.name != name) continue;
    for (const pii::KindInfo& row : pii::all_kinds()) {
      if (row.group == group.group) out.set(static_cast<std::size_t>(row.kind));
    }
  }
  return out;
}

bool Treatments::any() const {
  return std::any_of(of.begin(), of.end(), [](Treatment t) { return t != Treatment::allow; });
}

bool Treatments::has(Treatment treatment) const {
  return std::find(of.begin(), of.end(), treatment) != of.end();
}

Treatments treatments(const Policy& policy, Way way, Role role, std::string_view label, std::string_view model) {
  Treatments out;
  out.profile = policy.personal_data.profile;
  out.restore = true;
  Kinds open;
  open.set();
  for (std::size_t i = 0; i < policy.personal_data.rules.size() && open.any(); ++i) {
    const PersonalRule& rule = policy.personal_data.rules[i];
    const Kinds decided = open & rule.kinds;
    if (decided.none() || !holds(rule, policy, way, role, label, model)) continue;
    for (std::size_t kind = 0; kind < pii::kKinds; ++kind) {
      if (!decided[kind]) continue;
      out.of[kind] = rule.treatment;
      out.rule[kind] = static_cast<std::uint16_t>(i + 1);
    }
    if (rule.treatment == Treatment::pseudonymise && !rule.restore) out.restore = false;
    open &= ~rule.kinds;
  }
  return out;
}

}  // namespace freehold::guard
