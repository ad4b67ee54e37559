#include "guard/limiter.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <mutex>
#include <unordered_map>

namespace freehold::guard {
namespace {

using std::chrono::nanoseconds;
using std::chrono::seconds;

constexpr double kMinute = 60e9;    // ns
constexpr double kRounding = 1e-6;  // of one request or token: who waits as long as was said is let in
constexpr nanoseconds kSweepEvery = seconds(60);

// Holds at most `capacity`, gains as much a minute; below zero it is in debt.
struct Bucket {
  double capacity = 0;  // 0: never used
  double level = 0;
  nanoseconds at{0};

  void fill(double to, nanoseconds now) {
    if (capacity == 0) level = to;
    const double passed = static_cast<double>(std::max(now - at, nanoseconds(0)).count());
    level = std::min(to, level + to * passed / kMinute);
    at = std::max(at, now);
    capacity = to;
  }
  bool full_at(nanoseconds now) const {
    return capacity == 0 || level + capacity * static_cast<double>((now - at).count()) / kMinute >= capacity;
  }
  // Until there is `amount`.
  nanoseconds wait_for(double amount) const {
    const double wait = std::ceil((amount - level) * kMinute / capacity);
    return nanoseconds(static_cast<std::int64_t>(std::clamp(wait, 0.0, 9e18)));
  }
  Standing standing() const {
    return {static_cast<std::uint64_t>(capacity), static_cast<std::uint64_t>(std::max(0.0, level + kRounding)),
            wait_for(capacity)};
  }
};

struct Counted {
  Bucket requests;
  Bucket tokens;
  std::uint64_t active = 0;
};

seconds rounded_up(nanoseconds wait) {
  return std::max(seconds(1), std::chrono::ceil<seconds>(wait));
}

}  // namespace

struct Limiter::State {
  SteadyClock clock;
  mutable std::mutex mutex;
  std::unordered_map<std::string, Counted> entries;
  nanoseconds swept{0};

