// One measurement: samples, each between two measurements of the peak that bounds it.
#include <algorithm>
#include <cmath>

#include "app/bench.h"
#include "app/interrupt.h"
#include "app/peaks_crew.h"

namespace freehold::app {
namespace {

constexpr double kEnoughSeconds = 6;  // of samples: then two are enough
constexpr double kLongSeconds = 4;    // a run so long warms itself up, so that it counts at once
constexpr double kAgree = 0.1;        // two peaks that differ by less belong to the same state of the machine

// The peak that bounds the work, as a rate of the same unit as the work's.
struct Bound {
  const ArithmeticLoop* loop = nullptr;  // none: reading memory
  double amount = 0;                     // 1e9 bytes or operations a sample
  Peak now(PeakMeter& meter) const {
    constexpr int kReadWindows = 10;  // some 25 ms
    return loop != nullptr ? meter.arithmetic(*loop, meter.threads(), 1) : meter.read(meter.threads(), kReadWindows);
  }
};

Bound bound_of(const BenchWork& work, PeakMeter& meter) {
  const Bound memory{nullptr, work.bytes / 1e9}, arithmetic{work.arithmetic, work.operations / 1e9};
  if (work.arithmetic == nullptr || work.operations <= 0) return memory;
  if (work.bytes <= 0) return arithmetic;
  const double read = meter.read(meter.threads(), 10).value, compute = arithmetic.now(meter).value;
  return memory.amount * compute >= arithmetic.amount * read ? memory : arithmetic;
}

}  // namespace

Result<> check_interrupt() {
  if (interrupted()) return fail(Errc::cancelled, "interrupted");
  return {};
}

Result<BenchLine> measure(const Bench& bench, std::string benchmark, std::string unit, const BenchWork& work,
                          const std::function<Result<double>()>& run) {
  const bool bounded = bench.meter != nullptr && (work.bytes > 0 || work.operations > 0);
  const Bound bound = bounded ? bound_of(work, *bench.meter) : Bound{};
  Samples speeds;                    // units a second
  Samples peaks, fractions, steady;  // by sample, and of those whose peaks agree
  double lost = 0, wall = 0;
  const double begin = wall_seconds();
  for (int i = 0; i <= bench.repeat; ++i) {
    FH_TRY_VOID(check_interrupt());
    const double before = bounded ? bound.now(*bench.meter).value : 0;
    const double waited = waited_seconds(), start = wall_seconds();
    FH_TRY(const double seconds, run());
    const double took = wall_seconds() - start, waiting = waited_seconds() - waited;
    const double after = bounded ? bound.now(*bench.meter).value : 0;
    FH_TRY_VOID(check_interrupt());  // a peak that was cut short would look like a slow machine
    if (i == 0 && took < kLongSeconds) continue;
    wall += took * bench.threads;
    lost += waiting;
    speeds.values.push_back(work.units / seconds);
    if (bounded) {
      const double peak = std::max(before, after);
      peaks.values.push_back(peak);
      fractions.values.push_back(bound.amount / seconds / peak);
      if (std::abs(before - after) <= kAgree * peak) steady.values.push_back(fractions.values.back());
    }
    const double so_far = wall_seconds() - begin;
    if (static_cast<int>(speeds.values.size()) >= bench.repeat) break;
    if (so_far > kEnoughSeconds && (speeds.values.size() >= 2 || took > kEnoughSeconds)) break;
  }
  BenchLine line = line_of(std::move(benchmark), std::move(unit), speeds);
  line.lost = wall > 0 ? std::min(1.0, lost / wall) : 0;
  if (bounded) {
    line.rate = bound.amount * line.median / work.units;
    line.rate_unit = bound.loop != nullptr ? "GOP/s" : "GB/s";
    line.peak = peaks.median();
    line.peak_name =
        bound.loop != nullptr ? std::string(bound.loop->name) + " " + std::string(bound.loop->level) : "read";
    line.fraction = steady.values.empty() ? fractions.median() : steady.median();
    line.steady = static_cast<int>(steady.values.size());
  }
  return line;
}

}  // namespace freehold::app
