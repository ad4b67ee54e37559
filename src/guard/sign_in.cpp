#include "guard/sign_in.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <cstring>
#include <mutex>
#include <unordered_map>

#include "base/file.h"
#include "base/utf8.h"

namespace freehold::guard {
namespace {

constexpr std::chrono::nanoseconds kLookAtKeysAgain = std::chrono::seconds(1);
constexpr std::size_t kMostRemembered = 4096;  // tokens that were verified
constexpr std::uint64_t kLongestKeyFile = std::uint64_t{1} << 20;

// What tells that a file is another than before. Nothing: there is none.
struct FileMark {
  dev_t device = 0;
  ino_t number = 0;
  off_t size = 0;
  timespec changed = {};
  bool operator==(const FileMark& o) const {
    return device == o.device && number == o.number && size == o.size && changed.tv_sec == o.changed.tv_sec &&
           changed.tv_nsec == o.changed.tv_nsec;
  }
};
std::optional<FileMark> mark_of(const std::filesystem::path& file) {
  struct stat info = {};
  if (::stat(file.c_str(), &info) != 0) return std::nullopt;
  return FileMark{info.st_dev, info.st_ino, info.st_size, info.st_mtim};
}

struct Issuer {
  IssuerRule rule;
  std::optional<KeySet> keys;  // nothing: they cannot be read
  std::optional<FileMark> mark;
  std::optional<Error> trouble;
  std::uint64_t generation = 0;  // how often the keys were read

  void read() {
    const auto before = mark_of(rule.keys);
    if (generation > 0 && keys && before == mark) return;
    ++generation;
    mark = before;
    keys.reset();
    trouble.reset();
    auto now = read_keys(rule);
    if (now) {
      keys = std::move(*now);
    } else {
      trouble = std::move(now).error();
    }
  }
};

struct PrintHash {
  std::size_t operator()(const Fingerprints::Print& print) const {
    std::size_t out = 0;
    std::memcpy(&out, print.data(), sizeof out);  // as good as random
    return out;
  }
};

struct Remembered {
  Entrance in;
  std::size_t issuer = 0;
  std::uint64_t generation = 0;
};

Entrance no_entrance(std::string_view rule) {
  return {
      .principal = {}, .rule = fmt::format("sign_in.{}", rule), .message = "the token is not valid", .attempt = true};
}

}  // namespace

Result<KeySet> read_keys(const IssuerRule& rule) {
  auto text = read_file(rule.keys, kLongestKeyFile);
  auto keys = text ? KeySet::parse(*text) : Result<KeySet>(tl::unexpected(std::move(text).error()));
  if (keys) return keys;
  return in_context(std::move(keys).error(),
                    fmt::format("the keys of {} ({})", printable(rule.issuer), printable(rule.keys.string())));
}

struct SignIn::State {
  SteadyClock steady;
  std::mutex mutex;  // guards what follows
  std::vector<Issuer> issuers;
  std::chrono::nanoseconds looked{0};
  std::unordered_map<Fingerprints::Print, Remembered, PrintHash> remembered;
  std::uint64_t verifications = 0;

  // With `mutex` held.
  void look() {
    const auto now = steady();
    if (now - looked < kLookAtKeysAgain) return;
    looked = now;
    for (Issuer& issuer : issuers) issuer.read();
  }

  void remember(const Fingerprints::Print& print, Remembered what, std::int64_t now) {
    const std::lock_guard lock(mutex);
    if (remembered.size() >= kMostRemembered) {
      std::erase_if(remembered, [&](const auto& one) { return one.second.in.until <= now; });
      if (remembered.size() >= kMostRemembered) remembered.clear();
    }
    remembered.insert_or_assign(print, std::move(what));
  }
};

SignIn::SignIn(std::unique_ptr<State> state) : state_(std::move(state)) {}
SignIn::SignIn(SignIn&&) noexcept = default;
SignIn& SignIn::operator=(SignIn&&) noexcept = default;
SignIn::~SignIn() = default;

Result<SignIn> SignIn::create(std::vector<IssuerRule> rules, SteadyClock steady) {
  FH_TRY_VOID(prepare_secrets());
  auto state = std::make_unique<State>();
  state->steady = std::move(steady);
  for (IssuerRule& rule : rules) {
    Issuer issuer;
    issuer.rule = std::move(rule);
    issuer.read();
    if (issuer.trouble) return tl::unexpected(std::move(*issuer.trouble));
    state->issuers.push_back(std::move(issuer));
  }
  state->looked = state->steady();
  return SignIn(std::move(state));
}

std::optional<Entrance> SignIn::enter(std::string_view text, const Fingerprints::Print& print, std::int64_t now) const {
  if (!is_token_form(text)) return std::nullopt;
  {
    const std::lock_guard lock(state_->mutex);
    state_->look();
    const auto found = state_->remembered.find(print);
    if (found != state_->remembered.end()) {
      const Remembered& r = found->second;
      const Issuer& issuer = state_->issuers[r.issuer];
      if (issuer.keys && issuer.generation == r.generation && now < r.in.until) return r.in;
      state_->remembered.erase(found);
    }
  }
  const auto token = parse_token(text);
  if (!token) return no_entrance("form");
  const format::Value* named = token->claims.member("iss");
  const auto issuer_name = named != nullptr ? named->as_string() : std::nullopt;
  std::size_t at = 0;
  std::uint64_t generation = 0;
  const IssuerRule* rule = nullptr;  // never changed after create()
  std::optional<PublicKey> key;
  {
    const std::lock_guard lock(state_->mutex);
    const auto& all = state_->issuers;
    while (at < all.size() && issuer_name != all[at].rule.issuer) ++at;
    if (at == all.size()) return std::nullopt;
    if (!all[at].keys) {
      Entrance none = no_entrance("unreadable");
      none.attempt = false;
      return none;
    }
    rule = &all[at].rule;
    generation = all[at].generation;
    if (const PublicKey* found = all[at].keys->find(token->kid)) key = *found;
    ++state_->verifications;
  }
  if (!key) return no_entrance("key");
  if (!key->is_for(token->alg)) return no_entrance("algorithm");
  if (!key->verify(token->signed_, token->signature)) return no_entrance("signature");
  Entrance in = admit(*rule, *token, now);
  if (in.principal) state_->remember(print, {in, at, generation}, now);
  return in;
}

std::optional<Error> SignIn::trouble() const {
  const std::lock_guard lock(state_->mutex);
  for (const Issuer& issuer : state_->issuers) {
    if (issuer.trouble) return issuer.trouble;
  }
  return std::nullopt;
}

std::uint64_t SignIn::verifications() const {
  const std::lock_guard lock(state_->mutex);
  return state_->verifications;
}

}  // namespace freehold::guard
