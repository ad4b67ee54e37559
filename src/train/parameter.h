// What an optimiser sees of a model: named arrays of float32 with a gradient each.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace freehold::train {

struct Parameter {
  std::string name;
  std::vector<std::uint64_t> shape;  // outermost first
  std::span<float> value;            // row-major; owner: the Trainable
  std::span<float> gradient;
  bool decays = true;  // weight decay is for matrices, not for norms and biases
};

}  // namespace freehold::train
