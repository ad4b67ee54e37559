// People whom somebody else vouches for: an issuer of tokens (OpenID Connect), or a certificate authority. The policy
// says who of them gets in and as what; who is not named does not. Pure: what was claimed has been verified before.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "guard/principal.h"
#include "guard/token.h"

namespace freehold::guard {

struct Policy;

// What a key has of its own (keys.h), for everybody of one rule.
struct Grant {
  std::string label;
  std::optional<std::string> ceiling;
  Models models;
  Limits limits;
  bool operator==(const Grant&) const = default;
};

// An issuer of tokens.
struct IssuerRule {
  std::string issuer;                               // "iss", exactly; an address that begins with https:// or http://
  std::vector<std::string> audiences;               // of "aud", one has to be among these
  std::filesystem::path keys;                       // its JWKS
  std::vector<std::string> role_claim;              // where the claim is: {"groups"}, {"realm_access", "roles"}
  std::vector<std::pair<std::string, Role>> roles;  // of what is in the claim; the first that is there counts
  std::string name_claim;                           // what they are called; "sub" unless said
  std::string type;  // "typ" that tokens must have, in lower case; empty: none, "jwt" or "at+jwt"
  Grant grant;
};

// Client certificates (TLS), by what stands in them.
struct CertificateRule {
  enum class By : std::uint8_t { dns, email, uri, name, fingerprint };
  By by = By::dns;
  std::string value;  // a pattern (matches()); of a fingerprint, 64 digits of SHA-256 in lower case
  Role role = Role::user;
  Grant grant;
};
std::string_view name_of(CertificateRule::By by);  // "dns", "email", "uri", "cn", "sha256"

// What a certificate says that was verified against the authorities of the server.
struct CertificateFacts {
  std::string fingerprint;                   // SHA-256 of the whole, 64 digits in lower case
  std::string common_name;                   // of the subject; may be empty
  std::vector<std::string> dns, email, uri;  // subjectAltName
  std::int64_t not_after = 0;                // seconds since 1970
};

// Who somebody is, as far as it is known of those who are not let in.
struct Known {
  std::string id, name;
  std::optional<Role> role;  // nothing: the policy has none for them
  bool operator==(const Known&) const = default;
};

// Whether somebody is let in, and as whom.
struct Entrance {
  std::optional<Principal> principal;
  std::string rule = {};     // what decided: "sign_in.signature", "keys.revoked"; of a key that is none, empty
  std::string message = {};  // of a refusal: for who asked
  bool attempt = false;      // a refusal that may be guessing, or forging
  std::uint64_t mark = 0;    // of an attempt: the same for the same text, in this process
  bool busy = false;         // a refusal for now: try again in a moment
  std::int64_t until = 0;    // of a token: when it ends, leeway included
  // Of a refusal: whose key, token or certificate it is, where that is genuine. For the log, not for who asked.
  std::optional<Known> known = {};
};

inline constexpr std::int64_t kLeeway = 60;  // seconds that clocks may differ by

// "issuer|subject": the id of somebody's principal and their tenant. No key's id has a '|'.
std::string person_id(std::string_view issuer, std::string_view subject);
bool is_person(std::string_view id);
// The issuer of such an id, or "certificate".
std::string_view issuer_of(std::string_view id);
inline constexpr std::string_view kCertificates = "certificate";

// The rule of an issuer; null: none.
const IssuerRule* issuer_rule(const Policy& policy, std::string_view issuer);

// A token whose signature is right. `now`: seconds since 1970.
Entrance admit(const IssuerRule& rule, const Token& token, std::int64_t now);
// A certificate: by the first rule that fits it.
Entrance admit(const Policy& policy, const CertificateFacts& certificate, std::int64_t now);

// Somebody who was let in before, for work that goes on without them. Nothing if the policy has no rule for them now.
std::optional<Principal> as_before(const Policy& policy, const std::string& id, const std::string& name, Role role);

}  // namespace freehold::guard
