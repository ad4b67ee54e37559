// The engine's view of a model: a vocabulary, a cache and one function that runs a batch. ModelDecoder
// (model_decoder.h) is the real one; tests put a small deterministic one in its place.
#pragma once

#include <cstdint>
#include <span>

#include "base/result.h"
#include "model/kv_cache.h"
#include "model/model.h"

namespace freehold::engine {

// Used by one thread at a time.
class Decoder {
 public:
  virtual ~Decoder() = default;

  virtual std::uint32_t vocab() const = 0;
  virtual std::uint32_t context() const = 0;  // positions of the longest sequence
  virtual std::uint32_t max_batch_tokens() const = 0;
  virtual std::uint32_t max_logit_rows() const = 0;  // of one batch
  virtual model::KvCache& cache() = 0;

  // As model::Executor::forward: writes (rows, V) logits, writes the cache, advances the sequences.
  virtual Result<> forward(std::span<const model::BatchItem> items, std::span<float> logits) = 0;

  // Of hidden states, which items may ask for; 0 = it gives none: then there are no embeddings and no log-probabilities
  // of prompts.
  virtual std::uint32_t width() const { return 0; }
  // As model::Executor::logits_of: (rows, C) to (rows, V), at most max_logit_rows. Called only if width is not 0.
  virtual void logits_of(std::span<const float> hidden, const model::Adapter* adapter, std::span<float> logits) {
    (void)hidden, (void)adapter, (void)logits;
  }
  // Which adapters it takes: those built beside these weights (null: none), up to a rank.
  virtual const model::Weights* weights() const { return nullptr; }
  virtual std::uint32_t max_rank() const { return 0; }
  // How the model's file wants a text's hidden states made one vector.
  virtual model::Pooling pooling() const { return model::Pooling::last; }
};

}  // namespace freehold::engine
