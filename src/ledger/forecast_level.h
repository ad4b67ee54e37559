// Where the level of a history stands, where it goes, and how sure that is: not one line but many explanations of the
// same days, each with its weight.
//
// 1. An explanation says how the level goes (it stays, grows by percentages, or by amounts), what has changed once
//    (nothing, the level, or the slope) and when, how much of a day's noise the next one keeps (AR(1)), and how large
//    the noise is. All are tried: a step that is too small to be detected has its share of the futures, as much as the
//    days speak for it.
// 2. Given those, the parameters (level, slope, change) are normal: a linear regression of the whitened days
//    z_t - rho z_(t-1), with normal priors. The weight is the marginal likelihood times what was thought likely before;
//    growth by amounts is linear in its logarithm only near the optimum (Gauss-Newton, then Laplace's approximation).
//    For both see Gelman et al., "Bayesian Data Analysis", 3rd ed., sections 14.8 and 4.1.
// 3. So an error of the level is the same for all days of a future, and noise that remembers makes a sum wider: the
//    sum's variance is not that of independent days.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace freehold::ledger {

enum class Growth : std::uint8_t { none, percent, amount };
enum class Change : std::uint8_t { none, small_step, step, bend, growth_begins, growth_ends };

struct Explanation {
  Growth growth = Growth::none;
  Change change = Change::none;
  std::size_t at = 0;  // the first day of what has changed
  double memory = 0;   // of the noise
  double innovation = 0;
  // Level at the centre, slope a day (of the logarithm, or relative to the level at the centre), change (of the
  // logarithm, or of its slope). Of those that it does not have, 0.
  std::array<double, 3> mean{};
  std::array<std::array<double, 3>, 3> precision_root{};  // L of L L' = the inverse of their covariance
  double weight = 0;                                      // of all explanations together 1

  // What the logarithm of day `t` is expected to be.
  double at_day(const std::array<double, 3>& parameters, double t, double centre) const;
};

struct LevelDays {
  std::vector<double> z;  // logarithms without weekdays
  std::vector<bool> use;  // by day
  std::size_t from = 0;   // days before tell nothing of the level
  double centre = 0;      // as an index
  double noise = 0.05;    // about, of a day
  double spent = 0;       // parameters that were fitted to them before: so many days say nothing of the noise
};

// Heaviest first; those that weigh less than a ten-thousandth of the heaviest are left out. At least one.
std::vector<Explanation> explain_level(const LevelDays& days);

}  // namespace freehold::ledger
