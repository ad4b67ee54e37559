#include "ledger/forecast_fit.h"

#include <algorithm>
#include <cmath>
#include <numeric>

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

// Where the level jumped last, if the data are sure of it: two levels explain the days much better than one line does.
// 0: nowhere.
std::size_t last_jump(const Vector& z, const std::vector<bool>& use, double noise) {
  constexpr std::size_t kLeast = 7;  // days on each side
  const std::size_t n = z.size();
  if (n < 2 * kLeast + 7) return 0;
  const auto cost = [&](double r) {  // Huber, in units of the noise
    const double u = std::abs(r) / noise;
    return u <= 1.5 ? u * u : 3 * u - 2.25;
  };
  const double centre = static_cast<double>(n - 1) / 2;
  const Line one = line_through(z, use, 0, centre, true, noise);
  double whole = 0;
  for (std::size_t i = 0; i < n; ++i)
    whole += use[i] ? cost(z[i] - one.at_centre - one.slope * (static_cast<double>(i) - centre)) : 0;
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
    for (const double r : before) split += cost(r - low);
    for (const double r : after) split += cost(r - high);
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
  std::vector<bool> use(n, true);

  // Weekdays from what each day is against the median of the week around it.
  const auto learn_weekdays = [&] {
    std::array<Vector, 7> off;
    for (std::size_t i = 0; i < n; ++i) {
      if (!use[i]) continue;
      Vector week;
      const std::size_t begin = i < 3 ? 0 : std::min(i - 3, n - std::min<std::size_t>(n, 7));
      for (std::size_t j = begin; j < std::min(n, begin + 7); ++j) {
        if (use[j]) week.push_back(z[j] - f.weekday[weekday(j)]);
      }
      off[weekday(i)].push_back(z[i] - median_of(week));
    }
    double mean = 0;
    for (std::size_t d = 0; d < 7; ++d) {
      f.weekday[d] = median_of(off[d]);
      mean += f.weekday[d] / 7;
    }
    for (double& w : f.weekday) w -= mean;
  };
  Vector flat(n);
  double noise = 0.05;
  for (int round = 0; round < 3; ++round) {
    learn_weekdays();
    Vector steps;
    for (std::size_t i = 0; i < n; ++i) flat[i] = z[i] - f.weekday[weekday(i)];
    for (std::size_t i = 1; i < n; ++i) {
      if (use[i] && use[i - 1]) steps.push_back(flat[i] - flat[i - 1]);
    }
    noise = std::max(0.01, spread_of(steps) / std::sqrt(2.0));
    // Days of almost nothing, where the days around them had much more.
    std::vector<bool> dead(n, false);
    std::size_t count = 0;
    for (std::size_t i = 0; i < n; ++i) {
      Vector around;
      for (std::size_t j = i < 10 ? 0 : i - 10; j < std::min(n, i + 11); ++j) around.push_back(flat[j]);
      dead[i] = flat[i] < median_of(around) - std::max(2.3, 6 * noise);
      count += dead[i] ? 1 : 0;
    }
    if (count * 5 > n) dead.assign(n, false);  // so many are no accident
    for (std::size_t i = 0; i < n; ++i) use[i] = !dead[i];
  }
  for (std::size_t i = 0; i < n; ++i) {
    if (!use[i]) f.outages.push_back(i);
  }
  f.from = last_jump(flat, use, noise);
  f.jumped = f.from != 0;
  std::vector<std::size_t> days;
  for (std::size_t i = f.from; i < n; ++i) {
    if (use[i]) days.push_back(i);
  }
  const auto m = static_cast<double>(days.size());
  f.centre = m > 0 ? std::accumulate(days.begin(), days.end(), 0.0,
                                     [](double s, std::size_t i) { return s + static_cast<double>(i); }) /
                         m
                   : 0;
  double squares = 0;
  for (const std::size_t i : days) squares += std::pow(static_cast<double>(i) - f.centre, 2);

  // The three trends, and how well each explains the days.
  std::array<Vector, 3> residuals;
  std::array<double, 3> loss{};
  const Line level = line_through(flat, use, f.from, f.centre, false, noise);
  Line line = line_through(flat, use, f.from, f.centre, true, noise);
  // Linear growth: flat = log(a (1 + b t)), by Gauss-Newton from the log-linear one.
  Line linear{line.at_centre, line.slope};
  const double edge = std::max(1.0, static_cast<double>(n) - 1 - f.centre),
               back = std::max(1.0, f.centre - static_cast<double>(f.from));
  const auto bounded = [&](double b) { return std::clamp(b, -0.95 / edge, 0.95 / back); };
  linear.slope = bounded(linear.slope);
  for (int round = 0; round < 20; ++round) {
    double w0 = 0, w1 = 0, w2 = 0, r0 = 0, r1 = 0;
    for (const std::size_t i : days) {
      const double t = static_cast<double>(i) - f.centre, g = 1 + linear.slope * t;
      const double r = flat[i] - linear.at_centre - std::log(g), d = t / g;
      const double w = std::abs(r) <= 1.5 * noise ? 1 : 1.5 * noise / std::abs(r);
      w0 += w, w1 += w * d, w2 += w * d * d, r0 += w * r, r1 += w * d * r;
    }
    const double det = w0 * w2 - w1 * w1;
    if (det < 1e-12) break;
    linear.at_centre += (w2 * r0 - w1 * r1) / det;
    linear.slope = bounded(linear.slope + (w0 * r1 - w1 * r0) / det);
  }
  const std::array<Line, 3> lines = {level, line, linear};
  const auto expected = [&](int kind, std::size_t i) {
    const double t = static_cast<double>(i) - f.centre;
    const Line& l = lines[static_cast<std::size_t>(kind)];
    return l.at_centre + (kind == 2 ? std::log(std::max(1e-6, 1 + l.slope * t)) : l.slope * t);
  };
  for (int kind = 0; kind < 3; ++kind) {
    auto& of = residuals[static_cast<std::size_t>(kind)];
    for (const std::size_t i : days) of.push_back(flat[i] - expected(kind, i));
  }
  const std::size_t best_kind = spread_of(residuals[1]) <= spread_of(residuals[0]) ? 1 : 0;
  f.sigma = std::max(0.005, spread_of(residuals[best_kind]));
  const auto clipped = [&](double r) { return std::clamp(r, -3 * f.sigma, 3 * f.sigma); };
  for (std::size_t kind = 0; kind < 3; ++kind) {
    for (const double r : residuals[kind]) loss[kind] += std::pow(clipped(r), 2);
  }
  const Vector& left = residuals[best_kind];

  // What a day's noise keeps of yesterday's; with few days the estimate is too low by about (1 + 4 rho) / n.
  double with = 0, alone = 0;
  for (std::size_t k = 0; k < left.size(); ++k) {
    alone += std::pow(clipped(left[k]), 2);
    if (k > 0 && days[k] == days[k - 1] + 1) with += clipped(left[k]) * clipped(left[k - 1]);
  }
  f.memory = alone > 0 ? with / alone : 0;
  f.memory = std::clamp(f.memory + (1 + 4 * f.memory) / std::max(8.0, m), 0.0, 0.9);
  const double inflation = (1 + f.memory) / (1 - f.memory);  // of the variance of means
  const double effective = std::max(4.0, m / inflation);
  const double variance = alone / std::max(1.0, m - 3 - std::min(5.0, m / 7));
  double sum = 0;
  const double least = *std::min_element(loss.begin(), loss.end());
  for (std::size_t kind = 0; kind < 3; ++kind) {
    const double bic = effective * std::log(std::max(1e-12, loss[kind]) / std::max(1e-12, least)) +
                       (kind == 0 ? 0 : std::log(effective));
    f.trends[kind].kind = static_cast<int>(kind);
    f.trends[kind].weight = std::exp(-0.5 * bic);
    sum += f.trends[kind].weight;
    f.trends[kind].value = {lines[kind].at_centre, kind == 0 ? 0 : lines[kind].slope};
    f.trends[kind].error = {std::sqrt(variance * inflation / std::max(1.0, m)),
                            kind == 0 ? 0 : std::sqrt(variance * inflation / std::max(1.0, squares))};
  }
  for (Trend& t : f.trends) t.weight /= sum;
  const double weeks = std::max(1.0, static_cast<double>(n) / 7);
  for (double& e : f.weekday_error) e = 1.25 * std::sqrt(variance / weeks);  // a median's

  // Noise and bursts; the spread of residuals is smaller than the noise's by what was fitted.
  const double parameters = 2 + 6 * m / std::max(m, static_cast<double>(n));
  const double wider = std::sqrt(m / std::max(3.0, m - parameters));
  // A day beyond that is a burst, the whole of it, and tells nothing about the noise.
  double yesterday = 0;
  for (std::size_t k = 0; k < left.size(); ++k) {
    const bool follows = k > 0 && days[k] == days[k - 1] + 1, burst = clipped(left[k]) != left[k];
    f.bursts.push_back(burst ? left[k] : 0);
    const double quiet = burst ? f.memory * yesterday : left[k] * wider;
    if (!burst)
      f.innovations.push_back(follows ? quiet - f.memory * yesterday : quiet * std::sqrt(1 - f.memory * f.memory));
    yesterday = quiet;
  }
  if (f.innovations.empty()) f.innovations.push_back(0);
  f.last_noise = yesterday;
  return f;
}

}  // namespace freehold::ledger
