// The inside of forecast.h: what is taken off a history (weekdays, bursts, outages), how its level is explained, and
// what is left over.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "ledger/forecast_level.h"

namespace freehold::ledger {

struct Fit {
  LevelDays level;                  // what the explanations are of; use[i]: no outage, no burst, no closed day
  double offset = 0;                // added before the logarithm is taken, so that a day of nothing has one
  std::array<double, 7> weekday{};  // effects on the logarithm, with the mean 0 over the days that have any use
  std::array<double, 7> weekday_error{};
  std::array<bool, 7> closed{};  // weekdays on which there never was any use
  std::vector<Explanation> explanations;
  std::vector<double> innovations;  // what is new in a day's noise, with the mean 0 and the spread 1
  std::vector<double>
      bursts;  // by day that is fitted: how far it is from what was expected if beyond the noise, mostly 0
  std::vector<std::size_t> outages;  // days left out
  std::size_t gaps = 0;              // days without any use that neither a weekday nor an outage accounts for
  std::size_t weekdays_from = 0;     // the first day whose weekday tells what such days are like now
  bool jumped = false;
};

// At least 14 days, of which some are not 0.
Fit fit(std::span<const double> history, int first_weekday);

}  // namespace freehold::ledger
