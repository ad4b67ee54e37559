#include "guard/authenticator.h"

#include <fmt/format.h>

#include <algorithm>
#include <mutex>
#include <unordered_map>
#include <unordered_set>

#include "base/hash.h"
#include "guard/secret.h"

namespace freehold::guard {
namespace {

using std::chrono::milliseconds;
using std::chrono::nanoseconds;
using std::chrono::seconds;

constexpr std::size_t kLongestGiven = 512;
constexpr nanoseconds kLookAgain = milliseconds(250);  // at the database, by whoever comes first
constexpr nanoseconds kMustLook = milliseconds(500);   // before answering
constexpr nanoseconds kTooOld = seconds(1);            // without having been able to look
// Wrong secrets that are verified for one id: so many at once, then so many a second.
constexpr double kTries = 8;
constexpr double kTriesPerSecond = 2;

// One key of the database, with what this process has learnt about it.
struct Entry {
  StoredKey key;
  std::optional<Fingerprints::Print> verified;  // of the one right text
  double tries = kTries;
  nanoseconds tried{0};

  bool take_try(nanoseconds now) {
    const double waited = std::chrono::duration<double>(now - tried).count();
    tries = std::min(kTries, tries + std::max(0.0, waited) * kTriesPerSecond);
    tried = now;
    if (tries < 1) return false;
    tries -= 1;
    return true;
  }
};

Principal principal_of(const KeyInfo& info) {
  return {info.id, info.name, info.role, info.id, info.limits, info.models, info.label, info.ceiling};
}

}  // namespace

std::chrono::nanoseconds steady_now() {
  return std::chrono::steady_clock::now().time_since_epoch();
}

struct Authenticator::State {
  AuthenticatorOptions options;
  Fingerprints fingerprints;
  std::vector<Fingerprints::Print> given;
  std::vector<std::string> given_ids;  // of these

  std::mutex looking;  // held while the database is read; taken before `mutex`
  std::optional<Keys> keys;
  long long version = 0;

  std::mutex slow;  // one Argon2id at a time; taken before the others

  std::mutex mutex;  // the rest, for moments only
  std::unordered_map<std::string, Entry> entries;
  nanoseconds looked{0};  // when the database was last read, or found unchanged
  std::optional<Error> trouble;
  std::unordered_set<std::string> valid;  // ids that gone() has seen valid, or that were so when they were read
  std::uint64_t slow_verifications = 0;

