// Who may do what with which data: one pure function decides, and what no rule allows is denied.
//
// 1. Labels say how much harm data could do; they are in a total order, lowest first. A request carries the highest of
//    its key's, of what it says itself and of what it goes on from (Principal::carries).
// 2. A ceiling is the highest label that a thing may be given; a thing that holds labelled data (an adapter that was
//    trained on it) is given to nobody who is not cleared for that label, and what comes out of it carries it.
// 3. Whatever is not known (a label that the policy does not name) is above every ceiling and below every label.
//
// Nothing else in the program compares roles or labels (docs/adr/0046).
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "guard/people.h"
#include "guard/personal_data.h"
#include "guard/principal.h"
#include "guard/retention.h"

namespace freehold::guard {

enum class Action : std::uint8_t {
  read,     // lists, the server's state, what is one's own
  ask,      // a model: answers, vectors, tokens; and to tune one
  keep,     // files, batches, made models: to make and to delete what is one's own
  manage,   // names of the store, adapters, fetching: what is everybody's
  records,  // what others asked for: who, when, how much; no word of it
  metrics,  // what others' requests took
};
inline constexpr std::size_t kActions = 6;
std::string_view name_of(Action action);
std::optional<Action> action_from_name(std::string_view name);

// What is to be used. The texts are the caller's.
struct Resource {
  enum class Kind : std::uint8_t {
    none,    // no thing of its own: the action alone
    model,   // `name`: as clients call it
    vendor,  // `name`: "openai/gpt-4o", "10.0.0.7:8000/llama"
    data,    // what somebody has left here: a file, an answer
    export_  // `name`: "audit"
  };
  Kind kind = Kind::none;
  std::string_view name;
  std::vector<std::string> ceilings;  // each of them holds
  std::vector<std::string> labels;    // of what is in it
};

struct Rights {
  std::array<bool, kActions> actions{};
  std::vector<std::string> models;  // patterns (matches())
  std::string label;                // the highest that it may touch
  bool reason = false;              // every use needs one, and is told to who looks after the server
  bool may(Action action) const { return actions[static_cast<std::size_t>(action)]; }
};

// The ceiling of everything whose name fits.
struct CeilingRule {
  std::string pattern;
  std::string ceiling;
};

struct Policy {
  std::vector<std::string> labels;  // lowest first, 1 to 32
  std::array<Rights, kRoles> roles;
  std::vector<CeilingRule> models, vendors;                 // all that fit hold
  std::map<std::string, std::string, std::less<>> exports;  // ceilings; what is not named: the highest label
  std::vector<IssuerRule> sign_in;                          // whose tokens are accepted; one rule an issuer
  std::vector<CertificateRule> certificates;                // who of those with a certificate gets in
  PersonalData personal_data;                               // without rules: let pass
  Retention retention;                                      // without rules: everything is kept

  const Rights& of(Role role) const { return roles[static_cast<std::size_t>(role)]; }
  const std::string& lowest() const { return labels.front(); }
  const std::string& highest() const { return labels.back(); }
  std::optional<std::size_t> rank(std::string_view label) const;  // nothing: no such label
  std::string names() const;                                      // "public, internal, personal, health"
};

// Without a file: public < internal < personal < health; every role up to the highest; vendors up to the lowest.
Policy default_policy();

// A policy file (docs/policy.md), over what default_policy() says. `file`: its name, for messages and for the files
// that it names, which are found beside it. Errors: invalid, with the line.
Result<Policy> parse_policy(std::string_view yaml, std::string_view file);
// $FREEHOLD_HOME/policy.yaml, or the default where there is none.
std::filesystem::path policy_path(const std::filesystem::path& home);
Result<Policy> load_policy(const std::filesystem::path& home);
// Of a policy's file, as the log has it of a server that was started with it: "sha256:…", or "default" where there is
// none.
std::string policy_digest(const std::filesystem::path& file);
// Errors: those of reading the file; invalid.
Result<Policy> read_policy(const std::filesystem::path& file);

struct Decision {
  bool allowed = false;
  bool unseen = false;  // denied so that the thing shall look as if it were not there
  std::string rule;     // what decided: "roles.user.actions", "key.models", "model.ceiling", "default"
  std::string label;    // of the exchange, if it takes place: the highest of all that meets in it
  std::string ceiling;  // that it does not fit under
  std::string kinds;    // of personal data that is refused, with their counts
  std::string message;  // of a denial: for who asked
};

// `label`: of data that the request brings beside what it says of itself; may be empty.
Decision decide(const Policy& policy, const Principal& who, Action action, const Resource& resource,
                std::string_view label = {});

// What a label may be called: 1 to 32 of a-z, 0-9, '-' and '_', not beginning with '-'.
bool is_label(std::string_view text);

// '*' stands for anything; a pattern without one as in allows(): a name, or with all its tags.
bool matches(std::string_view pattern, std::string_view name);

}  // namespace freehold::guard
