#include "guard/authenticator.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <cstring>
#include <mutex>
#include <unordered_map>
#include <unordered_set>

#include "base/hash.h"
#include "guard/secret.h"
#include "guard/sign_in.h"

namespace freehold::guard {
namespace {

using std::chrono::milliseconds;
using std::chrono::nanoseconds;
using std::chrono::seconds;

constexpr std::size_t kLongestGiven = 512;
constexpr std::size_t kNotGuessed = 32;                // characters of a key by hand that is taken for random
constexpr nanoseconds kLookAgain = milliseconds(250);  // at the database, for whom it need not be exact
constexpr nanoseconds kTooOld = seconds(1);            // without having been able to look
// Wrong secrets that are verified for one id from one address: so many at once, then so many a second. And for all.
constexpr double kTries = 8, kTriesPerSecond = 2;
constexpr double kAllTries = 16, kAllTriesPerSecond = 4;
constexpr std::size_t kMostTrying = 256;       // addresses that are remembered for one id
constexpr std::int64_t kSeenKeptTo = 3600;     // seconds: the precision of Person::seen
constexpr std::int64_t kStaysFor = 24 * 3600;  // what is in memory for somebody who has left
constexpr std::string_view kWrongKey = "the API key is missing or wrong";

struct Tries {
  double left = 0;
  nanoseconds at{0};

  bool take(nanoseconds now, double most, double a_second) {
    const double waited = std::chrono::duration<double>(now - at).count();
    left = std::min(most, left + std::max(0.0, waited) * a_second);
    at = now;
    if (left < 1) return false;
    left -= 1;
    return true;
  }
};

// One key of the database, with what this process has learnt about it.
struct Entry {
  StoredKey key;
  std::optional<Fingerprints::Print> verified;   // of the one right text
  std::unordered_map<std::string, Tries> tries;  // by address

  bool take_try(std::string_view address, nanoseconds now) {
    if (tries.size() >= kMostTrying) tries.clear();
    return tries.try_emplace(std::string(address), Tries{kTries, now}).first->second.take(now, kTries, kTriesPerSecond);
  }
};

Principal principal_of(const KeyInfo& info) {
  return {info.id, info.name, info.role, info.id, info.limits, info.models, info.label, info.ceiling};
}

Entrance wrong_key() {
  return {.principal = {}, .message = std::string(kWrongKey), .attempt = true};
}
// The right secret of a key that is not valid any more.
Entrance ended_key(const KeyInfo& info) {
  Entrance out = wrong_key();
  out.rule = info.revoked ? "keys.revoked" : "keys.expired";
  out.known = Known{info.id, info.name, info.role};
  return out;
}
Entrance come_again() {
  return {.principal = {}, .message = "too many wrong keys: try again", .busy = true};
}
Entrance let_in(Principal who) {
  Entrance in;
  in.principal = std::move(who);
  return in;
}

}  // namespace

struct Authenticator::State {
  AuthenticatorOptions options;
  Fingerprints fingerprints;
  std::vector<Fingerprints::Print> given;
  std::vector<std::string> given_ids;  // of these
  std::vector<bool> given_long;        // whether nobody guesses them

  std::atomic<std::uint64_t> looks{0};  // that have begun
  std::mutex looking;                   // held while the database is read; taken before `mutex`
  std::optional<Keys> keys;
  long long version = 0;
  std::optional<PersonBook> book;
  long long book_version = -1;
  std::optional<SignIn> sign_in;  // thread-safe

  std::mutex slow;  // one Argon2id at a time; taken before the others

  std::mutex mutex;  // the rest, for moments only
  std::unordered_map<std::string, Entry> entries;
  nanoseconds looked{0};  // when the database was last read, or found unchanged
  std::optional<Error> trouble;
  std::unordered_set<std::string> valid;  // ids that gone() has seen valid, or that were so when they were read
  std::uint64_t slow_verifications = 0;
  Tries all_tries{kAllTries, nanoseconds(0)};
  std::unordered_map<std::string, Person> people;
  std::unordered_map<std::string, std::int64_t> present;  // people: until when they are taken to be here

