// AdamW whose states rest in 8 bits between steps (Dettmers et al. 2022, "8-bit Optimizers via Block-wise
// Quantization"; bitsandbytes' AdamW8bit): a quarter of the memory.
//
// A step is AdamW's (adamw.h), in float32, on what the states say; then they are quantised again, in blocks of 256
// elements of one parameter, each by its largest magnitude:  m ~ map[code] * absmax.  The map is bitsandbytes' dynamic
// one (kernel/blocks/nf4.h), signed for m and positive for v. What is not 0 gets no code of 0:
// bitsandbytes has it so for negative m only, but an m over a v that was rounded to 0 makes a step of any size.
// Parameters of fewer than 4,096 elements keep float32 states (bitsandbytes' min_8bit_size): norms and biases weigh
// nothing.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "base/aligned.h"
#include "train/adamw.h"

namespace freehold::train {

class AdamW8bit final : public Optimiser {
 public:
  static constexpr std::size_t kBlock = 256, kLeast = 4096;

  AdamW8bit(const AdamWOptions& options, std::span<const Parameter> parameters);
  void step(ThreadPool& pool, std::span<Parameter> parameters, double learning_rate) override;
  std::uint64_t steps() const override { return steps_; }
  void set_steps(std::uint64_t steps) override { steps_ = steps; }
  std::vector<State> state() override;
  std::uint64_t bytes() const override { return codes_.size() + (absmax_.size() + small_.size()) * sizeof(float); }

 private:
  // Where a parameter's states begin, in codes_ and absmax_, or in small_: those of m, then those of v.
  struct Place {
    bool small = false;
    std::size_t codes = 0, absmax = 0, blocks = 0;
  };
  AdamWOptions options_;
  std::vector<float> signed_map_, positive_map_;
  std::vector<Place> places_;
  AlignedBuffer<std::uint8_t> codes_;
  AlignedBuffer<float> absmax_, small_;
  std::uint64_t steps_ = 0;
};

}  // namespace freehold::train
