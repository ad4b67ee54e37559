// A model all of whose weights learn, in float32: from scratch or continued from a checkpoint of any type, whose exact
// values it begins with.
#pragma once

#include <memory>
#include <vector>

#include "base/aligned.h"
#include "format/checkpoint.h"
#include "train/trainable.h"

namespace freehold::train {

// In what type the forward pass sees the matrices. The values that learn are float32 either way.
enum class Precision : std::uint8_t {
  f32,
  bf16,  // rounded to BF16 after every update: the forward pass is that of the model exported as BF16 (docs/adr/0029)
};

class FullModel final : public Trainable {
 public:
  // Copies every tensor of the checkpoint as float32. Parameters are named as the checkpoint names its tensors. Errors
  // as model::plan, Errc::exhausted without memory.
  static Result<std::unique_ptr<FullModel>> load(const format::Checkpoint& checkpoint, ThreadPool& pool,
                                                 Precision precision = Precision::f32);

  const model::Spec& spec() const override { return spec_; }
  const model::Weights& weights() const override { return weights_; }
  const model::Adapter* adapter() const override { return nullptr; }
  std::span<Parameter> parameters() override { return parameters_; }
  const model::Gradients& gradients() const override { return gradients_; }
  Result<> refresh() override;

 private:
  FullModel(ThreadPool& pool, Precision precision) : pool_(pool), precision_(precision) {}
  tensor::DType type() const { return precision_ == Precision::f32 ? tensor::DType::f32 : tensor::DType::bf16; }
  // How a parameter, or one matrix of a stack of them, is seen by the forward pass.
  struct Matrix {
    std::size_t parameter;
    std::size_t first;  // of its values
    std::vector<std::uint64_t> shape;
    nn::Linear* layer;
    std::span<std::byte> panels;
  };
  struct Vector {
    std::size_t parameter;
    std::vector<float>* weights;
    float offset;
  };
  struct Builder;
  // Prepares a matrix's values for the kernels.
  Result<> prepare(const Matrix& matrix);

  ThreadPool& pool_;  // owner: the caller of load
  Precision precision_;
  AlignedBuffer<std::uint16_t> rounded_;    // the largest matrix, on its way into panels; empty for float32
  AlignedBuffer<std::uint16_t> embedding_;  // as the forward pass reads it; the same
  model::Spec spec_;
  model::Weights weights_;
  model::Gradients gradients_;
  AlignedBuffer<float> values_, differences_;  // of all parameters, one after the other; the gradients likewise
  std::vector<Parameter> parameters_;
  std::vector<Matrix> matrices_;
  std::vector<Vector> vectors_;
};

}  // namespace freehold::train
