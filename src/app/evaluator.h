// Runs given tokens through a loaded model and hands out the logits of every position: what the glass box looks at.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "app/session.h"
#include "base/result.h"
#include "model/kv_cache.h"
#include "model/model.h"

namespace freehold::app {

class Evaluator {
 public:
  // The loaded model must outlive it. `longest` tokens at most in one run; Errc::exhausted, naming both numbers, if
  // that is more than the model's context.
  static Result<std::unique_ptr<Evaluator>> create(const Loaded& loaded, std::uint32_t longest);

  // Called with consecutive rows: `logits` is (rows, V) for the positions first … first + rows - 1.
  using Rows = std::function<Result<>(std::size_t first, std::size_t rows, std::span<const float> logits)>;

  // Runs `ids` from position 0, a fresh sequence. `done` is told after each chunk; an interrupt gives Errc::cancelled.
  Result<> run(std::span<const std::int32_t> ids, const Rows& rows);
  // The logits (V) after the last of `ids`.
  Result<std::vector<float>> last(std::span<const std::int32_t> ids);

 private:
  explicit Evaluator(const Loaded& loaded) : loaded_(loaded) {}
  const Loaded& loaded_;  // owner: the caller
  std::unique_ptr<model::KvCache> cache_;
  std::unique_ptr<model::Executor> executor_;
  std::vector<float> logits_;  // (kRows, V)
};

// log(sum(exp(logits))) in double precision.
double log_sum_exp(std::span<const float> logits);

}  // namespace freehold::app
