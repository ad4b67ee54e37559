#include "guard/policy.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/utf8.h"

namespace freehold::guard {
namespace {

struct ActionName {
  Action action;
  std::string_view name;
  std::string_view refusal;  // "a key with the role X may not …"
};
constexpr ActionName kActionNames[] = {{Action::read, "read", "read here"},
                                       {Action::ask, "ask", "ask models"},
                                       {Action::keep, "keep", "keep or change anything"},
                                       {Action::manage, "manage", "change what is everybody's"},
                                       {Action::records, "records", "see what others asked for"},
                                       {Action::metrics, "metrics", "see what others' requests took"}};

// One decision on its way: the first rule that denies ends it.
class Deciding {
 public:
  Deciding(const Policy& policy, const Principal& who, Action action, const Resource& resource)
      : policy_(policy),
        who_(who),
        rights_(policy.of(who.role)),
        action_(action),
        resource_(resource),
        role_(fmt::format("roles.{}", name_of(who.role))) {}

  Decision decide(std::string_view label) {
    const bool allowed = permitted() && seen() && (!moves_data() || (known(label) && cleared() && fits()));
    out_.allowed = allowed;
    out_.label = policy_.labels[level_];
    if (allowed) out_.rule = role_ + ".actions";
    return std::move(out_);
  }

 private:
  bool deny(std::string rule, std::string message) {
    out_.rule = std::move(rule);
    out_.message = std::move(message);
    return false;
  }

  bool permitted() {
    const ActionName& action = kActionNames[static_cast<std::size_t>(action_)];
    if (!rights_.may(action_)) {
      return deny(role_ + ".actions",
                  fmt::format("a key with the role {} may not {}", name_of(who_.role), action.refusal));
    }
    if (rights_.reason && who_.reason.empty()) {
      return deny(role_ + ".reason", fmt::format("a key with the role {} needs a reason for every request, in the "
                                                 "header Freehold-Reason",
                                                 name_of(who_.role)));
    }
    const bool everybodys = action_ == Action::manage || action_ == Action::metrics;
    if (everybodys && who_.models) {
      return deny("key.models", fmt::format("a key that may use certain models only may not {}", action.refusal));
    }
    return true;
  }

  bool seen() {
    if (resource_.kind != Resource::Kind::model) return true;
    const auto& patterns = rights_.models;
    const bool fits = std::any_of(patterns.begin(), patterns.end(),
                                  [&](const std::string& pattern) { return matches(pattern, resource_.name); });
    if (fits && allows(who_.models, resource_.name)) return true;
    out_.unseen = true;
    return deny(fits ? "key.models" : role_ + ".models",
                fmt::format("this key may not use the model '{}'", printable(resource_.name)));
  }

  bool moves_data() const {
    return action_ == Action::ask || action_ == Action::keep || resource_.kind == Resource::Kind::data ||
           resource_.kind == Resource::Kind::export_;
  }

  bool unknown(std::string_view label) {
    return deny("labels",
                fmt::format("the label '{}' is not one of this server's: {}", printable(label, 40), policy_.names()));
  }

  bool raise(std::string_view label) {
    if (label.empty()) return true;
    const auto rank = policy_.rank(label);
    if (!rank) return unknown(label);
    level_ = std::max(level_, *rank);
    return true;
  }

  // The exchange's label: of all that meets in it.
  bool known(std::string_view label) {
    if (!raise(who_.label) || !raise(label)) return false;
    for (const std::string& carried : who_.carries) {
      if (!raise(carried)) return false;
    }
    for (const std::string& inside : resource_.labels) {
      if (!raise(inside)) return false;
    }
    return true;
  }

  // Whether they may be told what is in it.
  bool cleared() {
    if (resource_.labels.empty()) return true;
    const std::string& clearance = who_.ceiling ? *who_.ceiling : who_.label.empty() ? policy_.lowest() : who_.label;
    const auto most = policy_.rank(clearance);
    if (!most) return unknown(clearance);
    for (const std::string& inside : resource_.labels) {
      if (policy_.rank(inside).value_or(SIZE_MAX) <= *most) continue;
      out_.ceiling = clearance;
      return deny(who_.ceiling ? "key.ceiling" : "key.label",
                  fmt::format("{} holds what was learned from data labelled {}, and this key is cleared for {}: a key "
                              "that may ask it is made with freehold keys create --ceiling {}, and for people who sign "
                              "in the policy says it",
                              what(), inside, clearance, inside));
    }
    return true;
  }

  bool under(const std::string& ceiling, std::string rule, std::string_view whose) {
    const auto most = policy_.rank(ceiling);
    if (!most) return unknown(ceiling);
    if (level_ <= *most) return true;
    out_.ceiling = ceiling;
    return deny(std::move(rule), fmt::format("this carries the label {}, and {} may be given no more than {}",
                                             policy_.labels[level_], whose, ceiling));
  }

