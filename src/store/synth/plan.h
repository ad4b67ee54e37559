// Which tensors a shape has and how their random values are scaled, and the metadata that describes them: the part of
// `models synth` that knows GGUF's names.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "format/metadata.h"
#include "store/synth/shapes.h"

namespace freehold::store {

// How a tensor's values are drawn.
enum class Draw : std::uint8_t {
  normal,       // mean 0, standard deviation `scale`
  around_one,   // 1 + 0.1 * normal: a norm's weights
  rope_factors  // Llama 3.1's frequency divisors, computed
};

struct PlannedTensor {
  std::string name;
  std::vector<std::uint64_t> shape;  // outermost first
  Draw draw = Draw::normal;
  double scale = 0;
};

// In file order. Scales are those of a trained initialisation: 1/sqrt(fan-in), and another 1/sqrt(2 layers) for the two
// matrices that add to the residual stream, so that activations and logits stay near 1 at any depth.
std::vector<PlannedTensor> plan_tensors(const Shape& shape);

// The draws of a model that is to be trained (synth.h, Fresh).
void begin_fresh(const Shape& shape, std::vector<PlannedTensor>& plan);

// Everything but the tokenizer and general.file_type.
void describe_shape(const Shape& shape, format::Metadata& metadata);

// Llama 3.1's divisors, one for each pair of a head's elements. Source: Meta, llama-models, apply_scaling.
std::vector<float> llama3_rope_factors(const Shape& shape);

}  // namespace freehold::store
