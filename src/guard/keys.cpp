#include "guard/keys.h"

#include <fmt/format.h>
#include <soci/soci.h>

#include <algorithm>
#include <array>
#include <chrono>

#include "base/file.h"
#include "base/utf8.h"
#include "guard/policy.h"
#include "guard/schema.h"
#include "guard/secret.h"
#include "sql/database.h"

namespace freehold::guard {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kMostOfALimit = 1'000'000'000'000;
constexpr std::size_t kMostModels = 64;

// Text that may be shown as it is.
bool is_plain(std::string_view text) {
  for (std::size_t i = 0; i < text.size();) {
    const CodePoint c = decode_utf8(text.substr(i));
    if (c.length == 0 || is_terminal_control(c.value)) return false;
    i += c.length;
  }
  return true;
}

std::size_t characters(std::string_view text) {
  return static_cast<std::size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
}

Result<> check(const NewKey& key, std::int64_t now) {
  if (key.name.size() > 256 || !is_plain(key.name) || characters(key.name) > 64) {
    return fail(Errc::invalid, fmt::format("the name '{}' needs 1 to 64 characters, none of them a control character",
                                           printable(key.name, 80)));
  }
  if (key.name.empty() || key.name.front() == ' ' || key.name.back() == ' ') {
    return fail(Errc::invalid, "the name of a key may not be empty, nor begin or end with a space");
  }
  if (name_of(key.role).empty()) return fail(Errc::invalid, "the role is unknown");
  if (key.expires && *key.expires <= now) return fail(Errc::invalid, "the key would have expired already");
  for (const auto& [limit, what] : {std::pair(key.limits.requests_per_minute, "requests per minute"),
                                    std::pair(key.limits.tokens_per_minute, "tokens per minute"),
                                    std::pair(key.limits.concurrency, "concurrency")}) {
    if (limit && (*limit < 1 || *limit > kMostOfALimit)) {
      return fail(Errc::invalid, fmt::format("{}: {} is not between 1 and {}", what, *limit, kMostOfALimit));
    }
  }
  for (const std::string& label : {key.label, key.ceiling.value_or("")}) {
    if (label.empty() || is_label(label)) continue;
    return fail(Errc::invalid, fmt::format("'{}' cannot be a label", printable(label, 80)));
  }
  if (!key.models) return {};
  if (key.models->empty() || key.models->size() > kMostModels) {
    return fail(Errc::invalid, fmt::format("a key names 1 to {} models, or none at all for every model", kMostModels));
  }
  for (const std::string& model : *key.models) {
    if (model.empty() || model.size() > 200 || !is_plain(model)) {
      return fail(Errc::invalid, fmt::format("'{}' cannot be the name of a model", printable(model, 80)));
    }
  }
  return {};
}

// A nullable column, bound or read.
struct Number {
  long long value = 0;
  soci::indicator state = soci::i_null;
  void set(std::optional<std::int64_t> n) {
    state = n ? soci::i_ok : soci::i_null;
    value = n.value_or(0);
  }
  void set_limit(const std::optional<std::uint64_t>& n) {
    set(n ? std::optional(static_cast<std::int64_t>(*n)) : std::nullopt);
  }
  std::optional<std::int64_t> get() const {
    return state == soci::i_ok ? std::optional<std::int64_t>(value) : std::nullopt;
  }
  std::optional<std::uint64_t> limit() const {
    return state == soci::i_ok ? std::optional(static_cast<std::uint64_t>(value)) : std::nullopt;
  }
};

std::vector<std::string> lines(std::string_view text) {
  std::vector<std::string> out;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    out.emplace_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return out;
}

bool is_id(std::string_view text) {
  return text.size() == kKeyIdLength &&
         std::all_of(text.begin(), text.end(), [](char c) { return (c >= 'a' && c <= 'z') || (c >= '2' && c <= '9'); });
}

// One row of the table, for SOCI.
struct Row {
  std::string id, name, role, hash, models, label, ceiling;
  long long created = 0;
  soci::indicator models_state = soci::i_null, ceiling_state = soci::i_null;
  Number expires, revoked, requests, tokens, concurrency;

  void set(const StoredKey& key) {
    const KeyInfo& info = key.info;
    id = info.id;
    name = info.name;
    role = name_of(info.role);
    hash = key.hash;
    created = info.created;
    expires.set(info.expires);
    revoked.set(info.revoked);
    requests.set_limit(info.limits.requests_per_minute);
    tokens.set_limit(info.limits.tokens_per_minute);
    concurrency.set_limit(info.limits.concurrency);
    models_state = info.models ? soci::i_ok : soci::i_null;
    if (info.models) models = fmt::format("{}", fmt::join(*info.models, "\n"));
    label = info.label;
    ceiling_state = info.ceiling ? soci::i_ok : soci::i_null;
    if (info.ceiling) ceiling = *info.ceiling;
  }

