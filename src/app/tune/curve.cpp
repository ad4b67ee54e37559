#include "app/tune/curve.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "app/progress.h"

namespace freehold::app {

std::string loss_curve(const train::Metrics& metrics, std::uint64_t steps, int width, int height) {
  const auto columns = static_cast<std::size_t>(std::max(width, 1)),
             rows = static_cast<std::size_t>(std::max(height, 2));
  const auto column_of = [&](std::uint64_t step) {
    const std::uint64_t at = std::min(std::max<std::uint64_t>(step, 1), std::max<std::uint64_t>(steps, 1)) - 1;
    return std::min<std::size_t>(static_cast<std::size_t>(static_cast<double>(at) * static_cast<double>(columns) /
                                                          static_cast<double>(std::max<std::uint64_t>(steps, 1))),
                                 columns - 1);
  };
  std::vector<double> sums(columns), counts(columns), held(columns, std::numeric_limits<double>::quiet_NaN());
  for (const train::StepMetrics& m : metrics.steps) {
    if (!std::isfinite(m.loss)) continue;
    sums[column_of(m.step)] += m.loss;
    counts[column_of(m.step)] += 1;
  }
  for (const train::EvaluationMetrics& m : metrics.evaluations) held[column_of(m.step)] = m.loss;
  double low = std::numeric_limits<double>::infinity(), high = -low;
  const auto see = [&](double loss) {
    if (!std::isfinite(loss)) return;
    low = std::min(low, loss);
    high = std::max(high, loss);
  };
  for (std::size_t c = 0; c < columns; ++c) {
    if (counts[c] > 0) see(sums[c] / counts[c]);
    see(held[c]);
  }
  if (low > high) return "";
  if (high - low < 1e-6) high = low + 1e-6;
  std::vector<std::vector<std::string_view>> cells(rows, std::vector<std::string_view>(columns, " "));
  const auto put = [&](std::size_t column, double loss, std::string_view mark) {
    const double place = (high - loss) / (high - low) * static_cast<double>(rows - 1);
    cells[static_cast<std::size_t>(std::lround(place))][column] = mark;
  };
  for (std::size_t c = 0; c < columns; ++c) {
    if (counts[c] > 0) put(c, sums[c] / counts[c], "·");
    if (std::isfinite(held[c])) put(c, held[c], "◆");
  }
  std::string out;
  for (std::size_t r = 0; r < rows; ++r) {
    const double loss = high - (high - low) * static_cast<double>(r) / static_cast<double>(rows - 1);
    std::string line = r % 3 == 0 || r + 1 == rows ? fmt::format("{:>8.4g} ┤", loss) : "         │";
    for (const std::string_view cell : cells[r]) line += cell;
    while (line.ends_with(' ')) line.pop_back();
    out += line + "\n";
  }
  std::string axis = "         └";
  for (std::size_t c = 0; c < columns; ++c) axis += "─";
  const std::string last = grouped(steps);
  const std::size_t room = columns > last.size() + 1 ? columns - last.size() - 1 : 1;
  out += axis + fmt::format("\n          1{}{}\n", std::string(room, ' '), last);
  return out + (metrics.evaluations.empty() ? "          · loss\n" : "          · loss   ◆ loss of what is held out\n");
}

}  // namespace freehold::app
