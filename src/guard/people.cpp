#include "guard/people.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/utf8.h"
#include "guard/policy.h"

namespace freehold::guard {
namespace {

constexpr std::size_t kLongestName = 64;  // bytes of what somebody is called

Entrance refused(std::string rule, std::string message, bool attempt = true) {
  return {.principal = {}, .rule = std::move(rule), .message = std::move(message), .attempt = attempt};
}

Principal with_grant(const Grant& grant, std::string id, std::string name, Role role) {
  Principal who;
  who.tenant = who.key_id = std::move(id);
  who.name = std::move(name);
  who.role = role;
  who.label = grant.label;
  who.ceiling = grant.ceiling;
  who.models = grant.models;
  who.limits = grant.limits;
  return who;
}

// The texts of a claim: one, or a list of them.
std::vector<std::string_view> texts_of(const format::Value& claims, const std::vector<std::string>& path) {
  const format::Value* at = &claims;
  for (const std::string& name : path) {
    at = at->is_object() ? at->member(name) : nullptr;
    if (at == nullptr) return {};
  }
  if (const auto one = at->as_string()) return {*one};
  return at->as_strings().value_or(std::vector<std::string_view>{});
}

std::string called(const IssuerRule& rule, const format::Value& claims, const std::string& subject) {
  const format::Value* member = rule.name_claim.empty() ? nullptr : claims.member(rule.name_claim);
  const auto name = member != nullptr ? member->as_string() : std::nullopt;
  return printable(name && !name->empty() ? *name : std::string_view(subject), kLongestName);
}

struct ByName {
  CertificateRule::By by;
  std::string_view name;
};
constexpr ByName kBy[] = {{CertificateRule::By::dns, "dns"},
                          {CertificateRule::By::email, "email"},
                          {CertificateRule::By::uri, "uri"},
                          {CertificateRule::By::name, "cn"},
                          {CertificateRule::By::fingerprint, "sha256"}};

// A pattern of a certificate's names; without '*' the whole name, which has no tags.
bool fits_name(const std::string& pattern, std::string_view name) {
  return pattern.find('*') == std::string::npos ? pattern == name : matches(pattern, name);
}

// What of a certificate a rule fits; empty: nothing.
std::string fitting(const CertificateRule& rule, const CertificateFacts& c) {
  const auto among = [&](const std::vector<std::string>& all) {
    const auto found =
        std::find_if(all.begin(), all.end(), [&](const std::string& text) { return fits_name(rule.value, text); });
    return found == all.end() ? std::string() : *found;
  };
  switch (rule.by) {
    case CertificateRule::By::dns:
      return among(c.dns);
    case CertificateRule::By::email:
      return among(c.email);
    case CertificateRule::By::uri:
      return among(c.uri);
    case CertificateRule::By::name:
      return among(c.common_name.empty() ? std::vector<std::string>{} : std::vector{c.common_name});
    default:
      return rule.value == c.fingerprint ? c.fingerprint : std::string();
  }
}

}  // namespace

std::string_view name_of(CertificateRule::By by) {
  return kBy[static_cast<std::size_t>(by)].name;
}

std::string person_id(std::string_view issuer, std::string_view subject) {
  return fmt::format("{}|{}", issuer, subject);
}

bool is_person(std::string_view id) {
  return id.find('|') != std::string_view::npos;
}

std::string_view issuer_of(std::string_view id) {
  return id.substr(0, id.find('|'));
}

const IssuerRule* issuer_rule(const Policy& policy, std::string_view issuer) {
  const auto found = std::find_if(policy.sign_in.begin(), policy.sign_in.end(),
                                  [&](const IssuerRule& rule) { return rule.issuer == issuer; });
  return found == policy.sign_in.end() ? nullptr : &*found;
}

Entrance admit(const IssuerRule& rule, const Token& token, std::int64_t now) {
  // Its signature was right: whoever has it has it of its issuer, and is not guessing.
  const bool usual = token.type.empty() || token.type == "jwt" || token.type == "at+jwt";
  if (rule.type.empty() ? !usual : token.type != rule.type) {
    return refused("sign_in.type", "the token is of another kind: this server wants access tokens", false);
  }
  const auto claims = claims_of(token.claims);
  if (!claims)
    return refused("sign_in.claims", fmt::format("the token is not complete: {}", claims.error().what), false);
  if (claims->issuer != rule.issuer) return refused("sign_in.issuer", "the token is from another issuer");
  const auto not_in = [&](std::string rule_name, std::string message) {
    Entrance out = refused(std::move(rule_name), std::move(message), false);
    out.known = Known{person_id(rule.issuer, claims->subject), called(rule, token.claims, claims->subject), {}};
    return out;
  };
  const bool meant = std::any_of(claims->audiences.begin(), claims->audiences.end(), [&](const std::string& audience) {
    return std::find(rule.audiences.begin(), rule.audiences.end(), audience) != rule.audiences.end();
  });
  if (!meant) return not_in("sign_in.audience", "the token is for another service (aud)");
  if (now >= claims->expires + kLeeway) return not_in("sign_in.expired", "the token has expired (exp)");
  const std::int64_t from = std::max(claims->not_before.value_or(0), claims->issued.value_or(0));
  if (now < from - kLeeway) return not_in("sign_in.early", "the token is not valid yet (nbf, iat)");
  const auto held = texts_of(token.claims, rule.role_claim);
  const auto mapped = std::find_if(rule.roles.begin(), rule.roles.end(), [&](const auto& one) {
    return std::find(held.begin(), held.end(), one.first) != held.end();
  });
  if (mapped == rule.roles.end()) {
    return not_in("sign_in.role", "the token is valid, but the policy has no role for who it is of");
  }
  Entrance in;
  in.principal = with_grant(rule.grant, person_id(rule.issuer, claims->subject),
                            called(rule, token.claims, claims->subject), mapped->second);
  in.rule = "sign_in.role";
  in.until = claims->expires + kLeeway;
  return in;
}

Entrance admit(const Policy& policy, const CertificateFacts& certificate, std::int64_t now) {
  const auto not_in = [&](std::string rule, std::string message) {
    Entrance out = refused(std::move(rule), std::move(message), false);
    out.known = Known{person_id(kCertificates, "sha256:" + certificate.fingerprint),
                      printable(certificate.common_name, kLongestName),
                      {}};
    return out;
  };
  // The handshake has looked at it, and a session may go on for long.
  if (now >= certificate.not_after) return not_in("certificates.expired", "the certificate has expired");
  for (const CertificateRule& rule : policy.certificates) {
    const std::string what = fitting(rule, certificate);
    const bool plain = what.size() <= 255 && std::all_of(what.begin(), what.end(), [](char c) {
                         return static_cast<unsigned char>(c) >= ' ' && c != 0x7F;
                       });
    if (what.empty() || !plain || !is_utf8(what)) continue;
    Entrance in;
    in.principal = with_grant(rule.grant, person_id(kCertificates, fmt::format("{}:{}", name_of(rule.by), what)),
                              printable(what, kLongestName), rule.role);
    in.rule = "certificates." + std::string(name_of(rule.by));
    in.until = certificate.not_after;
    return in;
  }
  return not_in("certificates", "the certificate is valid, but the policy has no rule for it");
}

std::optional<Principal> as_before(const Policy& policy, const std::string& id, const std::string& name, Role role) {
  const std::string_view issuer = issuer_of(id);
  if (const IssuerRule* rule = issuer_rule(policy, issuer)) {
    const bool still =
        std::any_of(rule->roles.begin(), rule->roles.end(), [&](const auto& one) { return one.second == role; });
    return still ? std::optional(with_grant(rule->grant, id, name, role)) : std::nullopt;
  }
  if (issuer != kCertificates) return std::nullopt;
  const std::string_view what = std::string_view(id).substr(issuer.size() + 1);
  for (const CertificateRule& rule : policy.certificates) {
    const std::string prefix = std::string(name_of(rule.by)) + ":";
    if (rule.role != role || !what.starts_with(prefix) || !fits_name(rule.value, what.substr(prefix.size()))) continue;
    return with_grant(rule.grant, id, name, role);
  }
  return std::nullopt;
}

}  // namespace freehold::guard
