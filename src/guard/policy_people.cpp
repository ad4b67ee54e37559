// The sections `sign_in` and `certificates` of a policy file.
#include <fmt/format.h>

#include <algorithm>

#include "base/utf8.h"
#include "guard/policy.h"
#include "guard/policy_reader.h"

namespace freehold::guard {
namespace {

constexpr std::size_t kMostIssuers = 16, kLongestIssuer = 300, kMostMapped = 1000, kLongestText = 200;
constexpr std::size_t kFingerprint = 64;  // digits
constexpr std::int64_t kMostOfAPersonsLimit = 1'000'000'000'000;

std::string in_lower_case(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return out;
}

class PeopleReader : private PolicyReader {
 public:
  using PolicyReader::PolicyReader;

  Result<> read(const YamlNode& root) {
    if (const YamlNode* node = root.member("sign_in")) {
      if (!node->is_list() || node->items.size() > kMostIssuers) {
        return wrong(*node, fmt::format("'sign_in' must be a list of at most {} issuers", kMostIssuers));
      }
      for (const YamlNode& one : node->items) FH_TRY_VOID(issuer(one));
    }
    if (const YamlNode* node = root.member("certificates")) {
      if (!node->is_list() || node->items.size() > kMostRules) {
        return wrong(*node, fmt::format("'certificates' must be a list of at most {} rules", kMostRules));
      }
      for (const YamlNode& one : node->items) FH_TRY_VOID(certificate(one));
    }
    return {};
  }

 private:
  Result<const YamlNode*> needed(const YamlNode& map, std::string_view key, std::string_view of) const {
    if (const YamlNode* node = map.member(key)) return node;
    return wrong(map, fmt::format("{} needs '{}'", of, key));
  }

  Result<Role> role(const YamlNode& node, std::string_view key) const {
    if (node.is_scalar()) {
      if (const auto known = role_from_name(node.text)) return *known;
    }
    return wrong(node,
                 fmt::format("'{}' must be a role: admin, operator, user, auditor, break-glass", printable(key, 60)));
  }

  Result<> issuer(const YamlNode& node) {
    if (!node.is_map()) return wrong(node, "an issuer of 'sign_in' must be a map");
    FH_TRY_VOID(
        only(node, {"issuer", "audience", "keys", "role", "name", "type", "label", "ceiling", "models", "limits"}));
    IssuerRule rule;
    FH_TRY(const YamlNode* const name, needed(node, "issuer", "an issuer of 'sign_in'"));
    FH_TRY(rule.issuer, line(*name, "issuer", kLongestIssuer));
    const bool address = rule.issuer.starts_with("https://") || rule.issuer.starts_with("http://");
    if (!address || rule.issuer.find('|') != std::string::npos || rule.issuer.find(' ') != std::string::npos) {
      return wrong(*name, "'issuer' must be an address that begins with https://, as 'iss' of the tokens has it");
    }
    if (issuer_rule(policy_, rule.issuer) != nullptr) return wrong(*name, "this issuer is there twice");
    FH_TRY(const YamlNode* const audience, needed(node, "audience", "an issuer of 'sign_in'"));
    FH_TRY(rule.audiences, texts(*audience, "audience"));
    const auto empty = [](const std::string& text) { return text.empty() || text.size() > kLongestText; };
    if (rule.audiences.empty() || std::any_of(rule.audiences.begin(), rule.audiences.end(), empty)) {
      return wrong(*audience, "'audience' must be what 'aud' of the tokens has to name");
    }
    FH_TRY(const YamlNode* const keys, needed(node, "keys", "an issuer of 'sign_in'"));
    FH_TRY(const std::string file, line(*keys, "keys", 4096));
    rule.keys = std::filesystem::path(file_).parent_path() / file;
    FH_TRY(const YamlNode* const roles, needed(node, "role", "an issuer of 'sign_in'"));
    FH_TRY_VOID(role_map(*roles, rule));
    if (const YamlNode* called = node.member("name")) {
      FH_TRY(rule.name_claim, line(*called, "name", kLongestText));
    }
    if (const YamlNode* type = node.member("type")) {
      FH_TRY(const std::string text, line(*type, "type", kLongestText));
      rule.type = in_lower_case(text);  // without "application/", as token.h has it
      if (constexpr std::string_view kMedia = "application/"; rule.type.starts_with(kMedia))
        rule.type.erase(0, kMedia.size());
      if (rule.type.empty()) return wrong(*type, "'type' must be what 'typ' of the tokens is");
    }
    FH_TRY_VOID(grant(node, rule.grant));
    policy_.sign_in.push_back(std::move(rule));
    return {};
  }