  // Nothing if these are no values that we write.
  std::optional<StoredKey> get() const {
    const std::optional<Role> known = role_from_name(role);
    const std::array<const Number*, 3> numbers = {&requests, &tokens, &concurrency};
    const bool limits_right =
        std::all_of(numbers.begin(), numbers.end(), [](const Number* n) { return n->get().value_or(1) >= 1; });
    if (!known || !is_id(id) || !is_plain(name) || !hash.starts_with("$argon2id$") || hash.size() > 127 ||
        !limits_right) {
      return std::nullopt;
    }
    StoredKey key;
    key.hash = hash;
    key.info = {id,
                name,
                *known,
                created,
                expires.get(),
                revoked.get(),
                {requests.limit(), tokens.limit(), concurrency.limit()},
                models_state == soci::i_ok ? Models(lines(models)) : std::nullopt,
                label,
                ceiling_state == soci::i_ok ? std::optional(ceiling) : std::nullopt};
    return key;
  }
};

void insert(soci::session& s, const StoredKey& key) {
  Row row;
  row.set(key);
  s << "INSERT INTO keys (id, name, role, hash, created, expires, revoked, requests_per_minute, tokens_per_minute, "
       "concurrency, models, label, ceiling) VALUES (:id, :name, :role, :hash, :created, :expires, :revoked, "
       ":requests, :tokens, :concurrency, :models, :label, :ceiling)",
      soci::use(row.id), soci::use(row.name), soci::use(row.role), soci::use(row.hash), soci::use(row.created),
      soci::use(row.expires.value, row.expires.state), soci::use(row.revoked.value, row.revoked.state),
      soci::use(row.requests.value, row.requests.state), soci::use(row.tokens.value, row.tokens.state),
      soci::use(row.concurrency.value, row.concurrency.state), soci::use(row.models, row.models_state),
      soci::use(row.label), soci::use(row.ceiling, row.ceiling_state);
}

Result<std::vector<StoredKey>> select(soci::session& s, const fs::path& path) {
  Row row;
  soci::statement statement =
      (s.prepare << "SELECT id, name, role, hash, created, expires, revoked, requests_per_minute, tokens_per_minute, "
                    "concurrency, models, label, ceiling FROM keys ORDER BY rowid",
       soci::into(row.id), soci::into(row.name), soci::into(row.role), soci::into(row.hash), soci::into(row.created),
       soci::into(row.expires.value, row.expires.state), soci::into(row.revoked.value, row.revoked.state),
       soci::into(row.requests.value, row.requests.state), soci::into(row.tokens.value, row.tokens.state),
       soci::into(row.concurrency.value, row.concurrency.state), soci::into(row.models, row.models_state),
       soci::into(row.label), soci::into(row.ceiling, row.ceiling_state));
  statement.execute();
  std::vector<StoredKey> keys;
  while (statement.fetch()) {
    std::optional<StoredKey> key = row.get();
    if (!key) {
      return fail(Errc::corrupt, fmt::format("{} is damaged: the row of key '{}' holds what was never written",
                                             printable(path.string()), printable(row.id, 20)));
    }
    keys.push_back(std::move(*key));
  }
  return keys;
}

}  // namespace

std::int64_t wall_seconds() {
  return std::chrono::duration_cast<std::chrono::seconds>(std::chrono::system_clock::now().time_since_epoch()).count();
}

fs::path keys_path(const fs::path& home) {
  return home / "freehold.db";
}
fs::path own_key_path(const fs::path& home) {
  return home / "key";
}

std::optional<KeyParts> parse_key(std::string_view text) {
  constexpr std::string_view kPrefix = "fh-";
  if (text.size() != kPrefix.size() + kKeyIdLength + 1 + kKeySecretLength || !text.starts_with(kPrefix)) {
    return std::nullopt;
  }
  const std::string_view id = text.substr(kPrefix.size(), kKeyIdLength);
  const std::string_view secret = text.substr(kPrefix.size() + kKeyIdLength + 1);
  const bool base64 = std::all_of(secret.begin(), secret.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
  });
  if (!is_id(id) || text[kPrefix.size() + kKeyIdLength] != '-' || !base64) return std::nullopt;
  return KeyParts{id, secret};
}

struct Keys::State {
  fs::path home;
  WallClock clock;
  sql::Database database;
};

Keys::Keys(std::unique_ptr<State> state) : state_(std::move(state)) {}
Keys::Keys(Keys&&) noexcept = default;
Keys& Keys::operator=(Keys&&) noexcept = default;
Keys::~Keys() = default;

Result<Keys> Keys::open(const fs::path& home, OpenKeys how, WallClock clock) {
  FH_TRY_VOID(prepare_secrets());
  FH_TRY(sql::Database database,
         sql::Database::open(keys_path(home), keys_schema(),
                             how == OpenKeys::create ? sql::Open::create : sql::Open::existing, sql::Check::whole));
  return Keys(std::make_unique<State>(State{home, std::move(clock), std::move(database)}));
}

