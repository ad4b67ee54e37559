// A model with something in it that learns: all its weights (full_model.h) or an adapter beside frozen ones (lora.h).
#pragma once

#include <span>

#include "base/result.h"
#include "model/adapter.h"
#include "model/spec.h"
#include "model/tape.h"
#include "model/weights.h"
#include "train/parameter.h"

namespace freehold::train {

class Trainable {
 public:
  virtual ~Trainable() = default;
  virtual const model::Spec& spec() const = 0;
  // What the forward pass reads: the very structures that serving reads.
  virtual const model::Weights& weights() const = 0;
  virtual const model::Adapter* adapter() const = 0;  // null: none
  virtual std::span<Parameter> parameters() = 0;
  virtual const model::Gradients& gradients() const = 0;  // where backward adds to: the parameters' gradients
  // The parameters' values have changed: prepares them for the kernels. Errc::corrupt if one is not finite, naming it.
  virtual Result<> refresh() = 0;
};

}  // namespace freehold::train
