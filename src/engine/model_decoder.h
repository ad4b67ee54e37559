// A loaded model as the engine's Decoder: an executor and a cache, sized together.
#pragma once

#include <memory>

#include "base/thread_pool.h"
#include "engine/decoder.h"
#include "kernel/table.h"
#include "model/kv_cache.h"
#include "model/model.h"

namespace freehold::engine {

// How much is set aside. Zeros mean: as much as the model's own context needs.
struct DecoderSize {
  std::uint32_t context = 0;    // the longest sequence; at most the model's
  std::uint32_t sequences = 8;  // that run at the same time
  std::uint32_t chunk = 256;    // prompt tokens a step
  std::uint32_t max_rank = 0;   // of adapters; 0 = none can be used
  std::uint32_t drafted = 0;    // guessed tokens a step (EngineOptions::drafting), each with a row of logits
  std::uint64_t cache_tokens =
      0;  // positions of all sequences together; 0 = one of full length and a chunk for each other
  model::KvChoice cache_type = model::KvChoice::automatic;  // part of what determines the logits
};

class ModelDecoder final : public Decoder {
 public:
  // Errors: invalid (a size out of range, naming it), exhausted (memory). The pool outlives the decoder.
  static Result<std::unique_ptr<ModelDecoder>> create(std::shared_ptr<const model::Model> model, ThreadPool& pool,
                                                      const kernel::Table& kernels, DecoderSize size = {});
  // Bytes of cache and scratch memory that `create` will set aside (weights not counted).
  static Result<std::uint64_t> bytes_needed(const model::Spec& spec, int threads, DecoderSize size = {});

  std::uint32_t vocab() const override { return model_->spec().vocab; }
  std::uint32_t context() const override { return size_.context; }
  std::uint32_t max_batch_tokens() const override { return size_.chunk + size_.sequences; }
  std::uint32_t max_logit_rows() const override { return size_.sequences + size_.drafted; }
  model::KvCache& cache() override { return *cache_; }
  Result<> forward(std::span<const model::BatchItem> items, std::span<float> logits) override {
    return executor_->forward(items, logits);
  }
  std::uint32_t width() const override { return model_->spec().width; }
  void logits_of(std::span<const float> hidden, const model::Adapter* adapter, std::span<float> logits) override {
    executor_->logits_of(hidden, adapter, logits);
  }
  const model::Weights* weights() const override { return size_.max_rank > 0 ? &model_->weights() : nullptr; }
  std::uint32_t max_rank() const override { return size_.max_rank; }
  model::Pooling pooling() const override { return model_->spec().pooling; }
  const DecoderSize& size() const { return size_; }
  kernel::KvType cache_type() const { return cache_->layout().type; }

 private:
  ModelDecoder() = default;
  std::shared_ptr<const model::Model> model_;
  DecoderSize size_;
  std::unique_ptr<model::KvCache> cache_;
  std::unique_ptr<model::Executor> executor_;
};

}  // namespace freehold::engine
