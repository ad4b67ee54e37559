// Which examples make up each optimiser step: the order of every epoch, what is packed into one row, micro-batches.
// All of it is a function of the examples' lengths, the recipe's numbers, the seed and the step, so a run that goes on
// at step s needs to know nothing but s.
//
// Packing is first-fit decreasing (Johnson 1973; what Axolotl's multipack sampler does): longest first, each into the
// first row that has room. Rows keep their examples apart (train/pass.h), so packing changes no loss. How many rows an
// epoch has, and how full they are, depends on the lengths alone; which of equally long examples share a row, and the
// order of the rows, on seed and epoch.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "train/pass.h"

namespace freehold::train {

// The numbers of the examples that stand in one row, one after the other.
using PackedRow = std::vector<std::uint32_t>;

// `order` says who comes first among equally long ones. Lengths are at most `capacity`.
std::vector<PackedRow> pack_first_fit_decreasing(std::span<const std::uint32_t> lengths, std::uint32_t capacity,
                                                 std::span<const std::uint32_t> order);

struct BatchOptions {
  std::uint32_t micro_batch_size = 1;  // rows
  std::uint32_t accumulation = 1;      // micro-batches of a step; the last step of an epoch may have fewer
  std::uint32_t row_tokens = 0;        // packing: the most tokens of a row; 0: an example a row
  bool shuffle = true;
  std::uint64_t seed = 0;
};

class Batches {
 public:
  // Of examples with these lengths (tokens); at least one.
  Batches(std::vector<std::uint32_t> lengths, const BatchOptions& options);

  std::uint64_t rows() const { return rows_; }  // of an epoch
  std::uint64_t steps_per_epoch() const { return steps_; }
  // The examples of step `step`'s micro-batches, counted from 0 over all epochs.
  std::vector<PackedRow> step(std::uint64_t step);
  // What the largest micro-batch of any epoch may need.
  PassLimits limits() const { return limits_; }

 private:
  std::vector<PackedRow> rows_of(std::uint32_t epoch) const;
  std::vector<std::uint32_t> lengths_;
  BatchOptions options_;
  std::uint64_t rows_ = 0, steps_ = 0;
  PassLimits limits_;
  std::uint32_t epoch_ = 0;
  std::vector<PackedRow> current_;  // of epoch_
};

}  // namespace freehold::train
