// Who is asking: what a key gives to its holder. No secret is in here.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace freehold::guard {

enum class Role : std::uint8_t {
  admin,        // everything, keys too
  user,         // inference
  auditor,      // reads usage and audit records, no inference
  operator_,    // models and the running server, no keys
  break_glass,  // for emergencies: every use needs a reason and is told
};
inline constexpr std::size_t kRoles = 5;
// What each may is policy (policy.h).
std::string_view name_of(Role role);  // "admin", "user", "auditor", "operator", "break-glass"
std::optional<Role> role_from_name(std::string_view name);

// Unset: no limit. Set values are at least 1.
struct Limits {
  std::optional<std::uint64_t> requests_per_minute;
  std::optional<std::uint64_t> tokens_per_minute;
  std::optional<std::uint64_t> concurrency;  // requests at the same time
  bool operator==(const Limits&) const = default;
};

// The models that may be used: names as the store knows them. Unset: all.
using Models = std::optional<std::vector<std::string>>;

struct Principal {
  std::string key_id;  // public: may be logged and shown
  std::string name;
  Role role = Role::user;
  std::string tenant;  // whose cached prompts and records are seen; the key's id
  Limits limits;
  Models models;
  std::string label = {};  // that its requests carry; empty: the policy's lowest
  // The highest that it may touch. Unset: of what others have put into a thing, its own label; of what it brings
  // itself, its role's.
  std::optional<std::string> ceiling = {};
  // Of the request that is being decided.
  std::string request = {};               // its id
  std::string reason = {};                // why it is made (Freehold-Reason)
  std::vector<std::string> carries = {};  // labels that it says, and of what it goes on from
  bool background = false;                // made by the program on their behalf
  bool operator==(const Principal&) const = default;
};

// Whether a reason says anything: it has a letter or a digit of some script. Blanks of any kind, signs that are not
// seen and punctuation alone do not.
bool says_something(std::string_view reason);

// Whether `models` names the model, either as it is written or, for a name without a tag, all its tags: "mistral"
// allows "mistral:q4".
bool allows(const Models& models, std::string_view name);

}  // namespace freehold::guard
