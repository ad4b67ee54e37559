// AdamW (Loshchilov & Hutter 2019, "Decoupled Weight Decay Regularization", algorithm 2) with float32 states, and the
// clipping of gradients by their common norm (Pascanu et al. 2013).
//
//   p *= 1 - lr wd (if the parameter decays);  m = b1 m + (1 - b1) g;  v = b2 v + (1 - b2) g^2
//   p -= lr (m / (1 - b1^t)) / (sqrt(v / (1 - b2^t)) + eps)
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/aligned.h"
#include "base/thread_pool.h"
#include "train/optimiser.h"
#include "train/parameter.h"

namespace freehold::train {

struct AdamWOptions {
  double beta1 = 0.9, beta2 = 0.999, eps = 1e-8;  // the authors' and torch's defaults
  double weight_decay = 0.01;
};

// One step's rule, for states that lie anywhere.
class AdamWStep {
 public:
  // The `step`-th update, from 1.
  AdamWStep(const AdamWOptions& options, std::uint64_t step, double learning_rate);
  // Elements first … first + count - 1 of the parameter, whose states begin at m and v.
  void apply(Parameter& p, std::size_t first, std::size_t count, float* m, float* v) const;

 private:
  float keep1_, take1_, keep2_, take2_, rate_, root_, eps_, shrink_;
};

class AdamW final : public Optimiser {
 public:
  // States for these parameters, whose number and sizes stay.
  AdamW(const AdamWOptions& options, std::span<const Parameter> parameters);
  void step(ThreadPool& pool, std::span<Parameter> parameters, double learning_rate) override;
  std::uint64_t steps() const override { return steps_; }
  void set_steps(std::uint64_t steps) override { steps_ = steps; }
  std::vector<State> state() override;
  std::uint64_t bytes() const override { return (m_.size() + v_.size()) * sizeof(float); }

 private:
  AdamWOptions options_;
  AlignedBuffer<float> m_, v_;  // of all parameters, one after the other
  std::uint64_t steps_ = 0;
};

// The Euclidean norm of all gradients together, in double over pieces of fixed size: the same for any thread count.
double gradient_norm(ThreadPool& pool, std::span<const Parameter> parameters);
// gradient *= min(1, most / (norm + 1e-6)), as torch's clip_grad_norm_ has it. `most` 0: no clipping.
void clip_gradients(ThreadPool& pool, std::span<Parameter> parameters, double norm, double most);
void zero_gradients(ThreadPool& pool, std::span<Parameter> parameters);

}  // namespace freehold::train
