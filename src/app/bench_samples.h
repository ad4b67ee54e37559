// Numbers of `freehold bench`: several measurements of one thing, and the line of the report they become.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace freehold::app {

// Of no values all are 0.
struct Samples {
  std::vector<double> values;
  double median() const;
  double low() const;
  double high() const;
};

// One result. Seconds and bytes are better when they are small, rates when they are large.
struct BenchLine {
  std::string benchmark;                                    // "prefill"
  std::vector<std::pair<std::string, std::string>> detail;  // what else was chosen: {"tokens", "512"}
  std::string unit;                                         // "tokens/s"
  double median = 0;
  double low = 0;  // the range of the samples
  double high = 0;
  int runs = 0;
  bool smaller_is_better = false;
  // What the hardware sustained, and what it could: median of the samples' own fractions, each against the peak
  // measured right before and after it. No peak: does not apply.
  double rate = 0;
  std::string rate_unit;  // "GB/s" or "GOP/s"
  double peak = 0;
  std::string peak_name;  // "read", "int8 avx512"
  double fraction = 0;
  int steady = 0;            // samples whose two peaks agreed; only they count in `fraction`, if there are any
  double lost = 0;           // share of the CPU time that others had while our threads were ready
  double per_cycle = 0;      // of one core: operations a clock cycle; 0 = does not apply
  bool of_the_model = true;  // false: of the machine alone

  // (high - low) / median.
  double spread() const { return median != 0 ? (high - low) / median : 0; }
  // "prefill tokens=512": equal for lines that may be compared.
  std::string name() const;
};

BenchLine line_of(std::string benchmark, std::string unit, const Samples& samples);

// What others took from this process's threads: time that threads were ready to run and had no CPU, over all threads.
double waited_seconds();

}  // namespace freehold::app
