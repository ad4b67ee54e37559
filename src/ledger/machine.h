// What this machine costs: what its owner says once (`cost machine`), as dated rows of which the latest applies, and
// the rates that follow from them. A machine costs its owner something every second, whether it works or not; a request
// pays for the time that it had of it, and what nobody had is shown as idle.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "ledger/money.h"

namespace freehold::ledger {

// The owner's answers. Decimals as they were written, within the limits of check().
struct Machine {
  std::string from;            // the first day it applies to: "2026-11-01", UTC
  Money price;                 // USD, when it was bought; 0: rented
  Money residual;              // USD that it will still bring in the end
  std::int64_t life_days = 0;  // over which the rest is written off, evenly
  Money rent_per_hour;         // USD; 0: owned
  Money hosting_per_month;     // USD: room, connection, upkeep; a month is 1/12 of 365 days
  Money tariff;                // USD a kWh, at most six digits behind the point
  std::int64_t idle_milliwatts = 0;
  std::int64_t load_milliwatts = 0;
  std::int64_t overhead_permille = 1000;  // of all power, for cooling and supply (PUE): 1000 = none
  std::string note;
  bool operator==(const Machine&) const = default;
};

// Errors: invalid, naming the answer and what is allowed.
Result<> check(const Machine& machine);

// USD a second, each a whole number of picodollars (rounded once, half up); energy: USD a nanowatt-hour. Times whole
// microseconds and nanowatt-hours they give exact amounts.
struct Rates {
  Money depreciation, rent, hosting;  // whether it works or not
  Money idle_power, load_power;       // by the stated watts
  Money energy;                       // by measured energy, a nWh

  Money fixed() const { return depreciation + rent + hosting; }
  Money idle() const { return fixed() + idle_power; }
  Money busy() const { return fixed() + load_power; }
  bool operator==(const Rates&) const = default;
};
Rates rates_of(const Machine& machine);

// What `microseconds` at a rate a second cost, exactly.
Money for_time(Money per_second, std::int64_t microseconds);

// The parts of what a request's share of the machine cost.
struct LocalCost {
  Money depreciation, rent, hosting, energy;
  Money total() const { return depreciation + rent + hosting + energy; }
};
// `metered_us` of the `compute_us` have measured energy; the rest is taken at the stated watts under load.
LocalCost local_cost(const Rates& rates, std::int64_t compute_us, std::int64_t metered_us, std::int64_t energy_nwh);

// Whole seconds of a year, as rates count them: 365 days.
inline constexpr std::int64_t kYearSeconds = 365 * 86'400;

// A row as it is kept: never changed, superseded by a later one of the same day or of a later day.
struct MachineRow {
  std::int64_t id = 0;
  std::int64_t recorded = 0;  // seconds since 1970
  Machine machine;
};

// The row that applies on each day.
class MachineHistory {
 public:
  MachineHistory() = default;
  explicit MachineHistory(std::vector<MachineRow> rows);  // in the order in which they were recorded

  const std::vector<MachineRow>& rows() const { return rows_; }
  // Null: none began by then. Days since 1970.
  const MachineRow* on(std::int64_t day) const;
  const Rates* rates_on(std::int64_t day) const;
  bool empty() const { return rows_.empty(); }

 private:
  struct Valid {
    std::int64_t from;
    std::size_t row;
    Rates rates;
  };
  const Valid* valid_on(std::int64_t day) const;
  std::vector<MachineRow> rows_;
  std::vector<Valid> valid_;  // by day, one a day
};

// "2026-11-01" as days since 1970, and back. The text must be a day (is_day).
std::int64_t day_number(std::string_view day);
std::string day_text(std::int64_t number);
inline constexpr std::int64_t kDayMicroseconds = 86'400'000'000;
// The day of a moment, microseconds since 1970.
constexpr std::int64_t day_of(std::int64_t time) {
  return (time - (time % kDayMicroseconds + kDayMicroseconds) % kDayMicroseconds) / kDayMicroseconds;
}

}  // namespace freehold::ledger
