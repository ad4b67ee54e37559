#include "ledger/forecast.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <iterator>
#include <numbers>

#include "base/random.h"
#include "ledger/forecast_fit.h"

namespace freehold::ledger {
namespace {

using Vector = std::vector<double>;

// Numbers of one simulated future, in the order they are asked for.
class Draws {
 public:
  Draws(std::uint64_t seed, std::uint64_t path) : seed_(seed), path_(path) {}
  double uniform() { return uniform_draw(seed_, path_, next_++); }
  double normal() {
    const double u = std::max(uniform(), 1e-300), v = uniform();
    return std::sqrt(-2 * std::log(u)) * std::cos(2 * std::numbers::pi * v);
  }
  std::size_t below(std::size_t n) {
    return std::min(n - 1, static_cast<std::size_t>(uniform() * static_cast<double>(n)));
  }

 private:
  std::uint64_t seed_, path_, next_ = 0;
};

// So many days without a burst are taken to say that there are none. Fewer leave it open: rates by a Gamma(1/2)
// posterior, twice as often as it would have them, and heights of up to six times a day, both so chosen
// that the totals of short histories with rare bursts are in their band.
constexpr double kNoBurstsAfter = 60;
constexpr double kHighestUnseen = 5;  // beside the day itself
// Days that were all alike do not say that all will be: a hundredth more or less.
constexpr double kLeastNoise = 0.01;
// What bursts are like is known from few of them.
constexpr double kFewBursts = 4, kHeightSpread = 0.5;
constexpr double kDaysWithoutBurst = 10;  // that are thought of beside those seen: one of few is often the only one
constexpr double kHighBurst = 0.7;        // twice what was expected
constexpr double kRateSpread = 1.25;      // of how often they come, times what counting them leaves open
// The share of the days' own leftovers in new noise; the rest is normal, so that few days do not repeat themselves.
constexpr double kOwnNoise = 0.9;
// At most one of so many days may be without use for no reason.
constexpr std::size_t kMostGaps = 10;

struct Futures {
  std::vector<Vector> days;  // one a day: the paths' values, sorted
  Vector totals;             // sorted
};

// Draws from the explanation's normal law of its parameters.
std::array<double, 3> drawn_parameters(const Explanation& e, Draws& draw, double scale) {
  std::array<double, 3> x{};
  for (std::size_t i = 3; i-- > 0;) {
    x[i] = draw.normal();
    for (std::size_t k = i + 1; k < 3; ++k) x[i] -= e.precision_root[k][i] * x[k];
    x[i] /= e.precision_root[i][i];
  }
  for (std::size_t i = 0; i < 3; ++i) x[i] = e.mean[i] + scale * x[i];
  return x;
}

// `scale`: how much wider than the history alone would have it.
Futures simulate(const Fit& f, std::size_t n, int first_weekday, const ForecastOptions& o, double scale) {
  const auto horizon = static_cast<std::size_t>(o.horizon);
  Futures out;
  out.days.assign(horizon, Vector(static_cast<std::size_t>(o.paths)));
  const auto m = static_cast<double>(f.bursts.size());
  // How often bursts come is known from few of them.
  Vector bursts;
  std::copy_if(f.bursts.begin(), f.bursts.end(), std::back_inserter(bursts), [](double b) { return b != 0; });
  const auto seen = static_cast<double>(bursts.size());
  // What chance alone put beyond the noise is no burst of use.
  const bool high = std::any_of(bursts.begin(), bursts.end(), [](double b) { return b > kHighBurst; });
  Vector up_to;  // the weights, added up
  for (const Explanation& e : f.explanations) up_to.push_back((up_to.empty() ? 0 : up_to.back()) + e.weight);
  const LevelDays& level = f.level;
  const auto open_weekdays = std::max(1.0, static_cast<double>(std::count(f.closed.begin(), f.closed.end(), false)));
  std::size_t last = n;  // one behind the last day whose noise is known
  while (last > level.from && !level.use[last - 1]) --last;
  for (int p = 0; p < o.paths; ++p) {
    Draws draw(o.seed, static_cast<std::uint64_t>(p));
    // Stratified: each explanation has its share of the paths, as near as whole ones can be.
    const double pick = (p + draw.uniform()) / o.paths;
    const auto at = std::lower_bound(up_to.begin(), up_to.end() - 1, pick);
    const Explanation& e = f.explanations[static_cast<std::size_t>(at - up_to.begin())];
    const std::array<double, 3> parameters = drawn_parameters(e, draw, scale);
    std::array<double, 7> weekday{};
    // Their errors have the mean 0, too: what is common to all days is the level's.
    double common = 0;
    for (std::size_t d = 0; d < 7; ++d) {
      weekday[d] = f.closed[d] ? 0 : scale * f.weekday_error[d] * draw.normal();
      common += weekday[d] / open_weekdays;
    }
    for (std::size_t d = 0; d < 7; ++d) weekday[d] += f.weekday[d] - common;
    const double rate = seen == 0 ? 0
                                  : (seen + 0.5) * std::exp(kRateSpread * draw.normal() / std::sqrt(seen + 0.5)) /
                                        (m + kDaysWithoutBurst);
    const bool open = !high && m < kNoBurstsAfter;
    const double unseen_rate = open ? std::pow(draw.normal(), 2) / m : 0;
    const double own = scale * e.innovation * kOwnNoise,
                 other = std::hypot(kLeastNoise, scale * e.innovation * std::sqrt(1 - kOwnNoise * kOwnNoise));
    double noise = 0, total = 0;
    if (last > level.from) {
      noise = level.z[last - 1] - e.at_day(parameters, static_cast<double>(last - 1), level.centre);
      noise *= std::pow(e.memory, static_cast<double>(n - last));
    }
    for (std::size_t h = 0; h < horizon; ++h) {
      const std::size_t day = (static_cast<std::size_t>(first_weekday) + n + h) % 7;
      noise = e.memory * noise + own * f.innovations[draw.below(f.innovations.size())] + other * draw.normal();
      double burst = 0;
      if (draw.uniform() < rate)
        burst = bursts[draw.below(bursts.size())] + (seen < kFewBursts ? kHeightSpread * draw.normal() : 0);
      const double z = e.at_day(parameters, static_cast<double>(n + h), level.centre) + weekday[day] + noise + burst;
      const double value = f.closed[day] ? 0 : std::max(0.0, std::exp(std::min(z, 700.0)) - f.offset);
      out.days[h][static_cast<std::size_t>(p)] = value;
      total += value;
      // Too rare to show in a day's band, and not in a sum.
      if (open && draw.uniform() < unseen_rate) total += value * (1 + kHighestUnseen * draw.uniform());
    }
    out.totals.push_back(total);
  }
  for (Vector& day : out.days) std::sort(day.begin(), day.end());
  std::sort(out.totals.begin(), out.totals.end());
  return out;
}

double quantile(const Vector& sorted, double q) {
  const double at = q * static_cast<double>(sorted.size() - 1);
  const auto i = static_cast<std::size_t>(at);
  if (i + 1 >= sorted.size()) return sorted.back();
  return sorted[i] + (at - static_cast<double>(i)) * (sorted[i + 1] - sorted[i]);
}

Band band_of(const Vector& sorted) {
  return {quantile(sorted, 0.5), quantile(sorted, 0.25), quantile(sorted, 0.75), quantile(sorted, 0.025),
          quantile(sorted, 0.975)};
}

// From days of the past, with what was known then.
Backtest tried(std::span<const double> history, std::size_t from, int first_weekday, const ForecastOptions& options) {
  Backtest out;
  double in50 = 0, in95 = 0;
  const std::size_t n = history.size();
  constexpr std::size_t kOrigins = 8;
  const std::size_t first = from + kFewestDays + 7;
  if (first + 7 > n) return out;
  const std::size_t step = std::max<std::size_t>(7, (n - 7 - first) / kOrigins + 1);
  for (std::size_t origin = first; origin + 7 <= n; origin += step) {
    ForecastOptions o = options;
    o.horizon = static_cast<int>(std::min<std::size_t>(n - origin, static_cast<std::size_t>(options.horizon)));
    o.horizon = std::min(o.horizon, kMostAhead * static_cast<int>(origin - from));
    o.paths = 400;
    const Futures futures = simulate(fit(history.first(origin), first_weekday), origin, first_weekday, o, 1);
    ++out.origins;
    for (std::size_t h = 0; h < futures.days.size(); ++h) {
      const Band b = band_of(futures.days[h]);
      const double x = history[origin + h];
      ++out.days;
      in50 += x >= b.low50 && x <= b.high50 ? 1 : 0;
      in95 += x >= b.low95 && x <= b.high95 ? 1 : 0;
    }
  }
  if (out.days > 0) out.covered50 = in50 / out.days, out.covered95 = in95 / out.days;
  return out;
}

// A step of the level that more likely happened than not.
std::optional<std::string> likely_step(const Fit& f, std::size_t n) {
  double stepped = 0, size = 0, ago = 0;
  for (const Explanation& e : f.explanations) {
    if (e.change != Change::small_step && e.change != Change::step) continue;
    stepped += e.weight, size += e.weight * e.mean[2], ago += e.weight * static_cast<double>(n - e.at);
  }
  if (stepped < 0.5 || std::abs(size / stepped) < 0.02) return std::nullopt;
  return fmt::format("the level probably changed about {:.0f} days ago, by {:+.0f} %: the bands leave room for both",
                     ago / stepped, 100 * std::expm1(size / stepped));
}

// How many of the last days are as far from what was before as bursts are, though bursts are too rare to come so often
// in a row.
std::size_t odd_days_at_the_end(const Fit& f) {
  std::size_t run = 0;
  while (run < f.bursts.size() && f.bursts[f.bursts.size() - 1 - run] != 0) ++run;
  const auto others = static_cast<double>(f.bursts.size() - run);
  if (run == 0 || others == 0) return 0;
  const auto seen = static_cast<double>(std::count_if(
      f.bursts.begin(), f.bursts.end() - static_cast<std::ptrdiff_t>(run), [](double b) { return b != 0; }));
  constexpr double kChance = 0.02;
  return std::pow((seen + 0.5) / (others + 1), static_cast<double>(run)) < kChance || run == 1 ? run : 0;
}

}  // namespace

Forecast forecast(std::span<const double> history, int first_weekday, const ForecastOptions& options) {
  Forecast out;
  const std::size_t n = history.size();
  const auto used =
      static_cast<std::size_t>(std::count_if(history.begin(), history.end(), [](double x) { return x > 0; }));
  if (n < kFewestDays) {
    out.refused =
        fmt::format("there are {} whole days of history, and a weekly pattern takes at least {}", n, kFewestDays);
    return out;
  }
  if (used < 7) {
    out.refused = fmt::format("only {} of the {} days had any use", used, n);
    return out;
  }
  const Fit f = fit(history, first_weekday);
  const std::size_t days = n - f.level.from;
  const std::size_t odd = odd_days_at_the_end(f);
  if (odd >= 2) {
    out.refused = fmt::format(
        "the last {} days are far from what was before, by more than its bursts: whether that lasts (a launch, "
        "somebody "
        "who left) takes {} days to see",
        odd, kFewestDays);
    return out;
  }
  if (odd == 1) out.notes.push_back("yesterday was far from what was before: if that lasts, these bands are wrong");
  if (f.jumped) {
    out.jump = static_cast<std::int64_t>(f.level.from);
    if (days < kFewestDays) {
      out.refused = fmt::format("the level changed {} days ago; what is normal now takes at least {} days to see", days,
                                kFewestDays);
      return out;
    }
    out.notes.push_back(fmt::format(
        "the level changed {} days ago (a launch, or somebody left): what was before tells only the weekdays", days));
  }
  if (f.gaps * kMostGaps > n) {
    out.refused = fmt::format(
        "{} of the {} days had no use, on no particular weekday: so few requests come too irregularly for a band",
        f.gaps, n);
    return out;
  }
  if (static_cast<std::size_t>(options.horizon) > kMostAhead * days) {
    out.refused = fmt::format("{} days ahead from {} days of history would be a guess: at most {} times as many",
                              options.horizon, days, kMostAhead);
    return out;
  }
  if (f.weekdays_from > 0)
    out.notes.push_back(fmt::format("weekdays are not what they were: only the last {} days tell what they are now",
                                    n - f.weekdays_from));
  if (const auto note = likely_step(f, n)) out.notes.push_back(*note);
  if (!f.outages.empty())
    out.notes.push_back(
        fmt::format("{} days of almost no use among busy ones (an outage?) are left out", f.outages.size()));
  const auto high = std::count_if(f.bursts.begin(), f.bursts.end(), [](double b) { return b > 0; });
  if (f.bursts.size() < kNoBurstsAfter &&
      std::all_of(f.bursts.begin(), f.bursts.end(), [](double b) { return b == 0; }))
    out.notes.push_back(fmt::format(
        "{} days without a burst do not say that there are none: the total leaves room for some", f.bursts.size()));
  if (high > 0)
    out.notes.push_back(fmt::format("{} of {} days were bursts: expected as often again", high, f.bursts.size()));
  if (options.backtest) {
    out.backtest = tried(history, f.level.from, first_weekday, options);
    // Too few days inside: wider, as normal noise would have to be.
    const double covered = out.backtest.covered95;
    if (out.backtest.days >= 30 && covered < 0.9) {
      out.widened = covered > 0.8 ? 1.25 : covered > 0.6 ? 1.6 : 2.2;
      out.notes.push_back(
          fmt::format("bands made {} times as wide, because earlier ones held only {:.0f} % of the days", out.widened,
                      100 * covered));
    }
  }
  const Futures futures = simulate(f, n, first_weekday, options, out.widened);
  for (const Vector& day : futures.days) out.days.push_back(band_of(day));
  out.total = band_of(futures.totals);
  return out;
}

}  // namespace freehold::ledger
