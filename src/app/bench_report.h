// Where the results of `freehold bench` go: a table for people, or one JSON object a line (docs/performance.md lists
// the members), with the ratio to an earlier run if there is one.
#pragma once

#include <optional>
#include <string>

#include "app/bench_compare.h"
#include "app/bench_samples.h"
#include "app/console.h"
#include "app/machine.h"
#include "app/progress.h"

namespace freehold::app {

class BenchReport {
 public:
  BenchReport(Console& console, bool json, std::string_view level, int threads, bool quick);

  const BenchMachine& machine() const { return machine_; }
  // Lines are compared with this from now on; it has been checked against machine().
  void compare_with(Baseline baseline) { baseline_ = std::move(baseline); }
  void begin();  // the table's head: which machine, which version
  // What the lines that follow are about.
  void model(std::string name, std::string weights);
  void line(const BenchLine& line);
  void heading(std::string_view text);  // table only
  // On standard error, without disturbing the progress bar.
  void note(std::string_view text);

  // A step of `steps` in all begins; shown on a terminal.
  void progress(std::string_view what);
  void plan(int steps) { steps_ += steps; }
  // How the new lines stand to the baseline, all together; nothing without one.
  Result<> finish();

 private:
  void print_json(const BenchLine& line, const std::optional<Comparison>& comparison);
  void print_row(const BenchLine& line, const std::optional<Comparison>& comparison);

  Console& console_;  // owner: main
  bool json_;
  bool quick_;
  Machine read_;
  BenchMachine machine_;
  int threads_;
  std::string model_, weights_;
  std::optional<Baseline> baseline_;
  int lines_ = 0, disturbed_ = 0;
  int compared_ = 0, better_ = 0, worse_ = 0, unknown_ = 0;
  ProgressBar bar_;
  int step_ = 0, steps_ = 0;
};

}  // namespace freehold::app
