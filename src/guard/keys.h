// The keys of $FREEHOLD_HOME/freehold.db: made, listed and revoked. Of a key's secret only an Argon2id hash is kept, so
// its text is shown once, when it is made.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "guard/principal.h"

namespace freehold::guard {

// Seconds since 1970, UTC.
using WallClock = std::function<std::int64_t()>;
std::int64_t wall_seconds();

struct KeyInfo {
  std::string id;  // 8 characters of [a-z2-9]; the public part of the key's text
  std::string name;
  Role role = Role::user;
  std::int64_t created = 0;  // seconds since 1970, UTC, here and below
  std::optional<std::int64_t> expires;
  std::optional<std::int64_t> revoked;
  Limits limits;
  Models models;
  std::string label;                   // that its requests carry; empty: the policy's lowest
  std::optional<std::string> ceiling;  // the highest that it may touch (principal.h)

  bool usable(std::int64_t now) const { return !revoked && (!expires || now < *expires); }
  bool operator==(const KeyInfo&) const = default;
};

struct NewKey {
  std::string name;  // 1 to 64 characters, UTF-8 without control characters
  Role role = Role::user;
  std::optional<std::int64_t> expires;  // in the future
  Limits limits;
  Models models;  // at most 64 names of at most 200 bytes
  std::string label = {};
  std::optional<std::string> ceiling = {};
};

struct CreatedKey {
  KeyInfo info;
  std::string text;  // "fh-" + id + "-" + 43 characters of base64url: 32 random bytes
};

struct StoredKey {
  KeyInfo info;
  std::string hash;  // Argon2id, as libsodium's crypto_pwhash_str writes it
};

// The two parts of a key's text; neither owns.
struct KeyParts {
  std::string_view id;
  std::string_view secret;
};
// Nothing unless `text` has exactly the form of CreatedKey::text.
std::optional<KeyParts> parse_key(std::string_view text);

std::filesystem::path keys_path(const std::filesystem::path& home);     // $FREEHOLD_HOME/freehold.db
std::filesystem::path own_key_path(const std::filesystem::path& home);  // $FREEHOLD_HOME/key

enum class OpenKeys : std::uint8_t {
  create,    // make the file if there is none
  existing,  // Errc::not_found if there is none
};

// One connection: one thread at a time. Several processes may have the file open. Errors of opening: sql/database.h.
class Keys {
 public:
  static Result<Keys> open(const std::filesystem::path& home, OpenKeys how = OpenKeys::create,
                           WallClock clock = wall_seconds);
  Keys(Keys&&) noexcept;
  Keys& operator=(Keys&&) noexcept;
  ~Keys();

  // On return the key is on disk. Errors: invalid, naming the field.
  Result<CreatedKey> create(const NewKey& key);
  Result<std::vector<KeyInfo>> list();  // oldest first
  // Errors: not_found. A key that is revoked already stays as it is.
  Result<KeyInfo> revoke(std::string_view id);

  // A new secret for a key; the old one ends with the return. All else stays, what belongs to the key as well. Errors:
  // not_found; invalid (it is revoked or has expired).
  Result<CreatedKey> rotate(std::string_view id);

  // A new admin key if no key is usable, else nothing. Its text is also written to own_key_path(home), readable
  // by the owner only, for the command line.
  Result<std::optional<CreatedKey>> ensure_first_key();

  // For the authenticator.
  Result<std::vector<StoredKey>> load();
  Result<long long> data_version();  // changes when another connection has written

 private:
  struct State;
  explicit Keys(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

// ensure_first_key() of a home; returns the text, to be printed once.
Result<std::optional<std::string>> ensure_first_key(const std::filesystem::path& home);

}  // namespace freehold::guard
