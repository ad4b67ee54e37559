// Tokens of the issuers that the policy names, verified by their keys, which are files: nothing is fetched. A file that
// was changed is read again within about a second; while it cannot be read, its issuer vouches for nobody. What was
// verified is remembered by its fingerprint until it ends or the keys change, so that a request costs one signature.
#pragma once

#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "guard/jwk.h"
#include "guard/people.h"
#include "guard/secret.h"
#include "guard/steady_clock.h"

namespace freehold::guard {

// The keys of an issuer as they are now. Errors: of reading the file; invalid (jwk.h). Both name it.
Result<KeySet> read_keys(const IssuerRule& rule);

// Thread-safe.
class SignIn {
 public:
  // Errors: of reading an issuer's keys, with its name.
  static Result<SignIn> create(std::vector<IssuerRule> rules, SteadyClock steady = steady_now);
  SignIn(SignIn&&) noexcept;
  SignIn& operator=(SignIn&&) noexcept;
  ~SignIn();

  // Nothing: this is no token of an issuer that is known here. `now`: seconds since 1970; `print`: of the text.
  std::optional<Entrance> enter(std::string_view text, const Fingerprints::Print& print, std::int64_t now) const;

  // Why an issuer's keys could not be read the last time; nothing if all could.
  std::optional<Error> trouble() const;
  std::uint64_t verifications() const;  // signatures that were worked out, for tests

 private:
  struct State;
  explicit SignIn(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace freehold::guard