  // What has no lease and is full again is as good as new: forgotten. An entry with a lease always stays.
  void sweep(nanoseconds now) {
    if (now - swept < kSweepEvery) return;
    swept = now;
    std::erase_if(entries, [&](const auto& item) {
      const Counted& e = item.second;
      return e.active == 0 && e.requests.full_at(now) && e.tokens.full_at(now);
    });
  }
};

struct Lease::Held {
  std::shared_ptr<Limiter::State> state;
  std::string key;
  bool counts_tokens = false;
  double reserved = 0;
  double taken = 0;
};

Lease::Lease() noexcept = default;
Lease::Lease(Lease&&) noexcept = default;
Lease& Lease::operator=(Lease&& other) noexcept {
  Lease taken(std::move(other));
  std::swap(held_, taken.held_);  // what we held is given back at the end of this scope
  return *this;
}

Lease::~Lease() {
  if (!held_) return;
  const std::lock_guard lock(held_->state->mutex);
  Counted& entry = held_->state->entries.at(held_->key);
  --entry.active;
  if (held_->counts_tokens) entry.tokens.level += held_->reserved - held_->taken;
}

void Lease::settle(std::uint64_t tokens) {
  if (held_) held_->taken = static_cast<double>(tokens);
}

std::string_view name_of(LimitKind kind) {
  switch (kind) {
    case LimitKind::requests:
      return "requests per minute";
    case LimitKind::tokens:
      return "tokens per minute";
    case LimitKind::concurrency:
      return "requests at the same time";
    case LimitKind::none:
      break;
  }
  return "none";
}

Limiter::Limiter(SteadyClock clock) : state_(std::make_shared<State>()) {
  state_->clock = std::move(clock);
  state_->swept = state_->clock();
}
Limiter::~Limiter() = default;

std::size_t Limiter::entries() const {
  const std::lock_guard lock(state_->mutex);
  return state_->entries.size();
}

Admission Limiter::admit(const Principal& principal, std::uint64_t tokens_at_most) {
  return decide(principal, tokens_at_most, true);
}

Admission Limiter::look(const Principal& principal, std::uint64_t tokens_at_most) {
  return decide(principal, tokens_at_most, false);
}

Admission Limiter::decide(const Principal& principal, std::uint64_t tokens_at_most, bool take) {
  const Limits& limits = principal.limits;
  Admission admission;
  if (limits == Limits{}) {
    admission.ok = true;
    return admission;
  }
  const nanoseconds now = state_->clock();
  const std::lock_guard lock(state_->mutex);
  state_->sweep(now);
  Counted& entry = state_->entries[principal.key_id];
  nanoseconds wait{0};
  auto refuse = [&](LimitKind kind, nanoseconds until) {
    if (admission.limit != LimitKind::none && until <= wait) return;
    admission.limit = kind;
    wait = until;
  };
  double reserve = 0;
  if (limits.requests_per_minute) {
    entry.requests.fill(static_cast<double>(*limits.requests_per_minute), now);
    if (entry.requests.level + kRounding < 1) refuse(LimitKind::requests, entry.requests.wait_for(1));
  }
  if (limits.tokens_per_minute) {
    const auto capacity = static_cast<double>(*limits.tokens_per_minute);
    reserve = std::min(static_cast<double>(tokens_at_most), capacity);
    entry.tokens.fill(capacity, now);
    if (entry.tokens.level + kRounding < reserve) refuse(LimitKind::tokens, entry.tokens.wait_for(reserve));
  }
  if (limits.concurrency && entry.active >= *limits.concurrency) refuse(LimitKind::concurrency, seconds(1));
  admission.ok = admission.limit == LimitKind::none;
  if (admission.ok && take) {
    ++entry.active;
    if (limits.requests_per_minute) entry.requests.level -= 1;
    if (limits.tokens_per_minute) entry.tokens.level -= reserve;
    admission.lease.held_ = std::make_unique<Lease::Held>(
        Lease::Held{state_, principal.key_id, limits.tokens_per_minute.has_value(), reserve, reserve});
  } else if (!admission.ok) {
    admission.retry_after = rounded_up(wait);
  }
  if (limits.requests_per_minute) admission.requests = entry.requests.standing();
  if (limits.tokens_per_minute) admission.tokens = entry.tokens.standing();
  return admission;
}

namespace {

// As OpenAI writes them, which is as Go does: "20ms", "1.5s", "6m0s", "1h0m0s". Rounded up to a millisecond.
std::string duration(nanoseconds time) {
  const std::int64_t ms = std::chrono::ceil<std::chrono::milliseconds>(time).count();
  if (ms < 1000) return fmt::format("{}ms", ms);
  const std::int64_t s = ms / 1000;
  std::string rest = fmt::format("{}", s % 60);
  if (ms % 1000 != 0) {
    rest += fmt::format(".{:03}", ms % 1000);
    rest.erase(rest.find_last_not_of('0') + 1);
  }
  if (s < 60) return rest + "s";
  if (s < 3600) return fmt::format("{}m{}s", s / 60, rest);
  return fmt::format("{}h{}m{}s", s / 3600, s / 60 % 60, rest);
}

}  // namespace

std::vector<std::pair<std::string, std::string>> rate_limit_headers(const Admission& admission) {
  std::vector<std::pair<std::string, std::string>> headers;
  for (const auto& [standing, what] :
       {std::pair(&admission.requests, "requests"), std::pair(&admission.tokens, "tokens")}) {
    if (!*standing) continue;
    headers.emplace_back(fmt::format("x-ratelimit-limit-{}", what), std::to_string((*standing)->limit));
    headers.emplace_back(fmt::format("x-ratelimit-remaining-{}", what), std::to_string((*standing)->remaining));
    headers.emplace_back(fmt::format("x-ratelimit-reset-{}", what), duration((*standing)->reset));
  }
  if (!admission.ok) headers.emplace_back("retry-after", std::to_string(admission.retry_after.count()));
  return headers;
}

}  // namespace freehold::guard
