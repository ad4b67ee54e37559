// The inside of forecast.h: what is fitted to a history, and what is left over.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

namespace freehold::ledger {

// level x weekday, in logarithms. Trend 0: none, 1: log-linear, 2: linear in the values themselves.
struct Trend {
  int kind = 0;
  double weight = 0;              // among the three
  std::array<double, 2> value{};  // at the middle of the fitted days, and its slope a day (of the log, or relative)
  std::array<double, 2> error{};  // their standard errors; not correlated, because the days are centred
};

struct Fit {
  std::size_t from = 0;             // first day that the level is fitted to
  double centre = 0;                // the middle of the days fitted, as an index
  double offset = 0;                // added before the logarithm is taken, so that a day of nothing has one
  std::array<double, 7> weekday{};  // effects on the logarithm, with the mean 0 over the week
  std::array<double, 7> weekday_error{};
  std::array<Trend, 3> trends;
  double sigma = 0;   // of the noise
  double memory = 0;  // correlation of a day's noise with yesterday's
  std::vector<double>
      innovations;             // of days without a burst, what is new in their noise; corrected for what was fitted
  std::vector<double> bursts;  // a day: how far it is from what was expected if beyond the noise, mostly 0
  double last_noise = 0;       // of the last day
  std::vector<std::size_t> outages;  // days left out
  bool jumped = false;
};

// At least 14 days, of which some are not 0.
Fit fit(std::span<const double> history, int first_weekday);

}  // namespace freehold::ledger