  Result<> read();
  void look(nanoseconds now);
  std::optional<Principal> by_hand(const Fingerprints::Print& print) const;
  std::optional<Principal> stored(std::string_view text, const std::string& id, const Fingerprints::Print& print);
};

// Reads everything if something has changed. `looking` is held.
Result<> Authenticator::State::read() {
  FH_TRY(const long long now_at, keys->data_version());
  if (now_at == version) return {};
  FH_TRY(std::vector<StoredKey> all, keys->load());
  const std::lock_guard lock(mutex);
  std::unordered_map<std::string, Entry> fresh;
  for (StoredKey& key : all) {
    Entry entry;
    if (auto old = entries.find(key.info.id); old != entries.end() && old->second.key.hash == key.hash) {
      entry = std::move(old->second);
    }
    entry.key = std::move(key);
    std::string id = entry.key.info.id;
    if (entry.key.info.usable(options.wall())) valid.insert(id);
    fresh.emplace(std::move(id), std::move(entry));
  }
  entries = std::move(fresh);
  version = now_at;
  return {};
}

void Authenticator::State::look(nanoseconds now) {
  nanoseconds age;
  {
    const std::lock_guard lock(mutex);
    age = now - looked;
  }
  if (age < kLookAgain) return;
  std::unique_lock lock(looking, std::try_to_lock);
  if (!lock.owns_lock()) {
    if (age < kMustLook) return;  // somebody else is at it: what is known is new enough
    lock.lock();
  }
  {
    const std::lock_guard inner(mutex);
    if (now - looked < kLookAgain) return;
  }
  Result<> done = read();
  const std::lock_guard inner(mutex);
  if (done) {
    looked = std::max(looked, now);
    trouble.reset();
  } else {
    trouble = std::move(done).error();
  }
}

// Compares with every one, whichever matches.
std::optional<Principal> Authenticator::State::by_hand(const Fingerprints::Print& print) const {
  std::size_t match = given.size();
  for (std::size_t i = 0; i < given.size(); ++i) {
    if (Fingerprints::equal(given[i], print)) match = i;
  }
  if (match == given.size()) return std::nullopt;
  std::string id = given_ids[match];
  return Principal{id, id, Role::user, id, {}, std::nullopt, {}};
}

std::optional<Principal> Authenticator::State::stored(std::string_view text, const std::string& id,
                                                      const Fingerprints::Print& print) {
  // `mutex` is held.
  struct Known {
    bool decided = true;  // false: only Argon2id can tell
    std::optional<Principal> principal;
  };
  auto look_up = [&]() -> Known {
    const auto found = entries.find(id);
    if (found == entries.end() || !found->second.key.info.usable(options.wall())) return {};
    if (trouble && options.steady() - looked > kTooOld) return {};
    const Entry& entry = found->second;
    if (!entry.verified) return {.decided = false};
    if (!Fingerprints::equal(*entry.verified, print)) return {};
    return {.principal = principal_of(entry.key.info)};
  };
  {
    const std::lock_guard lock(mutex);
    if (Known known = look_up(); known.decided) return known.principal;
  }
  const std::lock_guard one_at_a_time(slow);
  look(options.steady());  // the wait may have been long
  std::string hash;
  {
    // Again: many requests may have come at once with a key that was new to us, and one of them was first.
    const std::lock_guard lock(mutex);
    if (Known known = look_up(); known.decided) return known.principal;
    Entry& entry = entries.at(id);
    if (!entry.take_try(options.steady())) return std::nullopt;
    hash = entry.key.hash;
    ++slow_verifications;
  }
  if (!verify_secret(hash, text)) return std::nullopt;
  look(options.steady());
  const std::lock_guard lock(mutex);
  const auto found = entries.find(id);
  if (found == entries.end() || found->second.key.hash != hash) return std::nullopt;
  found->second.verified = print;
  return look_up().principal;
}

Authenticator::Authenticator(std::unique_ptr<State> state) : state_(std::move(state)) {}
Authenticator::Authenticator(Authenticator&&) noexcept = default;
Authenticator& Authenticator::operator=(Authenticator&&) noexcept = default;
Authenticator::~Authenticator() = default;

Result<Authenticator> Authenticator::create(std::optional<Keys> keys, AuthenticatorOptions options) {
  FH_TRY_VOID(prepare_secrets());
  auto state = std::make_unique<State>();
  for (const std::string& text : options.given) {
    const bool visible = std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c < 0x7F; });
    if (text.empty() || text.size() > kLongestGiven || !visible) {
      return fail(Errc::invalid,
                  fmt::format("a key given by hand needs 1 to {} visible ASCII characters", kLongestGiven));
    }
    state->given.push_back(state->fingerprints.of(text));
    state->given_ids.push_back("given-" + sha256("freehold key by hand\n" + text).hex().substr(0, 12));
  }
  options.given.clear();
  state->options = std::move(options);
  state->keys = std::move(keys);
  if (state->keys) {
    state->version = -1;  // SQLite's begin at 1
    FH_TRY_VOID(state->read());
    state->looked = state->options.steady();
  }
  return Authenticator(std::move(state));
}

std::optional<Principal> Authenticator::authenticate(std::string_view key) const {
  if (key.empty() || key.size() > kLongestGiven) return std::nullopt;
  const Fingerprints::Print print = state_->fingerprints.of(key);
  if (auto principal = state_->by_hand(print)) return principal;
  const std::optional<KeyParts> parts = parse_key(key);
  if (!parts || !state_->keys) return std::nullopt;
  state_->look(state_->options.steady());
  return state_->stored(key, std::string(parts->id), print);
}

bool Authenticator::is_given(std::string_view id) const {
  return std::find(state_->given_ids.begin(), state_->given_ids.end(), id) != state_->given_ids.end();
}

bool Authenticator::is_only(std::string_view id) const {
  const auto& ids = state_->given_ids;  // a key may be given twice
  return !state_->keys && std::all_of(ids.begin(), ids.end(), [&](const std::string& other) { return other == id; });
}

std::vector<std::string> Authenticator::gone() const {
  std::vector<std::string> out;
  if (!state_->keys) return out;
  state_->look(state_->options.steady());
  const std::int64_t now = state_->options.wall();
  const std::lock_guard lock(state_->mutex);
  for (auto id = state_->valid.begin(); id != state_->valid.end();) {
    const auto found = state_->entries.find(*id);
    if (found != state_->entries.end() && found->second.key.info.usable(now)) {
      ++id;
    } else {
      out.push_back(*id);
      id = state_->valid.erase(id);
    }
  }
  return out;
}

std::optional<Error> Authenticator::trouble() const {
  const std::lock_guard lock(state_->mutex);
  return state_->trouble;
}

std::uint64_t Authenticator::slow_verifications() const {
  const std::lock_guard lock(state_->mutex);
  return state_->slow_verifications;
}

}  // namespace freehold::guard
