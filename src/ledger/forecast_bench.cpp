// How often forecasts are right: histories whose truth is known, drawn over and over, and how many of the days and the
// totals that come after them are in their bands (in percent), beside how wide the totals' 95 % band is and how far the
// true totals spread (logarithms of the upper end over the lower one). FORECAST_HISTORIES=N draws N of each (150).
// With bands widened by the backtest, as the command has them: FORECAST_BACKTEST=1.
#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <functional>
#include <random>
#include <string>
#include <vector>

#include "ledger/forecast.h"

namespace freehold::ledger {
namespace {

using Dice = std::mt19937_64;
using History = std::vector<double>;

constexpr double kShape[] = {1.1, 1.2, 1.15, 1.2, 1.0, 0.4, 0.3};

double uniform(Dice& dice) {
  return std::uniform_real_distribution<double>(0, 1)(dice);
}

// What days are made of. All `n` of the history and `h` after it.
struct Law {
  std::string name;
  int n = 60, h = 30;
  bool weekdays = true;
  double sigma = 0.2;
  double step = 1;  // of the level, `ago` days before the end of the history
  int ago = 20;
  double growth = 0;  // of the logarithm, a day
  double amount = 0;  // relative to the first day, a day
  double bend = 0;    // growth from `ago` on
  double memory = 0;  // of the noise
  double drift = 0;   // a random walk of the level, a day
  double bursts = 0;  // a day, x3 to x8
  double count = 0;   // Poisson with this mean, instead of noise
  bool closed_weekends = false;
  bool outage = false;      // four days, 25 before the end
  bool launch_day = false;  // x15, 30 days before the end
  bool new_shape = false;   // weekends like other days from `ago` on
  double dead_share = 0;    // days without any use, at random
};

History drawn(const Law& law, Dice& dice) {
  History out;
  double noise = 0, level = 0;
  const double fresh = law.sigma * std::sqrt(1 - law.memory * law.memory);
  std::normal_distribution<double> normal(0, 1);
  for (int t = 0; t < law.n + law.h; ++t) {
    noise = t == 0 ? law.sigma * normal(dice) : law.memory * noise + fresh * normal(dice);
    level += law.drift * normal(dice);
    double x = 1000 * std::exp(law.growth * t + level) * (1 + law.amount * t);
    const int since = t - (law.n - law.ago);
    if (since >= 0) x *= law.step * std::exp(law.bend * since);
    const bool weekend = t % 7 >= 5;
    if (law.weekdays && !(law.new_shape && since >= 0 && weekend)) x *= kShape[t % 7];
    x *= std::exp(noise - law.sigma * law.sigma / 2);
    if (law.count > 0) x = std::poisson_distribution<int>(x / 1000 * law.count)(dice);
    if (uniform(dice) < law.bursts) x *= 3 + 5 * uniform(dice);
    if (law.closed_weekends && weekend) x = 0;
    if (law.outage && t >= law.n - 25 && t < law.n - 21) x = t % 2 == 0 ? 0 : 3;
    if (law.launch_day && t == law.n - 30) x *= 15;
    if (uniform(dice) < law.dead_share) x = 0;
    out.push_back(x);
  }
  return out;
}

std::vector<Law> laws() {
  std::vector<Law> out;
  for (const double step : {1.0, 1.1, 1.2, 1.3, 1.4, 1.5, 1.7, 2.0, 0.7}) {
    for (const int ago : {10, 20, 40}) {
      if (step == 1.0 && ago != 20) continue;
      out.push_back({.name = fmt::format("step x{} {} days ago", step, ago), .step = step, .ago = ago});
    }
  }
  for (const double step : {1.3, 1.5})
    out.push_back({.name = fmt::format("step x{} 30 of 120 days ago", step), .n = 120, .step = step, .ago = 30});
  for (const double step : {1.0, 1.2, 1.4})
    out.push_back({.name = fmt::format("quiet noise, step x{} 20 days ago", step), .sigma = 0.08, .step = step});
  out.push_back({.name = "no weekdays", .n = 90, .weekdays = false});
  out.push_back({.name = "growth 1 % a day", .n = 120, .growth = 0.01});
  out.push_back({.name = "growth 1 % a day, 30 days", .n = 30, .growth = 0.01});
  out.push_back({.name = "growth 3 % a day, 60 days", .growth = 0.03});
  out.push_back({.name = "growth by amounts", .n = 120, .amount = 0.015});
  out.push_back({.name = "growth by amounts, 90 days ahead", .n = 120, .h = 90, .amount = 0.015});
  out.push_back({.name = "decline 1.2 % a day", .n = 100, .growth = -0.012});
  out.push_back({.name = "growth begins 30 days ago", .n = 90, .ago = 30, .bend = 0.01});
  out.push_back({.name = "growth ends 30 days ago", .n = 90, .ago = 30, .growth = 0.015, .bend = -0.015});
  out.push_back({.name = "bursts, 3 % of days", .n = 120, .bursts = 0.03});
  out.push_back({.name = "bursts, 10 % of days", .n = 90, .bursts = 0.1});
  out.push_back({.name = "launch day", .n = 120, .launch_day = true});
  out.push_back({.name = "launch that lasts, x5", .n = 120, .step = 5, .ago = 45});
  out.push_back({.name = "outage", .n = 90, .outage = true});
  out.push_back({.name = "new weekly pattern 40 days ago", .n = 90, .ago = 40, .new_shape = true});
  for (const int n : {3, 7, 13, 14, 16, 21, 30, 45}) out.push_back({.name = fmt::format("{} days", n), .n = n});
  out.push_back({.name = "21 days, bursts 3 %", .n = 21, .bursts = 0.03});
  for (const double count : {3.0, 8.0, 20.0})
    out.push_back({.name = fmt::format("counts around {}", count), .weekdays = false, .sigma = 0.01, .count = count});
  out.push_back({.name = "counts around 1", .weekdays = false, .sigma = 0.01, .count = 1});
  out.push_back({.name = "counts around 8 with weekdays", .sigma = 0.01, .count = 8});
  out.push_back({.name = "nothing at weekends", .weekdays = false, .closed_weekends = true});
  out.push_back({.name = "noise that remembers 0.5", .n = 90, .memory = 0.5});
  out.push_back({.name = "noise that remembers 0.8", .n = 90, .memory = 0.8});
  out.push_back({.name = "drifting level 2 % a day", .n = 90, .drift = 0.02});
  out.push_back({.name = "drifting level 5 % a day", .n = 90, .drift = 0.05});
  out.push_back(
      {.name = "growth, step x1.4, bursts", .n = 90, .step = 1.4, .ago = 25, .growth = 0.005, .bursts = 0.03});
  out.push_back({.name = "step x1.3, outage, closed weekends",
                 .n = 90,
                 .weekdays = false,
                 .step = 1.3,
                 .ago = 15,
                 .closed_weekends = true,
                 .outage = true});
  out.push_back(
      {.name = "growth, memory 0.4, launch day", .n = 120, .growth = 0.005, .memory = 0.4, .launch_day = true});
  out.push_back({.name = "holes, 20 % of days", .n = 90, .dead_share = 0.2});
  return out;
}

void measure(benchmark::State& bench, const Law& law, int histories, const ForecastOptions& options) {
  double days = 0, in95 = 0, in50 = 0, totals = 0, totals50 = 0, width = 0;
  int told = 0;
  std::string why;
  std::vector<double> truths;
  for (int i = 0; i < histories; ++i) {
    Dice dice(static_cast<std::uint64_t>(i) * 7919 + 13);
    const History all = drawn(law, dice);
    ForecastOptions o = options;
    o.horizon = law.h;
    const Forecast f = forecast(std::span(all).first(static_cast<std::size_t>(law.n)), 0, o);
    double total = 0;
    for (int t = 0; t < law.h; ++t) total += all[static_cast<std::size_t>(law.n + t)];
    truths.push_back(total);
    if (!f.refused.empty()) {
      why = f.refused;
      continue;
    }
    ++told;
    for (int t = 0; t < law.h; ++t) {
      const Band& b = f.days[static_cast<std::size_t>(t)];
      const double x = all[static_cast<std::size_t>(law.n + t)];
      ++days;
      in95 += x >= b.low95 && x <= b.high95 ? 1 : 0;
      in50 += x >= b.low50 && x <= b.high50 ? 1 : 0;
    }
    totals += total >= f.total.low95 && total <= f.total.high95 ? 1 : 0;
    totals50 += total >= f.total.low50 && total <= f.total.high50 ? 1 : 0;
    width += std::log(std::max(f.total.high95, 1e-9) / std::max(f.total.low95, 1e-9));
  }
  // The truth's own spread: 95 % of the totals, whatever the forecast was.
  std::sort(truths.begin(), truths.end());
  const auto at = [&](double q) {
    return truths[static_cast<std::size_t>(q * static_cast<double>(truths.size() - 1))];
  };
  const double spread = std::log(at(0.975) / std::max(at(0.025), 1e-9));
  const auto share = [](double part, double of) { return of > 0 ? 100 * part / of : 0.0; };
  bench.counters["refused"] = histories - told;
  bench.counters["days95"] = share(in95, days), bench.counters["days50"] = share(in50, days);
  bench.counters["totals95"] = share(totals, told), bench.counters["totals50"] = share(totals50, told);
  bench.counters["band"] = told > 0 ? width / told : 0.0, bench.counters["truth"] = spread;
  bench.SetLabel(why);
}

const int kRegistered = [] {
  const char* histories = std::getenv("FORECAST_HISTORIES");
  const int count = histories != nullptr ? std::max(1, std::atoi(histories)) : 150;
  const bool backtest = std::getenv("FORECAST_BACKTEST") != nullptr;
  for (const Law& law : laws()) {
    benchmark::RegisterBenchmark(("forecast/" + law.name).c_str(),
                                 [=](benchmark::State& bench) {
                                   for (auto _ : bench)
                                     measure(bench, law, count, {.paths = 1000, .backtest = backtest});
                                 })
        ->Iterations(1)
        ->Unit(benchmark::kMillisecond);
  }
  return 0;
}();

}  // namespace
}  // namespace freehold::ledger
