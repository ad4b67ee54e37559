// The reading side of $FREEHOLD_HOME/usage.db: one request, a range, sums. Has a connection of its own, so it neither
// waits for the writer nor holds it up.
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
#include "ledger/event.h"
#include "ledger/tokens.h"

namespace freehold::ledger {

// All that are set must hold.
struct Filter {
  std::optional<std::string> key_id;
  std::optional<std::string> model;
  std::optional<std::string> adapter, vendor, tag;
  std::optional<std::int64_t> since;  // microseconds since 1970, UTC: at or after
  std::optional<std::int64_t> until;  // before
};

enum class GroupBy : std::uint8_t { all, key, model, day, adapter, vendor, tag };  // day: of UTC, "2027-01-31"

struct Sum {
  std::string group;  // empty for GroupBy::all
  std::uint64_t requests = 0;
  std::uint64_t completed = 0;  // of the requests
  std::uint64_t prompt_tokens = 0;
  std::uint64_t cached_tokens = 0;
  std::uint64_t completion_tokens = 0;
  double queue_seconds = 0;
  double prefill_seconds = 0;
  double decode_seconds = 0;
  bool operator==(const Sum&) const = default;
};

// What one group had on one day, apart by what decides prices: who answered, which model, how long the prompts were,
// and whether they were lines of a batch.
struct DaySum {
  std::int64_t day = 0;  // since 1970, UTC
  std::string group;     // the day itself has none
  std::string vendor;    // empty: this machine
  std::string model;     // by the name that it was asked by
  int long_prompts = 0;  // ledger/tokens.h
  bool batched = false;
  std::uint64_t requests = 0;
  std::uint64_t completed = 0;  // of the requests
  std::uint64_t timed = 0;      // of the requests, those whose share of the machine is known
  std::uint64_t prompt_tokens = 0, cached_tokens = 0, cache_write_tokens = 0, completion_tokens = 0;
  std::uint64_t compute_us = 0;
  std::uint64_t metered_us = 0;  // of compute_us, that of requests with measured energy
  std::uint64_t energy_nwh = 0;
  Tokens tokens() const {
    return {prompt_tokens, cached_tokens, completion_tokens, long_prompts, cache_write_tokens, batched};
  }
  bool operator==(const DaySum&) const = default;
};

// The same with every name.
struct DayRow {
  std::string key_id, adapter, tag;
  DaySum sum;  // without a group
};

struct BusyDay {
  std::int64_t day = 0;          // since 1970, UTC
  std::uint64_t compute_us = 0;  // of what this machine answered
};

// Events with counts that no request can have (docs/adr/0059): in no sum.
struct LeftOut {
  std::uint64_t requests = 0;
  struct Event {
    std::string request_id;
    std::string why;  // "prompt_tokens -1"
  };
  std::vector<Event> first;  // by time, at most kFirst
  static constexpr std::size_t kFirst = 10;
};

// One thread at a time. Sums leave out what left_out() names.
class UsageQuery {
 public:
  // Errors: not_found if nothing was ever recorded; else sql/database.h.
  static Result<UsageQuery> open(const std::filesystem::path& home);
  UsageQuery(UsageQuery&&) noexcept;
  UsageQuery& operator=(UsageQuery&&) noexcept;
  ~UsageQuery();

  Result<std::optional<Event>> find(std::string_view request_id);
  // Newest first.
  Result<std::vector<Event>> list(const Filter& filter, std::uint64_t limit);
  // By group, in its alphabetical order. GroupBy::all gives exactly one.
  Result<std::vector<Sum>> sums(const Filter& filter, GroupBy by);
  // By day, then group. Whole days are read from the sums that are kept, others from the events. GroupBy::day and all
  // give one group.
  Result<std::vector<DaySum>> day_sums(const Filter& filter, GroupBy by);
  // The rows behind these sums, by day, key, model, adapter, vendor, tag. They are as many as there are tags on a day,
  // so they are not kept; those of one time are of one moment.
  Result<> each_day_row(const Filter& filter, const std::function<void(const DayRow&)>& each);
  // The days that have any events, in their order.
  Result<std::vector<BusyDay>> busy_days(const Filter& filter);
  // The first day that has any before `until`, if any has.
  Result<std::optional<std::int64_t>> first_day(std::optional<std::int64_t> until);
  Result<LeftOut> left_out(const Filter& filter);
  // The same of events that were recorded behind `row`, without groups; and the last row that was looked at, for the
  // next call. Without `row`: of all that are recorded. Both are of one moment.
  struct Recent {
    std::vector<DaySum> sums;
    std::int64_t row = 0;
  };
  Result<Recent> day_sums_behind(const Filter& filter, std::optional<std::int64_t> row);

 private:
  struct State;
  explicit UsageQuery(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace freehold::ledger