namespace {

// What was given is not repeated: it may be a whole key.
Unexpected no_such_key() {
  return fail(Errc::not_found, "there is no such key: its id is the 8 characters after 'fh-', as 'keys list' shows it");
}

// Everything but an id that is still free.
Result<std::pair<StoredKey, std::string>> draw(const NewKey& key, const std::string& id, std::int64_t now) {
  StoredKey stored;
  stored.info = {id,           key.name,   key.role,   now,       key.expires,
                 std::nullopt, key.limits, key.models, key.label, key.ceiling};
  std::string text = "fh-" + id + "-" + random_key_secret();
  FH_TRY(stored.hash, hash_secret(text));  // outside of the transaction: it takes a while
  return std::pair(std::move(stored), std::move(text));
}

}  // namespace

Result<CreatedKey> Keys::create(const NewKey& key) {
  const std::int64_t now = state_->clock();
  FH_TRY_VOID(check(key, now));
  for (;;) {
    FH_TRY(auto made, draw(key, random_key_id(), now));
    FH_TRY(const bool stored, state_->database.transaction([&](soci::session& s) -> Result<bool> {
      long long taken = 0;
      s << "SELECT COUNT(*) FROM keys WHERE id = :id", soci::use(made.first.info.id), soci::into(taken);
      if (taken == 0) insert(s, made.first);
      return taken == 0;
    }));
    if (stored) return CreatedKey{std::move(made.first.info), std::move(made.second)};
  }
}

Result<std::vector<StoredKey>> Keys::load() {
  return state_->database.run([&](soci::session& s) { return select(s, state_->database.path()); });
}

Result<std::vector<KeyInfo>> Keys::list() {
  FH_TRY(std::vector<StoredKey> all, load());
  std::vector<KeyInfo> infos;
  for (StoredKey& key : all) infos.push_back(std::move(key.info));
  return infos;
}

Result<KeyInfo> Keys::revoke(std::string_view id) {
  if (!is_id(id)) return no_such_key();
  return state_->database.transaction([&](soci::session& s) -> Result<KeyInfo> {
    const std::string bound(id);
    const long long now = state_->clock();
    s << "UPDATE keys SET revoked = :now WHERE id = :id AND revoked IS NULL", soci::use(now), soci::use(bound);
    FH_TRY(std::vector<StoredKey> all, select(s, state_->database.path()));
    for (StoredKey& key : all) {
      if (key.info.id == id) return std::move(key.info);
    }
    return fail(Errc::not_found, fmt::format("there is no key {}", id));
  });
}

Result<CreatedKey> Keys::rotate(std::string_view id) {
  if (!is_id(id)) return no_such_key();
  CreatedKey made;
  made.text = fmt::format("fh-{}-{}", id, random_key_secret());
  FH_TRY(const std::string hash, hash_secret(made.text));
  FH_TRY(made.info, state_->database.transaction([&](soci::session& s) -> Result<KeyInfo> {
    FH_TRY(std::vector<StoredKey> all, select(s, state_->database.path()));
    for (StoredKey& key : all) {
      if (key.info.id != id) continue;
      if (!key.info.usable(state_->clock())) {
        return fail(Errc::invalid,
                    fmt::format("the key {} is {}: make a new one", id, key.info.revoked ? "revoked" : "expired"));
      }
      const std::string bound(id);
      s << "UPDATE keys SET hash = :hash WHERE id = :id", soci::use(hash), soci::use(bound);
      return std::move(key.info);
    }
    return fail(Errc::not_found, fmt::format("there is no key {}", id));
  }));
  return made;
}

Result<long long> Keys::data_version() {
  return state_->database.data_version();
}

Result<std::optional<CreatedKey>> Keys::ensure_first_key() {
  const std::int64_t now = state_->clock();
  auto has_any = [&](const std::vector<StoredKey>& all) {
    return std::any_of(all.begin(), all.end(), [&](const StoredKey& k) { return k.info.usable(now); });
  };
  FH_TRY(std::vector<StoredKey> before, load());
  if (has_any(before)) return std::nullopt;
  std::string id = random_key_id();
  while (std::any_of(before.begin(), before.end(), [&](const StoredKey& k) { return k.info.id == id; })) {
    id = random_key_id();
  }
  FH_TRY(auto made, draw({.name = "first admin", .role = Role::admin}, id, now));
  return state_->database.transaction([&](soci::session& s) -> Result<std::optional<CreatedKey>> {
    FH_TRY(std::vector<StoredKey> all, select(s, state_->database.path()));
    if (has_any(all)) return std::nullopt;  // another process was faster
    // The file first: killed in between, it holds a key that never counts, and the next start makes another.
    FH_TRY_VOID(write_file_atomically(own_key_path(state_->home), made.second + "\n", FileAccess::owner));
    insert(s, made.first);
    return CreatedKey{std::move(made.first.info), std::move(made.second)};
  });
}

Result<std::optional<std::string>> ensure_first_key(const fs::path& home) {
  FH_TRY(Keys keys, Keys::open(home));
  FH_TRY(std::optional<CreatedKey> made, keys.ensure_first_key());
  return made ? std::optional(std::move(made->text)) : std::nullopt;
}

}  // namespace freehold::guard
