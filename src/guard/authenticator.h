// Who is asking: key texts (the database's, and those given by hand), tokens of issuers and client certificates to
// principals, in constant time and with bounded work.
// The idea: Argon2id takes tens of milliseconds, so a key is verified by it once a process; from then on its keyed
// BLAKE2b (with a random key that never leaves the process) is compared. An id has one secret only, so from then on a
// wrong one is refused without Argon2id too. Before, wrong secrets of a known id are tried a few times a second at
// most from one address, some more from all together, and one at a time; an unknown id is refused at once.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "guard/keys.h"
#include "guard/people.h"
#include "guard/person_book.h"
#include "guard/policy.h"
#include "guard/principal.h"
#include "guard/sign_in.h"
#include "guard/steady_clock.h"

namespace freehold::guard {

struct AuthenticatorOptions {
  // Key texts given by hand, each a principal with the role user and no limits. Its id is "given-" and 12 hexadecimal
  // digits made of the text, so that what a key has stored stays that key's, in whatever order they are given.
  std::vector<std::string> given;
  WallClock wall = wall_seconds;
  SteadyClock steady = steady_now;
  // People whom others vouch for: what the policy says of them, and where it is kept who is blocked. Without a book
  // there are none.
  Policy policy = default_policy();
  std::optional<PersonBook> people = {};
};

// From where somebody asks.
struct Origin {
  std::string_view address = {};
  // The address has to wait (lockout.h): what could be guessed (a key by hand of less than 32 characters), and what
  // would cost Argon2id, is refused for now.
  bool waits = false;
  // What was let in a moment ago is asked about again: nothing that costs Argon2id is tried.
  bool again = false;
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

  // The principal of a valid key. What another process has changed in the database before the call counts;
  // while the database cannot be read, its keys stop being valid after a second.
  std::optional<Principal> authenticate(std::string_view key) const { return judge(key).principal; }
  // The same of a key or a token, with the reason of a refusal.
  Entrance judge(std::string_view text, const Origin& origin = {}) const;
  // Of a certificate that the handshake has verified.
  Entrance judge(const CertificateFacts& certificate, bool again = false) const;
  // Somebody whom others vouch for and who was here within kGoesOnFor, for what they left: nothing if they are blocked,
  // or the policy has no place for them any more.
  std::optional<Principal> as_before(std::string_view id) const;

  // Whether such an id is that of a key given by hand.
  bool is_given(std::string_view id) const;
  // Whether it is, and no other key is accepted.
  bool is_only(std::string_view id) const;
  // The ids of the database's keys that have stopped being valid (revoked, expired, not there any more), and of people
  // who were blocked or have not been here for a day, since the last call. Looks at the database as authenticate()
  // does.
  std::vector<std::string> gone() const;

  // Why the database, or the keys of an issuer, could not be read the last time; nothing if they could.
  std::optional<Error> trouble() const;

  // How often Argon2id ran, for tests and metrics.
  std::uint64_t slow_verifications() const;

 private:
  struct State;
  Entrance judge(std::string_view text, const Fingerprints::Print& print, const Origin& origin) const;
  explicit Authenticator(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace freehold::guard
