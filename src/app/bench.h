// What the parts of `freehold bench` share. bench_command.cpp has the options, bench_suite.cpp the order of things.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "app/bench_report.h"
#include "app/command.h"
#include "app/peaks.h"
#include "app/session.h"

namespace freehold::app {

struct Bench {
  const Arguments& arguments;
  BenchReport& report;
  Console& console;
  PeakMeter* meter = nullptr;  // none: nothing is a fraction of anything
  kernel::Level level = kernel::Level::scalar;
  int threads = 1;
  int repeat = 5;
};

Result<> check_interrupt();

// What one sample has to do at least, which says what bounds it.
struct BenchWork {
  double bytes = 0;       // read from memory
  double operations = 0;  // multiplications and additions
  const ArithmeticLoop* arithmetic = nullptr;
  double units = 1;  // what the unit counts: tokens
};
// Calls `run`, which returns the seconds of what is to be measured, up to bench.repeat times after one that does not
// count; less often if that takes more than some ten seconds. The peak that bounds the work is measured right before
// and right after each.
Result<BenchLine> measure(const Bench& bench, std::string benchmark, std::string unit, const BenchWork& work,
                          const std::function<Result<double>()>& run);

// bench_machine.cpp: every peak of this machine, or (`brief`) only those that bound kernels of this level.
Result<> bench_machine(const Bench& bench, bool brief);
// The same peaks again, after the model: "peak-read-after", …
Result<> bench_peaks_after(const Bench& bench);

// bench_model.cpp: one loaded model and caches for several sequences.
class ModelBench {
 public:
  // For up to `batch` sequences of up to `longest` tokens.
  static Result<std::unique_ptr<ModelBench>> create(const Bench& bench, const Loaded& loaded, std::uint32_t longest,
                                                    std::uint32_t batch);
  Result<> prefill(std::uint32_t tokens) const;
  // `steps` tokens for each of `batch` sequences after a prompt of `depth` tokens.
  Result<> decode(std::uint32_t batch, std::uint32_t steps, std::uint32_t depth) const;
  // A prompt of `depth` tokens, read once, and then up to 4 * `steps` tokens after it.
  Result<> long_context(std::uint32_t depth, std::uint32_t steps) const;
  // Decoding of one sequence with one CPU taken by a busy process, in turns with decoding without.
  Result<> decode_beside_noise(std::uint32_t steps) const;
  // Runs a prompt and throws the result away.
  Result<> fill(std::uint32_t tokens) const;

 private:
  ModelBench(const Bench& bench, const Loaded& loaded) : bench_(bench), loaded_(loaded) {}
  Result<> feed(model::KvSequence& sequence, std::span<const std::int32_t> ids) const;
  Result<double> decode_seconds(std::uint32_t batch, std::uint32_t steps, std::uint32_t depth) const;
  Result<> step(std::vector<model::KvSequence>& sequences, std::vector<model::BatchItem>& items,
                std::uint32_t number) const;
  BenchWork prefill_work(std::uint32_t tokens) const;
  BenchWork decode_work(std::uint32_t batch, std::uint32_t steps, std::uint32_t depth) const;

  const Bench& bench_;
  const Loaded& loaded_;
  std::vector<std::int32_t> ids_;
  std::unique_ptr<model::KvCache> cache_;
  std::unique_ptr<model::Executor> executor_;
  mutable std::vector<float> logits_;
};

// bench_start.cpp: in a fresh process, from its start to the first token of a 16-token prompt; with `fill` further to
// a context of 4,096. Seconds and memory.
Result<> bench_start(const Bench& bench, bool fill);
// Runs `bench MODEL --suite start` (or memory) in processes of their own, with the file's pages dropped or not.
Result<> bench_starts(const Bench& bench, const std::string& model, const std::string& files, bool memory);

// bench_serve.cpp: the engine alone and through `freehold serve` over loopback: sixteen answers at once, waiting for
// the first token, masks. MODEL, or one that is made.
Result<> bench_serve(const Bench& bench);

// bench_tune.cpp: steps of training: an adapter over MODEL (or over a model that is made), and a small model in full.
Result<> bench_tune(const Bench& bench);

// bench_suite.cpp
Result<> bench_one_model(const Bench& bench);  // MODEL: load, --prompt-tokens, --tokens
Result<> bench_kernels(const Bench& bench);    // the whole yardstick

}  // namespace freehold::app