  Result<> role_map(const YamlNode& node, IssuerRule& rule) const {
    if (!node.is_map()) return wrong(node, "'role' must be a map: {claim: groups, map: {NAME: ROLE}}");
    FH_TRY_VOID(only(node, {"claim", "map"}));
    FH_TRY(const YamlNode* const claim, needed(node, "claim", "'role'"));
    FH_TRY(rule.role_claim, texts(*claim, "claim"));
    if (rule.role_claim.empty() || rule.role_claim.size() > 4) {
      return wrong(*claim, "'claim' must be the name of a claim, or the way to one in 2 to 4 names");
    }
    FH_TRY(const YamlNode* const map, needed(node, "map", "'role'"));
    if (!map->is_map() || map->members.empty() || map->members.size() > kMostMapped) {
      return wrong(*map, fmt::format("'map' must have 1 to {} names and their roles", kMostMapped));
    }
    for (const auto& [name, value] : map->members) {
      FH_TRY(const Role to, role(value, name));
      rule.roles.emplace_back(name, to);
    }
    return {};
  }

  Result<> certificate(const YamlNode& node) {
    if (!node.is_map()) return wrong(node, "a rule of 'certificates' must be a map");
    FH_TRY_VOID(only(node, {"dns", "email", "uri", "cn", "sha256", "role", "label", "ceiling", "models", "limits"}));
    CertificateRule rule;
    int named = 0;
    for (const auto by : {CertificateRule::By::dns, CertificateRule::By::email, CertificateRule::By::uri,
                          CertificateRule::By::name, CertificateRule::By::fingerprint}) {
      const YamlNode* value = node.member(name_of(by));
      if (value == nullptr) continue;
      ++named;
      rule.by = by;
      FH_TRY(rule.value, line(*value, name_of(by), kLongestText));
      if (by == CertificateRule::By::dns) rule.value = in_lower_case(rule.value);  // as http::PeerCertificate has them
      if (by != CertificateRule::By::fingerprint) continue;
      // As `openssl x509 -fingerprint -sha256` writes it, too.
      std::erase(rule.value, ':');
      rule.value = in_lower_case(rule.value);
      if (rule.value.size() != kFingerprint || rule.value.find_first_not_of("0123456789abcdef") != std::string::npos) {
        return wrong(*value, "'sha256' must be a fingerprint: 64 hexadecimal digits, with or without colons");
      }
    }
    if (named != 1) return wrong(node, "a rule of 'certificates' has one of dns, email, uri, cn and sha256");
    FH_TRY(const YamlNode* const as, needed(node, "role", "a rule of 'certificates'"));
    FH_TRY(rule.role, role(*as, "role"));
    FH_TRY_VOID(grant(node, rule.grant));
    policy_.certificates.push_back(std::move(rule));
    return {};
  }

  Result<> grant(const YamlNode& node, Grant& to) const {
    if (const YamlNode* value = node.member("label")) {
      FH_TRY(to.label, label(*value, "label"));
    }
    if (const YamlNode* value = node.member("ceiling")) {
      FH_TRY(to.ceiling, label(*value, "ceiling"));
      if (policy_.rank(to.label).value_or(0) > *policy_.rank(*to.ceiling)) {
        return wrong(*value, fmt::format("requests that carry {} cannot have the ceiling {}", to.label, *to.ceiling));
      }
    }
    if (const YamlNode* value = node.member("models")) {
      FH_TRY(to.models.emplace(), texts(*value, "models"));
      if (to.models->empty() || to.models->size() > kMostRules) {
        return wrong(*value, fmt::format("'models' names 1 to {}; leave it out for every model", kMostRules));
      }
      for (const std::string& model : *to.models) {
        FH_TRY_VOID(check_pattern(*value, model));
        if (model.find('*') != std::string::npos) return wrong(*value, "'models' has names here, not patterns");
      }
    }
    const YamlNode* limits = node.member("limits");
    if (limits == nullptr) return {};
    if (!limits->is_map()) return wrong(*limits, "'limits' must be a map");
    FH_TRY_VOID(only(*limits, {"requests_per_minute", "tokens_per_minute", "concurrency"}));
    for (const auto& [key, value] : limits->members) {
      const auto number = value.as_integer();
      if (!number || *number < 1 || *number > kMostOfAPersonsLimit) {
        return wrong(value, fmt::format("'{}' must be a number from 1 to {}", key, kMostOfAPersonsLimit));
      }
      auto& limit = key == "concurrency"         ? to.limits.concurrency
                    : key == "tokens_per_minute" ? to.limits.tokens_per_minute
                                                 : to.limits.requests_per_minute;
      limit = static_cast<std::uint64_t>(*number);
    }
    return {};
  }
};

}  // namespace

Result<> read_people(std::string_view file, const format::YamlNode& root, Policy& policy) {
  return PeopleReader(file, policy).read(root);
}

}  // namespace freehold::guard
