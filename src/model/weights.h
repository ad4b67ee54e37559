// A decoder's weights, found by name, checked against the Spec, and prepared for the kernels.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "base/aligned.h"
#include "base/result.h"
#include "base/thread_pool.h"
#include "format/checkpoint.h"
#include "model/family/family.h"
#include "model/prepared.h"
#include "model/spec.h"
#include "nn/linear.h"

namespace freehold::model {

struct Expert {
  nn::Linear gate, up, down;
};

struct BlockWeights {
  std::vector<float> attention_norm, ffn_norm;
  std::vector<float> q_norm, k_norm;                      // empty without qk_norm
  std::vector<float> post_attention_norm, post_ffn_norm;  // empty without post_norms
  nn::Linear q, k, v, o;
  Expert ffn;                   // dense
  nn::Linear router;            // experts
  std::vector<Expert> experts;  // empty if dense
};

struct Weights {
  std::shared_ptr<const format::Checkpoint> checkpoint;  // owns the embedding's bytes
  std::shared_ptr<const PreparedFile> prepared;          // owns the panels, if they were not prepared here
  AlignedBuffer<std::byte> panels;                       // of all linear layers, in one piece: see prepare_weights
  tensor::View embedding;                                // (V, C); rows are dequantised when they are looked up
  nn::Linear output;                                     // (V, C); prepared from the embedding if tied
  std::vector<float> final_norm;
  std::vector<BlockWeights> blocks;
};

// Where each weight lies in the checkpoint: every name resolved, every shape checked, nothing left over, no bytes read
// but rope factors.
struct Layout {
  struct Block {
    const tensor::View* attention_norm = nullptr;
    const tensor::View* ffn_norm = nullptr;
    const tensor::View* q_norm = nullptr;
    const tensor::View* k_norm = nullptr;
    const tensor::View* post_attention_norm = nullptr;
    const tensor::View* post_ffn_norm = nullptr;
    const tensor::View* q = nullptr;
    const tensor::View* k = nullptr;
    const tensor::View* v = nullptr;
    const tensor::View* o = nullptr;
    const tensor::View* q_bias = nullptr;
    const tensor::View* k_bias = nullptr;
    const tensor::View* v_bias = nullptr;
    const tensor::View* router = nullptr;
    std::vector<tensor::View> gate, up, down;  // one of each, or one an expert
    // The tensors that hold all experts' in one, where the file has such.
    const tensor::View* gate_stack = nullptr;
    const tensor::View* up_stack = nullptr;
    const tensor::View* down_stack = nullptr;
  };
  const tensor::View* embedding = nullptr;
  const tensor::View* output = nullptr;  // null if tied
  const tensor::View* final_norm = nullptr;
  std::vector<Block> blocks;
};

struct Plan {
  Spec spec;
  Layout layout;
};

// The weight of one of a block's layers, by slot (model/adapter.h).
const tensor::View& view_at(const Layout::Block& block, std::size_t slot);

// Spec and Layout of a checkpoint. Errors name the metadata key or the tensor.
Result<Plan> plan(const format::Checkpoint& checkpoint);

// The matrices that become panels, in the order in which weights are prepared and files of panels hold them.
std::vector<const tensor::View*> linear_views(const Plan& plan);

using PrepareProgress = std::function<bool(std::uint64_t done, std::uint64_t total)>;
// With `prepared`, its panels are used in place and only brought into memory.
Result<std::unique_ptr<Weights>> prepare_weights(std::shared_ptr<const format::Checkpoint> checkpoint, const Plan& plan,
                                                 std::shared_ptr<const PreparedFile> prepared, ThreadPool& pool,
                                                 const PrepareProgress& progress);

// Every row of the embedding holds finite numbers; otherwise Errc::corrupt naming the row.
Result<> check_embedding(ThreadPool& pool, const tensor::View& view);

}  // namespace freehold::model
