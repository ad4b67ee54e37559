// What the policy wants done with personal data on one way of one exchange (guard/personal_data.h), done to texts and
// counted. One part of the server knows what a rule means; who has a text asks it.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "api/call.h"
#include "audit/entry.h"
#include "audit/vault.h"
#include "guard/personal_data.h"
#include "pii/rewriter.h"

namespace freehold::app {

// What stands for a value already at the beginning of `text`: "[email]", "[EMAIL_mdkcafobhneg]"; empty: nothing does.
std::string_view mark_at(std::string_view text);
// Whether more text may make `text` begin with one.
bool may_begin_mark(std::string_view text);

// One thread. Without treatments every text passes, and costs nothing.
class Veil {
 public:
  // The token of a value, without brackets.
  using Token = std::function<std::string(std::string_view kind, std::string_view value)>;

  Veil() = default;
  // `token` may be empty if nothing is pseudonymised.
  Veil(guard::Way way, guard::Treatments treatments, Token token = {})
      : way_(way), treatments_(treatments), token_(std::move(token)), active_(treatments.any()) {}

  bool active() const { return active_; }
  const guard::Treatments& treatments() const { return treatments_; }

  // A whole text; nothing: it stays as it is.
  std::optional<std::string> changed(std::string_view text);
  // A string of JSON, beside the name of its member, which tells what a number is ("ssn").
  std::optional<std::string> changed_beside(std::string_view name, std::string_view text);
  // A number of JSON, which is 0 instead, since whoever reads it wants one.
  std::optional<std::string> changed_number(std::string_view name, std::string_view number);
  // For pii::Rewriter: what is found, counted.
  std::optional<std::string> replacement(pii::Kind kind, std::string_view value);

  // What another one has counted with the same treatments.
  void add(const Veil& other);
  // How many were found of what is not let pass.
  std::uint64_t found() const;
  bool blocked() const { return blocked_; }
  // What stands in the place of values, by token.
  const audit::Pseudonyms& pseudonyms() const { return pseudonyms_; }
  std::uint64_t count(guard::Treatment treatment) const;

  // Counts by treatment and kind: {"mask": {"email": 2}}. Empty if nothing was found.
  audit::Object entry() const;
  // "masked=2 blocked=1 kinds=card,email". Empty if nothing was found.
  std::string summary() const;
  // 403 that names kinds, numbers of them, and no value; and the rules that decided, for the log:
  // "personal_data.2".
  api::Failure refusal() const;
  std::string rule() const;
  std::string refused_kinds() const;  // "card (1), email (2)"

 private:
  bool refuses(guard::Treatment treatment) const;

  guard::Way way_ = guard::Way::request;
  guard::Treatments treatments_;
  Token token_;
  bool active_ = false, blocked_ = false;
  std::array<std::uint64_t, pii::kKinds> counts_{};
  audit::Pseudonyms pseudonyms_;
};

// What every answer had to do with it, since the start: of each way, by treatment.
class VeilCounters {
 public:
  void add(guard::Way way, const Veil& veil);
  std::uint64_t of(guard::Way way, guard::Treatment treatment) const;

 private:
  std::array<std::array<std::atomic<std::uint64_t>, guard::kTreatments>, guard::kWays> counts_{};
};

}  // namespace freehold::app
