// Key texts to principals: the keys of the database and those given by hand, in constant time and with bounded work.
// The idea: Argon2id takes tens of milliseconds, so a key is verified by it once a process; from then on its keyed
// BLAKE2b (with a random key that never leaves the process) is compared. An id has one secret only, so from then on a
// wrong one is refused without Argon2id too. Before, wrong secrets of a known id are tried a few times a second at
// most, and one at a time; an unknown id is refused at once.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "guard/keys.h"
#include "guard/principal.h"

namespace freehold::guard {

// Time since some fixed moment; never goes backwards.
using SteadyClock = std::function<std::chrono::nanoseconds()>;
std::chrono::nanoseconds steady_now();

struct AuthenticatorOptions {
  // Key texts given by hand, each a principal with the role user and no limits. Its id is "given-" and 12 hexadecimal
  // digits made of the text, so that what a key has stored stays that key's, in whatever order they are given.
  std::vector<std::string> given;
  WallClock wall = wall_seconds;
  SteadyClock steady = steady_now;
};

// Thread-safe.
class Authenticator {
 public:
  // `keys`: where the database's keys come from; nothing: only those given by hand. Errors: invalid (a key by hand
  // that is empty, longer than 512 bytes or not of visible ASCII), and those of reading the database.
  static Result<Authenticator> create(std::optional<Keys> keys, AuthenticatorOptions options = {});
  Authenticator(Authenticator&&) noexcept;
  Authenticator& operator=(Authenticator&&) noexcept;
  ~Authenticator();

  // The principal of a valid key. What another process has changed in the database counts at most half a second
  // later; while the database cannot be read, its keys stop being valid after a second.
  std::optional<Principal> authenticate(std::string_view key) const;

  // Whether such an id is that of a key given by hand.
  bool is_given(std::string_view id) const;
  // Whether it is, and no other key is accepted.
  bool is_only(std::string_view id) const;
  // The ids of the database's keys that have stopped being valid (revoked, expired, not there any more) since the last
  // call. Looks at the database as authenticate() does.
  std::vector<std::string> gone() const;

  // Why the database could not be read the last time; nothing if it could.
  std::optional<Error> trouble() const;

  // How often Argon2id ran, for tests and metrics.
  std::uint64_t slow_verifications() const;

 private:
  struct State;
  explicit Authenticator(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace freehold::guard