  bool rules(const std::vector<CeilingRule>& all, std::string_view name, bool& any) {
    for (const CeilingRule& rule : all) {
      if (!matches(rule.pattern, resource_.name)) continue;
      any = true;
      if (!under(rule.ceiling, fmt::format("{}.{}", name, rule.pattern), what())) return false;
    }
    return true;
  }

  bool fits() {
    if (!under(rights_.label, role_ + ".label", fmt::format("a key with the role {}", name_of(who_.role))))
      return false;
    if (who_.ceiling && !under(*who_.ceiling, "key.ceiling", "this key, by the --ceiling that it was made with,")) {
      return false;
    }
    bool any = false;
    switch (resource_.kind) {
      case Resource::Kind::model:
        if (!rules(policy_.models, "models", any)) return false;
        break;
      case Resource::Kind::vendor:
        if (!rules(policy_.vendors, "vendors", any)) return false;
        if (!any && !under(policy_.lowest(), "vendors", what())) return false;
        break;
      case Resource::Kind::export_: {
        const auto found = policy_.exports.find(resource_.name);
        const bool named = found != policy_.exports.end();
        if (!under(named ? found->second : policy_.highest(), fmt::format("exports.{}", resource_.name), what())) {
          return false;
        }
        break;
      }
      default:
        break;
    }
    for (const std::string& ceiling : resource_.ceilings) {
      if (!under(ceiling, "model.ceiling", what())) return false;
    }
    return true;
  }

  std::string what() const {
    const std::string name = printable(resource_.name);
    switch (resource_.kind) {
      case Resource::Kind::model:
        return fmt::format("the model '{}'", name);
      case Resource::Kind::vendor:
        return fmt::format("the vendor's model '{}'", name);
      case Resource::Kind::export_:
        return fmt::format("an export ('{}')", name);
      default:
        return "this";
    }
  }

  const Policy& policy_;
  const Principal& who_;
  const Rights& rights_;
  const Action action_;
  const Resource& resource_;
  const std::string role_;
  std::size_t level_ = 0;
  Decision out_;
};

}  // namespace

std::string_view name_of(Action action) {
  return kActionNames[static_cast<std::size_t>(action)].name;
}

std::optional<Action> action_from_name(std::string_view name) {
  for (const ActionName& action : kActionNames) {
    if (action.name == name) return action.action;
  }
  return std::nullopt;
}

std::optional<std::size_t> Policy::rank(std::string_view label) const {
  const auto found = std::find(labels.begin(), labels.end(), label);
  return found == labels.end() ? std::nullopt : std::optional(static_cast<std::size_t>(found - labels.begin()));
}

std::string Policy::names() const {
  return fmt::format("{}", fmt::join(labels, ", "));
}

Policy default_policy() {
  Policy policy;
  policy.labels = {"public", "internal", "personal", "health"};
  const auto role = [&](Role which, std::initializer_list<Action> actions) {
    Rights& rights = policy.roles[static_cast<std::size_t>(which)];
    for (const Action action : actions) rights.actions[static_cast<std::size_t>(action)] = true;
    rights.models = {"*"};
    rights.label = policy.highest();
    rights.reason = which == Role::break_glass;
  };
  using enum Action;
  role(Role::admin, {read, ask, keep, manage, records, metrics});
  role(Role::operator_, {read, ask, keep, manage, metrics});
  role(Role::user, {read, ask, keep});
  role(Role::auditor, {read, records, metrics});
  role(Role::break_glass, {read, ask, records, metrics});
  return policy;
}

Decision decide(const Policy& policy, const Principal& who, Action action, const Resource& resource,
                std::string_view label) {
  return Deciding(policy, who, action, resource).decide(label);
}

bool is_label(std::string_view text) {
  return !text.empty() && text.size() <= 32 && text.front() != '-' && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
  });
}

// Greedy, with one place to go back to: behind the last star.
bool matches(std::string_view pattern, std::string_view name) {
  if (pattern.find('*') == std::string_view::npos) return allows(Models({std::string(pattern)}), name);
  std::size_t p = 0, n = 0, star = std::string_view::npos, from = 0;
  while (n < name.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      from = n;
    } else if (p < pattern.size() && pattern[p] == name[n]) {
      ++p, ++n;
    } else if (star != std::string_view::npos) {
      p = star + 1;
      n = ++from;
    } else {
      return false;
    }
  }
  while (p < pattern.size() && pattern[p] == '*') ++p;
  return p == pattern.size();
}

}  // namespace freehold::guard
