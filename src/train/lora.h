// An adapter that learns beside a frozen base model of any type: LoRA, rsLoRA, DoRA; over a base of 4-bit weights this
// is QLoRA (Dettmers et al. 2023).
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "base/aligned.h"
#include "model/model.h"
#include "model/peft.h"
#include "train/trainable.h"

namespace freehold::train {

class LoraModel final : public Trainable {
 public:
  // A fresh adapter on the configuration's targets in every block, as PEFT begins one (peft/tuners/lora/layer.py,
  // reset_lora_parameters): A uniform in +-1/sqrt(K) (Kaiming with a = sqrt(5), He et al. 2015), B zero, DoRA's m the
  // norms of the base's rows, so the first forward pass is the base's. An embedding's A is zero and its B normal, as
  // there. Draws are Philox's under `seed`. Errors: Errc::invalid for a layer that the model has not, and for an end
  // with config.layers; Errc::unsupported for DoRA on the embedding.
  static Result<std::unique_ptr<LoraModel>> fresh(std::shared_ptr<const model::Model> base, ThreadPool& pool,
                                                  const kernel::Table& kernels, model::AdapterConfig config,
                                                  std::uint64_t seed);
  // Goes on with an adapter.
  static Result<std::unique_ptr<LoraModel>> from(std::shared_ptr<const model::Model> base, ThreadPool& pool,
                                                 const kernel::Table& kernels, model::PeftAdapter adapter);

  const model::Spec& spec() const override { return base_->spec(); }
  const model::Weights& weights() const override { return base_->weights(); }
  const model::Adapter* adapter() const override { return &adapter_; }
  std::span<Parameter> parameters() override { return parameters_; }
  const model::Gradients& gradients() const override { return gradients_; }
  Result<> refresh() override;

  const model::PeftAdapter& values() const { return values_; }
  const std::shared_ptr<const model::Model>& base() const { return base_; }

 private:
  LoraModel(std::shared_ptr<const model::Model> base, ThreadPool& pool, const kernel::Table& kernels)
      : base_(std::move(base)), pool_(pool), kernels_(kernels) {}
  std::shared_ptr<const model::Model> base_;
  ThreadPool& pool_;  // owner: the caller, as of the kernels
  const kernel::Table& kernels_;
  model::PeftAdapter values_;
  model::Adapter adapter_;
  AlignedBuffer<float> differences_;  // all gradients, one after the other
  std::vector<Parameter> parameters_;
  model::Gradients gradients_;
};

}  // namespace freehold::train
