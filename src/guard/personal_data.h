// What is done with personal data on its way: rules of the policy, of which the first that fits decides. What no rule
// names is let pass as it is (docs/adr/0051).
#pragma once

#include <array>
#include <bitset>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "guard/principal.h"
#include "pii/kinds.h"

namespace freehold::guard {

struct Policy;

enum class Way : std::uint8_t {
  request,   // what a model is asked, before it is a prompt
  answer,    // what a model writes, before it is given
  vendor,    // what goes to a vendor; a rule for requests is one for vendors, too
  log,       // what is kept of both (serve --keep-content)
  training,  // rows that a model learns from
  run,       // what `freehold run` and its chat ask
};
inline constexpr std::size_t kWays = 6;
std::string_view name_of(Way way);
std::optional<Way> way_from_name(std::string_view name);

enum class Treatment : std::uint8_t {
  allow,
  mask,          // the kind's name stands there: "[email]"
  pseudonymise,  // a token that stands for the value within a tenant: "[EMAIL_mdkcafobhneg]"
  block,         // refused
  local_only,    // refused on the way to a vendor, otherwise let pass
  report,        // let pass, counted and said
};
inline constexpr std::size_t kTreatments = 6;
std::string_view name_of(Treatment treatment);
std::string_view name_of(pii::Group group);  // as rules have it
std::optional<Treatment> treatment_from_name(std::string_view name);
// What a rule may say of a way: an answer cannot be kept from a vendor, what is kept is kept somehow, and only
// commands have somebody to report to.
bool can(Way way, Treatment treatment);

using Kinds = std::bitset<pii::kKinds>;
// A kind by its name, or several: "*", "names", "places", "times", "contacts", "financial", "national", "medical",
// "identifiers", "secrets". Empty: there is nothing of that name.
Kinds kinds_from_name(std::string_view name);

// Conditions that are empty hold for all.
struct PersonalRule {
  Way way = Way::request;
  Kinds kinds;
  Treatment treatment = Treatment::allow;
  std::string label;                // at least this one is carried by the exchange
  std::vector<std::string> models;  // patterns (policy.h: matches); on the way to vendors of vendors' names
  std::vector<Role> roles;
  bool restore = true;  // of pseudonymise: in the answer to who asked the values stand again
  std::size_t line = 0;
};

struct PersonalData {
  pii::Profile profile = pii::Profile::gdpr;
  std::vector<PersonalRule> rules;
};

// What is to be done on one way of one exchange, by kind.
struct Treatments {
  std::array<Treatment, pii::kKinds> of{};        // allow
  std::array<std::uint16_t, pii::kKinds> rule{};  // that decided: from 1, 0: none
  bool restore = false;                           // every rule that pseudonymises lets it
  pii::Profile profile = pii::Profile::gdpr;

  Treatment at(pii::Kind kind) const { return of[static_cast<std::size_t>(kind)]; }
  bool any() const;  // there is something to look for
  bool has(Treatment treatment) const;
};
// `label`: of the exchange; one that the policy does not know is above all. `model`: as the policy's ceilings name it.
Treatments treatments(const Policy& policy, Way way, Role role, std::string_view label, std::string_view model);

}  // namespace freehold::guard
