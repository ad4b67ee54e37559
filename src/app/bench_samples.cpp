#include "app/bench_samples.h"

#include <algorithm>
#include <filesystem>
#include <fstream>

namespace freehold::app {

double Samples::median() const {
  if (values.empty()) return 0;
  std::vector<double> sorted = values;
  std::sort(sorted.begin(), sorted.end());
  const std::size_t n = sorted.size();
  return n % 2 == 1 ? sorted[n / 2] : (sorted[n / 2 - 1] + sorted[n / 2]) / 2;
}

double Samples::low() const {
  return values.empty() ? 0 : *std::min_element(values.begin(), values.end());
}

double Samples::high() const {
  return values.empty() ? 0 : *std::max_element(values.begin(), values.end());
}

std::string BenchLine::name() const {
  std::string out = benchmark;
  for (const auto& [key, value] : detail) out += " " + key + "=" + value;
  return out;
}

BenchLine line_of(std::string benchmark, std::string unit, const Samples& samples) {
  BenchLine line;
  line.benchmark = std::move(benchmark);
  line.unit = std::move(unit);
  line.median = samples.median();
  line.low = samples.low();
  line.high = samples.high();
  line.runs = static_cast<int>(samples.values.size());
  return line;
}

double waited_seconds() {
  // schedstat: nanoseconds on a CPU, nanoseconds waiting for one, times run. Absent in kernels built without it.
  double sum = 0;
  std::error_code ec;
  for (std::filesystem::directory_iterator it("/proc/self/task", ec), end; !ec && it != end; it.increment(ec)) {
    std::ifstream in(it->path() / "schedstat");
    double on_cpu = 0, waited = 0;
    if (in >> on_cpu >> waited) sum += waited;
  }
  return sum / 1e9;
}

}  // namespace freehold::app
