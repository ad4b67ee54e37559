// `freehold bench --suite machine`, and the peaks before and after a model.
#include <fmt/format.h>

#include "app/bench.h"

namespace freehold::app {
namespace {

constexpr int kWindows = 5;        // of 50 ms each, for arithmetic
constexpr int kReadWindows = 100;  // of some 2 ms

// A peak with its range; `scale` brings it to what people read.
BenchLine peak_line(std::string benchmark, std::string unit, const Peak& peak) {
  BenchLine line;
  line.benchmark = std::move(benchmark);
  line.unit = std::move(unit);
  line.median = peak.value;
  line.low = peak.low;
  line.high = peak.high;
  line.runs = peak.windows;
  line.lost = peak.lost;
  line.of_the_model = false;
  return line;
}

Result<> report(const Bench& bench, BenchLine line) {
  FH_TRY_VOID(check_interrupt());
  if (line.runs > 0) bench.report.line(line);
  return {};
}

Result<> report_arithmetic(const Bench& bench, const ArithmeticLoop& loop, int threads, double ghz,
                           std::string_view suffix) {
  bench.report.progress(fmt::format("measuring {} {}", loop.name, loop.level));
  BenchLine line =
      peak_line(fmt::format("peak-{}{}", loop.name, suffix), "GOP/s", bench.meter->arithmetic(loop, threads, kWindows));
  line.detail = {{"level", std::string(loop.level)}, {"threads", std::to_string(threads)}};
  if (ghz > 0) line.per_cycle = line.median / ghz / threads;
  return report(bench, std::move(line));
}

Result<> report_read(const Bench& bench, int threads, std::string_view suffix) {
  bench.report.progress("measuring reads");
  BenchLine line = peak_line(fmt::format("peak-read{}", suffix), "GB/s", bench.meter->read(threads, kReadWindows));
  line.detail = {{"threads", std::to_string(threads)}};
  return report(bench, std::move(line));
}

// 1 and all; once if that is the same.
std::vector<int> thread_counts(int threads) {
  return threads > 1 ? std::vector<int>{1, threads} : std::vector<int>{1};
}

}  // namespace

Result<> bench_machine(const Bench& bench, bool brief) {
  PeakMeter& meter = *bench.meter;
  bench.report.progress("measuring the clock");
  const Peak clock = meter.clock(kWindows);
  FH_TRY_VOID(report(bench, peak_line("clock", "GHz", clock)));
  if (!brief) {
    FH_TRY_VOID(report(bench, peak_line("clock-check", "GHz", meter.clock_by_multiplication(kWindows))));
    BenchLine latency = peak_line("memory-latency", "ns", meter.latency(kWindows));
    latency.smaller_is_better = true;
    FH_TRY_VOID(report(bench, std::move(latency)));
  }
  BenchLine apart = peak_line("core-to-core", "ns", meter.core_to_core(kWindows));
  apart.smaller_is_better = true;
  FH_TRY_VOID(report(bench, std::move(apart)));
  for (int threads : brief ? std::vector<int>{bench.threads} : thread_counts(bench.threads)) {
    FH_TRY_VOID(report_read(bench, threads, ""));
  }
  for (const ArithmeticLoop& loop : arithmetic_loops()) {
    if (!loop.supported) continue;
    if (brief && &loop != &bounding_loop("int8", bench.level) && &loop != &bounding_loop("f32", bench.level)) continue;
    for (int threads : brief ? std::vector<int>{bench.threads} : thread_counts(bench.threads)) {
      FH_TRY_VOID(report_arithmetic(bench, loop, threads, clock.value, ""));
    }
  }
  return {};
}

Result<> bench_peaks_after(const Bench& bench) {
  FH_TRY_VOID(report_read(bench, bench.threads, "-after"));
  for (std::string_view name : {"int8", "f32"}) {
    FH_TRY_VOID(report_arithmetic(bench, bounding_loop(name, bench.level), bench.threads, 0, "-after"));
  }
  return {};
}

}  // namespace freehold::app
