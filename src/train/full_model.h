// A model all of whose weights learn, in float32: from scratch or continued from a checkpoint of any type, whose exact
// values it begins with.
#pragma once

#include <memory>
#include <vector>

#include "base/aligned.h"
#include "format/checkpoint.h"
#include "train/trainable.h"

namespace freehold::train {

class FullModel final : public Trainable {
 public:
  // Copies every tensor of the checkpoint as float32. Parameters are named as the checkpoint names its tensors. Errors
  // as model::plan, Errc::exhausted without memory, Errc::unsupported for a mixture of experts.
  static Result<std::unique_ptr<FullModel>> load(const format::Checkpoint& checkpoint, ThreadPool& pool);

  const model::Spec& spec() const override { return spec_; }
  const model::Weights& weights() const override { return weights_; }
  const model::Adapter* adapter() const override { return nullptr; }
  std::span<Parameter> parameters() override { return parameters_; }
  const model::Gradients& gradients() const override { return gradients_; }
  Result<> refresh() override;

 private:
  explicit FullModel(ThreadPool& pool) : pool_(pool) {}
  // How a parameter is seen by the forward pass.
  struct Matrix {
    std::size_t parameter;
    nn::Linear* layer;
    std::span<std::byte> panels;
  };
  struct Vector {
    std::size_t parameter;
    std::vector<float>* weights;
    float offset;
  };
  struct Builder;

  ThreadPool& pool_;  // owner: the caller of load
  model::Spec spec_;
  model::Weights weights_;
  model::Gradients gradients_;
  AlignedBuffer<float> values_, differences_;  // of all parameters, one after the other; the gradients likewise
  std::vector<Parameter> parameters_;
  std::vector<Matrix> matrices_;
  std::vector<Vector> vectors_;
};

}  // namespace freehold::train
