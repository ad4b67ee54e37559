// Requests a minute, tokens a minute and requests at a time, by key. Both rates are token buckets that hold a minute's
// worth and fill evenly. A request reserves the most tokens it could take, at most a whole bucket, and settles what it
// really took when it ends; a bucket may be overdrawn by that, and the next request waits until it is paid back: so no
// request is too large for ever, and the average never exceeds the limit.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "guard/authenticator.h"
#include "guard/principal.h"

namespace freehold::guard {

enum class LimitKind : std::uint8_t { none, requests, tokens, concurrency };
std::string_view name_of(LimitKind kind);  // "requests per minute", …

// Where a rate stands, after the request was counted.
struct Standing {
  std::uint64_t limit = 0;            // a minute
  std::uint64_t remaining = 0;        // that may be taken now
  std::chrono::nanoseconds reset{0};  // until everything is available again
  bool operator==(const Standing&) const = default;
};

// What an admitted request holds: a place among those at a time, and its tokens. Moves; any thread; outlives the
// limiter if it must.
class Lease {
 public:
  Lease() noexcept;
  Lease(Lease&&) noexcept;
  Lease& operator=(Lease&&) noexcept;
  ~Lease();  // gives the place back; a request that was never settled keeps what it reserved

  // How many tokens it really took. The last call counts.
  void settle(std::uint64_t tokens);

 private:
  friend class Limiter;
  struct Held;
  std::unique_ptr<Held> held_;
};

struct Admission {
  bool ok = false;
  LimitKind limit = LimitKind::none;    // which one refused
  std::chrono::seconds retry_after{0};  // rounded up, at least 1 when refused
  std::optional<Standing> requests;     // unset: no such limit
  std::optional<Standing> tokens;
  Lease lease;  // holds something only if ok
};

// Thread-safe. Memory: one small entry a key that was active within about two minutes, or is in debt.
class Limiter {
 public:
  explicit Limiter(SteadyClock clock = steady_now);
  ~Limiter();

  // `tokens_at_most`: prompt and answer together. A refused request counts for nothing.
  Admission admit(const Principal& principal, std::uint64_t tokens_at_most);
  // Whether a request of so many tokens would be admitted now; takes nothing, and the lease holds nothing. For refusing
  // before anything is worked out; what follows still needs admit().
  Admission look(const Principal& principal, std::uint64_t tokens_at_most);

  std::size_t entries() const;  // for tests and metrics

 private:
  friend class Lease;
  struct State;
  Admission decide(const Principal& principal, std::uint64_t tokens_at_most, bool take);
  std::shared_ptr<State> state_;
};

// x-ratelimit-limit-requests, -remaining-requests, -reset-requests, the same of tokens, and retry-after when refused:
// names in lower case. Durations are written "6m0s", "1.5s", "20ms".
std::vector<std::pair<std::string, std::string>> rate_limit_headers(const Admission& admission);

}  // namespace freehold::guard
