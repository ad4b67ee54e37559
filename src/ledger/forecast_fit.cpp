#include "ledger/forecast_fit.h"

#include <algorithm>
#include <cmath>

namespace freehold::ledger {
namespace {

using Vector = std::vector<double>;

double median_of(Vector v) {
  if (v.empty()) return 0;
  const auto middle = v.begin() + static_cast<std::ptrdiff_t>(v.size() / 2);
  std::nth_element(v.begin(), middle, v.end());
  if (v.size() % 2 == 1) return *middle;
  return (*middle + *std::max_element(v.begin(), middle)) / 2;
}

// Of normal noise its standard deviation; bursts do not move it.
double spread_of(const Vector& v) {
  const double m = median_of(v);
  Vector away;
  for (const double x : v) away.push_back(std::abs(x - m));
  return 1.4826 * median_of(std::move(away));
}

// A straight line through (t, z), robust. Days with use[i] false are not looked at.
struct Line {
  double at_centre = 0, slope = 0;
};
Line line_through(const Vector& z, const std::vector<bool>& use, std::size_t from, double centre, bool sloped,
                  double sigma) {
  Line line;
  Vector kept;
  for (std::size_t i = from; i < z.size(); ++i) {
    if (use[i]) kept.push_back(z[i]);
  }
  line.at_centre = median_of(kept);
  for (int round = 0; round < 12; ++round) {
    double w0 = 0, w1 = 0, w2 = 0, z0 = 0, z1 = 0;
    for (std::size_t i = from; i < z.size(); ++i) {
      if (!use[i]) continue;
      const double t = static_cast<double>(i) - centre;
      const double r = std::abs(z[i] - line.at_centre - line.slope * t);
      const double w = r <= 1.5 * sigma || r == 0 ? 1 : 1.5 * sigma / r;
      w0 += w, w1 += w * t, w2 += w * t * t, z0 += w * z[i], z1 += w * t * z[i];
    }
    if (w0 <= 0) break;
    const double det = w0 * w2 - w1 * w1;
    if (sloped && det > 1e-12) {
      line.at_centre = (w2 * z0 - w1 * z1) / det;
      line.slope = (w0 * z1 - w1 * z0) / det;
    } else {
      line.at_centre = z0 / w0;
    }
  }
  return line;
}

// Of the days that count from `from` on, at most `reach` away.
double median_around(const Vector& z, const std::vector<bool>& use, std::size_t from, std::size_t day,
                     std::size_t reach) {
  Vector around;
  for (std::size_t j = std::max(from, day < reach ? 0 : day - reach); j < std::min(z.size(), day + reach + 1); ++j) {
    if (use[j]) around.push_back(z[j]);
  }
  return median_of(std::move(around));
}

// Huber's loss, in units of the noise.
double huber(double r, double noise) {
  const double u = std::abs(r) / noise;
  return u <= 1.5 ? u * u : 3 * u - 2.25;
}

// The first day of the weeks whose weekdays are as they are now: two patterns explain the days much better than one. 0:
// they always were so. `z`: logarithms; `first_weekday`: of the first day.
std::size_t new_weekdays(const Vector& z, const std::vector<bool>& use, std::size_t first_weekday, double noise) {
  constexpr std::size_t kWeeks = 21;  // days on each side
  constexpr double kSure = 35;        // chance alone gains that much in one history of thousands
  const std::size_t n = z.size();
  if (n < 2 * kWeeks) return 0;
  Vector away(n);
  for (std::size_t i = 0; i < n; ++i) away[i] = z[i] - median_around(z, use, 0, i, 3);
  const auto loss = [&](std::size_t from, std::size_t to) {
    double sum = 0;
    for (std::size_t d = 0; d < 7; ++d) {
      Vector of;
      for (std::size_t i = from; i < to; ++i) {
        if (use[i] && (first_weekday + i) % 7 == d) of.push_back(away[i]);
      }
      const double middle = median_of(of);
      for (const double x : of) sum += huber(x - middle, noise);
    }
    return sum;
  };
  const double whole = loss(0, n);
  double best = whole - kSure;
  std::size_t where = 0;
  for (std::size_t k = n - kWeeks; k >= kWeeks; k -= std::min<std::size_t>(k, 7)) {
    const double split = loss(0, k) + loss(k, n);
    if (split < best) best = split, where = k;
  }
  return where;
}

constexpr double kBurst = 3;  // times the usual distance from the days around

// Where the level jumped last, if the data are sure of it: two levels explain the days much better than one line does.
// 0: nowhere.
std::size_t last_jump(const Vector& z, const std::vector<bool>& use, double noise) {
  constexpr std::size_t kLeast = 7;  // days on each side
  const std::size_t n = z.size();
  if (n < 2 * kLeast + 7) return 0;
  const double centre = static_cast<double>(n - 1) / 2;
  const Line one = line_through(z, use, 0, centre, true, noise);
  double whole = 0;
  for (std::size_t i = 0; i < n; ++i)
    whole += use[i] ? huber(z[i] - one.at_centre - one.slope * (static_cast<double>(i) - centre), noise) : 0;
  double best = whole;
  std::size_t where = 0;
  for (std::size_t k = kLeast; k + kLeast <= n; ++k) {
    // A level on each side, no slopes: few parameters, so that noise makes no jumps.
    Vector before, after;
    for (std::size_t i = 0; i < n; ++i) {
      if (!use[i]) continue;
      (i < k ? before : after).push_back(z[i]);
    }
    if (before.size() < kLeast || after.size() < kLeast) continue;
    const double low = median_of(before), high = median_of(after);
    // A growing history is no jump: it must be steep just there.
    Vector near_before, near_after;
    for (std::size_t i = k - std::min<std::size_t>(k, 7); i < k; ++i) {
      if (use[i]) near_before.push_back(z[i]);
    }
    for (std::size_t i = k; i < std::min(n, k + 7); ++i) {
      if (use[i]) near_after.push_back(z[i]);
    }
    if (near_before.size() < 4 || near_after.size() < 4) continue;
    if (std::abs(median_of(near_after) - median_of(near_before)) < std::max(0.5, 3 * noise)) continue;
    double split = 0;
    for (const double r : before) split += huber(r - low, noise);
    for (const double r : after) split += huber(r - high, noise);
    if (split < best) best = split, where = k;
  }
  if (where == 0 || whole - best < 6 * std::log(static_cast<double>(n))) return 0;
  return where;
}

}  // namespace

Fit fit(std::span<const double> history, int first_weekday) {
  Fit f;
  const std::size_t n = history.size();
  Vector positive;
  for (const double x : history) {
    if (x > 0) positive.push_back(x);
  }
  f.offset = 0.01 * median_of(positive);
  Vector z(n);
  for (std::size_t i = 0; i < n; ++i) z[i] = std::log(history[i] + f.offset);
  const auto weekday = [&](std::size_t i) { return (static_cast<std::size_t>(first_weekday) + i) % 7; };
  std::array<std::size_t, 7> days_of{}, used_of{};
  for (std::size_t i = 0; i < n; ++i) ++days_of[weekday(i)], used_of[weekday(i)] += history[i] > 0 ? 1 : 0;
  for (std::size_t d = 0; d < 7; ++d) f.closed[d] = days_of[d] >= 2 && used_of[d] == 0;
  std::vector<bool> open(n);
  for (std::size_t i = 0; i < n; ++i) open[i] = !f.closed[weekday(i)];
  std::vector<bool> use = open;

  // Weekdays from what each day is against the median of the week around it; two patterns, if they changed.
  using Pattern = std::array<double, 7>;
  std::size_t changed_at = 0;
  Pattern before{};
  const auto pattern_of = [&](std::size_t i) -> const Pattern& { return i < changed_at ? before : f.weekday; };
  const auto learned = [&](std::size_t from, std::size_t to) {
    std::array<Vector, 7> off;
    for (std::size_t i = from; i < to; ++i) {
      if (!use[i]) continue;
      Vector week;
      const std::size_t begin = i < 3 ? 0 : std::min(i - 3, n - std::min<std::size_t>(n, 7));
      for (std::size_t j = begin; j < std::min(n, begin + 7); ++j) {
        if (use[j]) week.push_back(z[j] - pattern_of(j)[weekday(j)]);
      }
      off[weekday(i)].push_back(z[i] - median_of(week));
    }
    Pattern out{};
    double mean = 0, count = 0;
    for (std::size_t d = 0; d < 7; ++d) {
      out[d] = median_of(off[d]);
      if (!f.closed[d]) mean += out[d], ++count;
    }
    for (std::size_t d = 0; d < 7; ++d) out[d] = f.closed[d] ? 0 : out[d] - mean / std::max(1.0, count);
    return out;
  };
  Vector flat(n);
  double noise = 0.05;
  for (int round = 0; round < 4; ++round) {
    if (round == 2) changed_at = new_weekdays(z, use, static_cast<std::size_t>(first_weekday), noise);
    const Pattern old = changed_at > 0 ? learned(0, changed_at) : Pattern{};
    f.weekday = learned(changed_at, n);
    before = old;
    Vector steps;
    for (std::size_t i = 0; i < n; ++i) flat[i] = z[i] - pattern_of(i)[weekday(i)];
    for (std::size_t i = 1; i < n; ++i) {
      if (use[i] && use[i - 1]) steps.push_back(flat[i] - flat[i - 1]);
    }
    noise = std::max(0.01, spread_of(steps) / std::sqrt(2.0));
    // Days of almost nothing, where the days around them had much more.
    std::vector<bool> dead(n, false);
    std::size_t count = 0;
    for (std::size_t i = 0; i < n; ++i) {
      dead[i] = open[i] && flat[i] < median_around(flat, open, 0, i, 10) - std::max(2.3, 6 * noise);
      count += dead[i] ? 1 : 0;
    }
    std::size_t runs = 0;
    for (std::size_t i = 0; i < n; ++i) runs += dead[i] && (i == 0 || !dead[i - 1]) ? 1 : 0;
    if (count * 5 > n || runs > std::max<std::size_t>(2, n / 30)) dead.assign(n, false);  // so many are no accident
    for (std::size_t i = 0; i < n; ++i) use[i] = open[i] && !dead[i];
  }
  for (std::size_t i = 0; i < n; ++i) {
    if (open[i] && !use[i]) f.outages.push_back(i);
    if (use[i] && history[i] == 0) ++f.gaps;
  }
  f.weekdays_from = changed_at;
  LevelDays& level = f.level;
  level.from = last_jump(flat, use, noise);
  f.jumped = level.from != 0;
  level.z = flat;
  level.noise = noise;

  // A day or two far from those around them are a burst, the whole of it, and tell nothing about level and noise. Three
  // and more are the level, but at the end: there nobody can tell yet.
  std::vector<std::size_t> days;
  Vector away;
  for (std::size_t i = level.from; i < n; ++i) {
    if (!use[i]) continue;
    days.push_back(i);
    away.push_back(flat[i] - median_around(flat, use, level.from, i, 7));
  }
  const double usual = std::max({0.005, noise, spread_of(away)});
  f.bursts.assign(days.size(), 0.0);
  for (std::size_t k = 0; k < days.size(); ++k) {
    if (std::abs(away[k]) > kBurst * usual) f.bursts[k] = away[k];
  }
  for (std::size_t k = 0; k < days.size();) {
    std::size_t end = k;
    while (end < days.size() && f.bursts[end] != 0 && (f.bursts[end] > 0) == (f.bursts[k] > 0)) ++end;
    if (end - k >= 3 && end != days.size())
      std::fill(f.bursts.begin() + static_cast<std::ptrdiff_t>(k), f.bursts.begin() + static_cast<std::ptrdiff_t>(end),
                0.0);
    k = std::max(end, k + 1);
  }
  level.use.assign(n, false);
  double quiet = 0;
  for (std::size_t k = 0; k < days.size(); ++k) {
    if (f.bursts[k] != 0) continue;
    level.use[days[k]] = true;
    level.centre += static_cast<double>(days[k]), ++quiet;
  }
  level.centre /= std::max(1.0, quiet);
  const auto weekdays = static_cast<double>(std::count(f.closed.begin(), f.closed.end(), false));
  const auto counted = static_cast<double>(std::count(use.begin(), use.end(), true));
  level.spent = std::max(0.0, weekdays - 1) * quiet / std::max(1.0, counted);
  f.explanations = explain_level(level);

  // What the likeliest one leaves over is what noise is like.
  const Explanation& best = f.explanations.front();
  const auto left = [&](std::size_t i) {
    return flat[i] - best.at_day(best.mean, static_cast<double>(i), level.centre);
  };
  double sum = 0, squares = 0;
  for (const std::size_t i : days) {
    if (!level.use[i]) continue;
    const bool follows = i > level.from && level.use[i - 1];
    f.innovations.push_back(follows ? left(i) - best.memory * left(i - 1)
                                    : left(i) * std::sqrt(1 - best.memory * best.memory));
    sum += f.innovations.back();
  }
  for (double& x : f.innovations) x -= sum / std::max(1.0, quiet), squares += x * x;
  const double spread = std::sqrt(squares / std::max(1.0, quiet));
  for (double& x : f.innovations) x = spread > 1e-9 ? x / spread : 0;
  const double weeks = std::max(1.0, static_cast<double>(n - changed_at) / 7);
  const double sigma = best.innovation / std::sqrt(1 - best.memory * best.memory);
  for (double& e : f.weekday_error) e = 1.25 * sigma / std::sqrt(weeks);  // a median's
  return f;
}

}  // namespace freehold::ledger
