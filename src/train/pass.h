// Forward and backward of a whole decoder over packed sequences, block by block with one tape. The forward pass is the
// functions that serving calls (model/decoder_block.h), so its logits are serving's to the bit.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "base/aligned.h"
#include "base/result.h"
#include "base/thread_pool.h"
#include "kernel/kv_block.h"
#include "kernel/table.h"
#include "model/decoder_block.h"
#include "model/decoder_input.h"
#include "model/kv_cache.h"
#include "model/tape.h"
#include "nn/cross_entropy.h"
#include "train/trainable.h"

namespace freehold::train {

struct PassLimits {
  std::uint32_t tokens = 0;     // of a batch, all sequences together
  std::uint32_t sequences = 0;  // of a batch
  // Memory for more tapes than the one there must be. The last blocks get them, and a block with a tape of its own is
  // not run forward a second time. Changes no bit.
  std::uint64_t tape_bytes = 0;
};

// What of an adapter decides how much scratch memory a pass takes.
struct AdapterShape {
  std::size_t rank = 0;       // the largest of all layers'; 0: there is no adapter
  std::size_t head_rank = 0;  // of the output matrix
  bool dora = false;
};

class Pass {
 public:
  // Borrows everything. `cache` is what serving will keep keys and values in: it is part of what is computed.
  // `products` is the precision of backward's large products (docs/adr/0029); the forward pass is the model's own.
  // Errors: Errc::exhausted if there is no memory.
  static Result<std::unique_ptr<Pass>> create(const Trainable& model, ThreadPool& pool, const kernel::Table& kernels,
                                              PassLimits limits, model::KvChoice cache = model::KvChoice::automatic,
                                              nn::BackwardProducts products = nn::BackwardProducts::f32);
  // Bytes that create takes: checkpoints of all blocks' inputs, tapes with their blocks' keys and values, scratch.
  static std::uint64_t bytes(const model::Spec& spec, AdapterShape adapter, int threads, PassLimits limits,
                             model::KvChoice cache);
  // Bytes of one tape more. With limits.tape_bytes (number of blocks - 1) times this, nothing is run twice.
  static std::uint64_t bytes_of_tape(const model::Spec& spec, PassLimits limits, model::KvChoice cache);

  // Called before every block, forward and back, while no thread of the pool is at work: whoever shares the pool can
  // let others use it meanwhile.
  void set_pause(std::function<void()> pause) { pause_ = std::move(pause); }

  // Runs the sequences, which do not see each other; rows follow each other in their order. Without `adapter` the base
  // alone (DPO's reference). Errors: Errc::invalid for an empty or too large batch or an id outside the vocabulary.
  Result<> forward(std::span<const std::span<const std::int32_t>> sequences, const model::Adapter* adapter,
                   const nn::Dropout& dropout = {});

  // Of the last forward, which stays valid. Rows count over all its sequences.
  void losses(std::span<const nn::Target> targets, std::span<float> loss);
  // logits (rows.size(), V), without dropout in front of the output matrix.
  void logits(std::span<const std::uint32_t> rows, std::span<float> logits);
  // Adds the gradient of sum(weight * loss) over the targets to the model's gradients; `loss` as losses() gives it.
  void backward(std::span<const nn::Target> targets, std::span<float> loss);

 private:
  Pass(const Trainable& model, ThreadPool& pool, const kernel::Table& kernels, PassLimits limits, model::KvChoice cache,
       nn::BackwardProducts products);
  // Which tape a block uses: the last blocks have their own, the others share the first of these.
  std::size_t slot_of(std::size_t layer) const;
  model::PassInputs inputs(const model::Angles& angles, std::size_t layer) const;
  const model::Adapter* adapter() const { return adapted_.empty() ? nullptr : adapted_.front().adapter; }
  nn::AdaptedOutput adapted_output() const;
  tensor::Rows hidden() { return {hidden_.data(), T_, model_.spec().width, stride_}; }
  nn::Context context() { return {pool_, kernels_, workspace_, {}, products_}; }
  tensor::Rows checkpoint(std::size_t block) {
    return {inputs_.data() + block * limits_.tokens * stride_, T_, model_.spec().width, stride_};
  }

  const Trainable& model_;
  ThreadPool& pool_;
  const kernel::Table& kernels_;
  PassLimits limits_;
  nn::BackwardProducts products_;
  std::size_t stride_;
  model::KvLayout layout_;
  nn::Workspace workspace_;
  std::vector<model::BlockTape> tapes_;
  std::vector<std::size_t> taped_;  // by tape: the block of the last forward that it holds; kNone
  AlignedBuffer<float> inputs_;     // (L + 1, tokens, C): each block's input, and what the last one gave
  AlignedBuffer<float> hidden_;     // (tokens, C) after the last norm
  AlignedBuffer<float> rstd_;       // (tokens) of the last norm
  AlignedBuffer<std::byte> kv_;     // the batch's keys and values of as many layers as there are tapes
  std::size_t T_ = 0;
  std::vector<std::int32_t> ids_;
  std::vector<std::uint32_t> positions_;
  std::vector<std::byte*> blocks_;  // tables of all sequences, one after the other
  std::vector<nn::AttentionRow> rows_;
  std::vector<model::AdaptedRows> adapted_;
  nn::Dropout dropout_;
  std::function<void()> pause_;  // may be empty
};

}  // namespace freehold::train
