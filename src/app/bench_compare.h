// `freehold bench --compare OLD.json`: what an earlier run printed with --json, read back, and how a new line stands to
// it.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <string_view>

#include "app/bench_samples.h"
#include "base/result.h"

namespace freehold::app {

// What two runs must share for their ratio to mean anything.
struct BenchMachine {
  std::string cpu;
  int cpus = 0;
  std::string level;  // name of the kernel level
  bool operator==(const BenchMachine&) const = default;
  std::string text() const;  // "AMD EPYC, 2 CPUs, avx512"
};

class Baseline {
 public:
  struct Line {
    double median = 0;
    double low = 0;
    double high = 0;
    std::string unit;
  };
  // Lines of JSON objects as BenchReport writes them. Errors: Errc::invalid, naming the line; also when the lines come
  // from different machines, or there is none.
  static Result<Baseline> parse(std::string_view text);
  static Result<Baseline> read(const std::filesystem::path& path);

  // Errc::invalid unless the old run was made on such a machine.
  Result<> check(const BenchMachine& now) const;
  const Line* find(const std::string& key) const;
  std::size_t size() const { return lines_.size(); }

 private:
  BenchMachine machine_;
  std::map<std::string, Line> lines_;  // by bench_key(); of equal ones the last
};

// What a line is found by: "prefill tokens=512 | tinyllama-1.1b q4_0 | 2 threads".
std::string bench_key(const BenchLine& line, std::string_view model, std::string_view weights, int threads);

enum class Verdict { within_noise, better, worse };
struct Comparison {
  double ratio = 1;  // new median over old median
  double low = 1;    // new low over old high: the least that the ratio may be
  double high = 1;   // new high over old low
  Verdict verdict = Verdict::within_noise;
};
// Outside the noise only if the two ranges, each widened by 1 %, do not touch.
Comparison compare(const BenchLine& now, const Baseline::Line& old);

}  // namespace freehold::app
