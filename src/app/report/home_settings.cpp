// What a home says about itself: its policy, its keys. No secret is read.
#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "app/moment.h"
#include "app/report/audit_report.h"
#include "base/file.h"
#include "base/utf8.h"
#include "format/yaml.h"
#include "guard/keys.h"
#include "guard/policy.h"

namespace freehold::app {
namespace {

constexpr std::uint64_t kLongestPolicy = std::uint64_t{1} << 20;
constexpr const char* kKeysThatCount =
    "keys made here that can be used (those given to a server by hand, --api-key, are in no list)";

void flatten(const format::YamlNode& node, const std::string& path,
             std::vector<std::pair<std::string, std::string>>& out) {
  if (node.is_scalar()) out.emplace_back(path, node.text);
  if (node.is_null() && !path.empty()) out.emplace_back(path, "");
  // Lists of scalars are one line.
  if (node.is_list()) {
    const bool plain = std::all_of(node.items.begin(), node.items.end(), [](const auto& i) { return i.is_scalar(); });
    std::string line;
    for (std::size_t i = 0; i < node.items.size(); ++i) {
      if (plain) {
        line += (i > 0 ? ", " : "") + node.items[i].text;
      } else {
        flatten(node.items[i], fmt::format("{}.{}", path, i + 1), out);
      }
    }
    if (plain) out.emplace_back(path, line);
  }
  for (const format::YamlMember& member : node.members) {
    flatten(member.value, path.empty() ? member.key : path + "." + member.key, out);
  }
}

std::string section_of(const AuditReport& report, std::string_view section) {
  std::string out;
  for (const auto& [path, text] : report.policy) {
    if (path != section && !path.starts_with(std::string(section) + ".")) continue;
    const std::string name = path == section ? path : path.substr(section.size() + 1);
    out += fmt::format("{}{}: {}", out.empty() ? "" : "; ", name, text);
  }
  return out;
}

void add_policy(const std::filesystem::path& home, AuditReport& to, const auto& setting) {
  const auto text = read_file(guard::policy_path(home), kLongestPolicy);
  const std::string digest = guard::policy_digest(guard::policy_path(home));
  const std::string source = text ? "policy.yaml, " + digest : "no policy.yaml: what holds without one";
  if (text) {
    if (auto lines = flattened_yaml(*text)) to.policy = std::move(*lines);
  } else if (text.error().code != Errc::not_found) {
    to.exceptions.push_back("The policy cannot be read: " + text.error().what);
  }
  const auto policy = guard::load_policy(home);
  if (!policy) {
    to.exceptions.push_back("The policy cannot be read: " + policy.error().what);
    return;
  }
  setting("labels", "labels, lowest first", policy->names(), source);
  std::string roles;
  for (std::size_t r = 0; r < guard::kRoles; ++r) {
    const guard::Rights& rights = policy->roles[r];
    std::string actions;
    for (std::size_t a = 0; a < guard::kActions; ++a) {
      if (rights.actions[a])
        actions += (actions.empty() ? "" : " ") + std::string(name_of(static_cast<guard::Action>(a)));
    }
    roles += fmt::format("{}{}: {} up to {}{}", roles.empty() ? "" : "; ", name_of(static_cast<guard::Role>(r)),
                         actions.empty() ? "nothing" : actions, rights.label, rights.reason ? ", with a reason" : "");
  }
  setting("roles", "roles, and what each may", roles, source);
  std::string vendors;
  for (const guard::CeilingRule& rule : policy->vendors) {
    vendors += fmt::format("{}{}: {}", vendors.empty() ? "" : "; ", rule.pattern, rule.ceiling);
  }
  setting("vendor-ceilings", "vendors that may be given more than the lowest label", vendors.empty() ? "none" : vendors,
          source);
  const auto or_none = [](std::string text_of) {
    return text_of.empty() ? std::string("none is configured") : text_of;
  };
  setting("retention-policy", "retention", or_none(section_of(to, "retention")), source);
  setting("personal-data", "actions on personal data", or_none(section_of(to, "personal_data")), source);
  setting("record", "record of processing: what people have to say", or_none(section_of(to, "processing")), source);
  if (const Setting* last = to.setting("policy"); last != nullptr && last->value != digest) {
    to.exceptions.push_back(
        "The policy of the home is not the one that the server was last started with: it holds from its next start on, "
        "or the server was given another.");
  }
}

void add_keys(const std::filesystem::path& home, std::int64_t now, AuditReport& to, const auto& setting) {
  auto keys = guard::Keys::open(home, guard::OpenKeys::existing);
  if (!keys) {
    if (keys.error().code != Errc::not_found) to.exceptions.push_back("The keys cannot be read: " + keys.error().what);
    setting("keys", kKeysThatCount, "0", "freehold.db");
    return;
  }
  const auto all = keys->list();
  if (!all) {
    to.exceptions.push_back("The keys cannot be read: " + all.error().what);
    return;
  }
  std::map<std::string, std::uint64_t> roles;
  std::uint64_t usable = 0;
  std::string forever;
  for (const guard::KeyInfo& key : *all) {
    if (!key.usable(now)) continue;
    ++usable;
    ++roles[std::string(name_of(key.role))];
    if (!key.expires) forever += (forever.empty() ? "" : ", ") + key.id;
  }
  std::string by_role;
  for (const auto& [role, n] : roles) by_role += fmt::format("{}{} {}", by_role.empty() ? "" : ", ", n, role);
  setting("keys", kKeysThatCount,
          fmt::format("{} of {}{}{}", usable, all->size(), by_role.empty() ? "" : ": ", by_role), "freehold.db");
  setting("keys.expiry", "of these, keys that never expire", forever.empty() ? "none" : forever, "freehold.db");
  if (!forever.empty()) to.exceptions.push_back("Keys that never expire: " + forever + ".");
}

}  // namespace

Result<std::vector<std::pair<std::string, std::string>>> flattened_yaml(std::string_view yaml) {
  FH_TRY(const format::YamlNode root, format::parse_yaml(yaml));
  std::vector<std::pair<std::string, std::string>> out;
  flatten(root, "", out);
  return out;
}

void add_home_settings(const std::filesystem::path& home, std::int64_t now, AuditReport& to) {
  const auto setting = [&](std::string key, std::string says, std::string value, std::string source) {
    to.settings.push_back({{}, std::move(key), std::move(says), std::move(value), std::move(source), {}, {}});
  };
  add_policy(home, to, setting);
  add_keys(home, now, to, setting);
}

}  // namespace freehold::app