  Result<> read();
  Result<> read_people();
  void look(bool exact = true);
  bool out_of_date() const { return trouble && options.steady() - looked > kTooOld; }  // `mutex` is held
  std::optional<std::size_t> by_hand(const Fingerprints::Print& print) const;
  Entrance stored(std::string_view text, const std::string& id, const Fingerprints::Print& print, const Origin& origin);
  Entrance known(Entrance in, bool again);
};

// `looking` is held.
Result<> Authenticator::State::read_people() {
  if (!book) return {};
  FH_TRY(const long long now_at, book->data_version());
  if (now_at == book_version) return {};
  FH_TRY(std::vector<Person> all, book->all());
  const std::lock_guard lock(mutex);
  people.clear();
  for (Person& person : all) people.emplace(person.id, std::move(person));
  book_version = now_at;
  return {};
}

// Reads everything if something has changed. `looking` is held.
Result<> Authenticator::State::read() {
  FH_TRY_VOID(read_people());
  if (!keys) return {};
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

// What is in the database at the call is known at the return; unless `exact`, what was there a moment before. Asking
// whether it has changed takes some microseconds and no disk.
void Authenticator::State::look(bool exact) {
  if (!exact) {
    const nanoseconds now = options.steady();
    const std::lock_guard lock(mutex);
    if (now - looked < kLookAgain) return;
  }
  const std::uint64_t before = looks;
  const std::lock_guard lock(looking);
  if (looks != before) return;  // one that began after the call
  ++looks;
  const nanoseconds now = options.steady();
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
std::optional<std::size_t> Authenticator::State::by_hand(const Fingerprints::Print& print) const {
  std::optional<std::size_t> match;
  for (std::size_t i = 0; i < given.size(); ++i) {
    if (Fingerprints::equal(given[i], print)) match = i;
  }
  return match;
}

Entrance Authenticator::State::stored(std::string_view text, const std::string& id, const Fingerprints::Print& print,
                                      const Origin& origin) {
  // Nothing: only Argon2id can tell. `mutex` is held.
  auto look_up = [&]() -> std::optional<Entrance> {
    const auto found = entries.find(id);
    if (found == entries.end() || out_of_date()) return wrong_key();
    const Entry& entry = found->second;
    const bool ended = !entry.key.info.usable(options.wall());
    // Whose key it was is for the log: worth some of the tries, but nobody comes again for it.
    if (!entry.verified && ended && (origin.waits || origin.again)) return wrong_key();
    if (!entry.verified) return std::nullopt;
    if (!Fingerprints::equal(*entry.verified, print)) return wrong_key();
    return ended ? ended_key(entry.key.info) : let_in(principal_of(entry.key.info));
  };
  {
    const std::lock_guard lock(mutex);
    if (auto in = look_up()) return std::move(*in);
  }
  if (origin.waits || origin.again) return come_again();
  const std::lock_guard one_at_a_time(slow);
  look();  // the wait may have been long
  std::string hash;
  {
    // Again: many requests may have come at once with a key that was new to us, and one of them was first.
    const std::lock_guard lock(mutex);
    if (auto in = look_up()) return std::move(*in);
    const nanoseconds now = options.steady();
    Entry& entry = entries.at(id);
    if (!entry.take_try(origin.address, now) || !all_tries.take(now, kAllTries, kAllTriesPerSecond))
      return entry.key.info.usable(options.wall()) ? come_again() : wrong_key();
    hash = entry.key.hash;
    ++slow_verifications;
  }
  if (!verify_secret(hash, text)) return wrong_key();
  look();
  const std::lock_guard lock(mutex);
  all_tries.left += 1;
  const auto found = entries.find(id);
  if (found == entries.end() || found->second.key.hash != hash) return wrong_key();
  found->second.verified = print;
  found->second.tries.clear();
  return look_up().value_or(wrong_key());
}

// Somebody whom an issuer or an authority has vouched for: not if they are blocked. Writes down that they were here.
Entrance Authenticator::State::known(Entrance in, bool again) {
  if (!in.principal) return in;
  look(!again);
  const Principal& who = *in.principal;
  const auto refuse = [&who](std::string rule, std::string message) {
    Entrance out{.principal = {}, .rule = std::move(rule), .message = std::move(message)};
    out.known = Known{who.key_id, who.name, who.role};
    return out;
  };
  const std::int64_t now = options.wall();
  {
    const std::lock_guard lock(mutex);
    if (out_of_date()) return refuse("people", "it cannot be read who is blocked, so nobody is let in");
    present[who.key_id] = now + kStaysFor;
    const auto found = people.find(who.key_id);
    if (found != people.end()) {
      Person& person = found->second;
      if (person.blocked) return refuse("people.blocked", "this person is blocked here");
      const bool lately = person.seen && now - *person.seen < kSeenKeptTo && *person.seen <= now;
      if (lately && person.role == who.role && person.name == who.name) return in;
    }
  }
  if (again) return in;  // written when they were let in, and perhaps this is a thread that may not wait for a disk
  const std::lock_guard reading(looking);
  const auto written = book->saw(who, now);
  const std::lock_guard lock(mutex);
  if (!written) {
    trouble = written.error();
    Entrance later = refuse("people", "it cannot be written down who is here, so nobody is let in");
    later.busy = true;  // what they showed is right
    return later;
  }
  Person& person = people[who.key_id];
  person = {who.key_id, who.name, who.role, now, person.blocked};
  return in;
}

std::chrono::nanoseconds steady_now() {
  return std::chrono::steady_clock::now().time_since_epoch();
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
    state->given_long.push_back(text.size() >= kNotGuessed);
    state->given_ids.push_back("given-" + sha256("freehold key by hand\n" + text).hex().substr(0, 12));
  }
  state->book = std::move(options.people);
  state->options = std::move(options);
  if (state->book && !state->options.policy.sign_in.empty()) {
    FH_TRY(state->sign_in, SignIn::create(state->options.policy.sign_in, state->options.steady));
  }
  state->keys = std::move(keys);
  state->version = -1;  // SQLite's begin at 1
  FH_TRY_VOID(state->read());
  state->looked = state->options.steady();
  return Authenticator(std::move(state));
}

Entrance Authenticator::judge(std::string_view text, const Origin& origin) const {
  if (text.empty()) return {.principal = {}, .message = std::string(kWrongKey)};
  const Fingerprints::Print print = state_->fingerprints.of(text);
  Entrance in = judge(text, print, origin);
  if (in.attempt) std::memcpy(&in.mark, print.data(), sizeof in.mark);
  return in;
}

Entrance Authenticator::judge(std::string_view text, const Fingerprints::Print& print, const Origin& origin) const {
  if (text.size() > kLongestToken) return wrong_key();
  if (const auto match = state_->by_hand(print)) {
    if (origin.waits && !state_->given_long[*match]) return come_again();
    const std::string& id = state_->given_ids[*match];
    return let_in({id, id, Role::user, id, {}, std::nullopt, {}});
  }
  if (state_->sign_in) {
    if (auto in = state_->sign_in->enter(text, print, state_->options.wall()))
      return state_->known(std::move(*in), origin.again);
  }
  const std::optional<KeyParts> parts = parse_key(text);
  if (!parts || !state_->keys) return wrong_key();
  state_->look(!origin.again);
  return state_->stored(text, std::string(parts->id), print, origin);
}

Entrance Authenticator::judge(const CertificateFacts& certificate, bool again) const {
  if (!state_->book) return {.principal = {}, .rule = "certificates", .message = std::string(kWrongKey)};
  return state_->known(admit(state_->options.policy, certificate, state_->options.wall()), again);
}

std::optional<Principal> Authenticator::as_before(std::string_view id) const {
  state_->look(false);
  const std::lock_guard lock(state_->mutex);
  const auto found = state_->people.find(std::string(id));
  if (found == state_->people.end() || state_->out_of_date()) return std::nullopt;
  const Person& person = found->second;
  if (person.blocked || !person.seen || state_->options.wall() - *person.seen >= kGoesOnFor) return std::nullopt;
  return guard::as_before(state_->options.policy, person.id, person.name, person.role);
}

bool Authenticator::is_given(std::string_view id) const {
  return std::find(state_->given_ids.begin(), state_->given_ids.end(), id) != state_->given_ids.end();
}

bool Authenticator::is_only(std::string_view id) const {
  const auto& ids = state_->given_ids;  // a key may be given twice
  return !state_->keys && !state_->book &&
         std::all_of(ids.begin(), ids.end(), [&](const std::string& other) { return other == id; });
}

std::vector<std::string> Authenticator::gone() const {
  std::vector<std::string> out;
  if (!state_->keys && !state_->book) return out;
  state_->look(false);
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
  std::erase_if(state_->present, [&](const auto& one) {
    const auto found = state_->people.find(one.first);
    const bool left = one.second <= now || (found != state_->people.end() && found->second.blocked);
    if (left) out.push_back(one.first);
    return left;
  });
  return out;
}

std::optional<Error> Authenticator::trouble() const {
  {
    const std::lock_guard lock(state_->mutex);
    if (state_->trouble) return state_->trouble;
  }
  return state_->sign_in ? state_->sign_in->trouble() : std::nullopt;
}

std::uint64_t Authenticator::slow_verifications() const {
  const std::lock_guard lock(state_->mutex);
  return state_->slow_verifications;
}

}  // namespace freehold::guard
