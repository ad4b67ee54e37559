// What the next days will bring, from the days that were: bands, not a line. The idea, with the reasons:
//
// 1. A day is level(t) x weekday x noise, so its logarithm is a sum; what is fitted is robust (Huber), so that a burst
//    or a dead day moves nothing. Days far below what was expected, next to each other, are an outage: left out, and
//    said.
// 2. The level may jump (a launch, a customer who left): the last jump that the data are sure of begins what is fitted.
//    Weekdays are learned from all days, or from those since they changed; those on which there never was anything stay
//    at nothing.
// 3. Whether growth goes on by amounts or by percentages, whether the level has changed by a little and when, and how
//    much a day's noise keeps of yesterday's, decide what 30 days bring, and no history can tell for sure: all such
//    explanations are weighed by how well they explain the days (forecast_level.h).
// 4. Bands are quantiles of simulated futures: each draws an explanation by weight, its parameters by their
//    uncertainty, noise (AR(1), from the days' own residuals), and bursts as often and as high as they came. An error
//    of the level is the same for all days of a future, so totals carry it in full. After few days without any burst,
//    totals leave room for some.
// 5. The same is done from earlier days of the history (backtest) and compared with what then came. If the bands were
//    too narrow there, they are widened; the coverage is reported.
// 6. What cannot be known is refused: fewer than two weeks, a jump fewer than two weeks ago, three times as far ahead
//    as there are days, days without use on no particular weekday.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace freehold::ledger {

struct Band {
  double median = 0;
  double low50 = 0, high50 = 0;
  double low95 = 0, high95 = 0;
  bool operator==(const Band&) const = default;
};

struct Backtest {
  int origins = 0;                      // days from which it was tried
  int days = 0;                         // that were compared
  double covered50 = 0, covered95 = 0;  // parts of these
};

struct Forecast {
  std::string refused;  // why there is none; empty: there is one
  std::vector<Band> days;
  Band total;  // of all days together
  std::vector<std::string> notes;
  std::optional<std::int64_t> jump;  // index of the first day after the last jump of the level
  double widened = 1;                // by the backtest
  Backtest backtest;
};

struct ForecastOptions {
  int horizon = 30;        // days, 1 to 366
  std::uint64_t seed = 1;  // of the simulation
  int paths = 2000;
  bool backtest = true;
};

// `history`: one value a day, at least 0, complete days only, the last of which is yesterday. `first_weekday`: of the
// first, 0 = Monday. The same input gives the same bands.
Forecast forecast(std::span<const double> history, int first_weekday, const ForecastOptions& options);

inline constexpr int kFewestDays = 14;
inline constexpr int kMostAhead = 3;  // times the days there are

}  // namespace freehold::ledger
