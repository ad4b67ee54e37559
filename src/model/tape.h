// What a decoder block's backward needs of its forward, and the gradients that it adds to. One tape serves all blocks
// in turn: a block's forward is run again, with the tape, right before its backward (activation checkpointing, Chen et
// al. 2016, "Training Deep Nets with Sublinear Memory Cost"), so between blocks only each block's input is kept.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/aligned.h"
#include "model/adapter.h"
#include "model/spec.h"
#include "nn/low_rank.h"
#include "tensor/view.h"

namespace freehold::model {

class BlockTape {
 public:
  // Memory for batches of up to T rows.
  BlockTape(const Spec& spec, std::size_t T);
  static std::uint64_t bytes(const Spec& spec, std::size_t T);
  // The batch that follows has T rows.
  void begin(std::size_t T);

  tensor::Rows attention_in;   // (T, C) after the norm
  tensor::Rows q_raw, k_raw;   // (T, H D), (T, K D) before the head norm; empty without qk_norm
  tensor::Rows q;              // (T, H D) after rope
  tensor::Rows attention;      // (T, H D)
  tensor::Rows attention_out;  // (T, C) before the post norm; empty without post_norms
  tensor::Rows middle;         // (T, C) the residual stream between the two halves
  tensor::Rows ffn_in;         // (T, C)
  // Of a dense block (T, F). Of a mixture (up to T times the experts used, F): the first expert's rows, in the order of
  // the tokens that it took, then the next one's.
  tensor::Rows gate, up, act;
  tensor::Rows share;       // (T, E) of the experts, 0 where not used; empty if dense
  tensor::Rows expert_out;  // (as gate, C) what each expert gave, before its share; empty if dense
  tensor::Rows ffn_out;     // (T, C) before the post norm; empty without post_norms
  std::span<float> attention_rstd, ffn_rstd, post_attention_rstd, post_ffn_rstd;  // (T)
  std::span<float> q_rstd, k_rstd;                                                // (T, H), (T, K)
  std::span<float> logsumexp;                                                     // (T, H)

 private:
  std::size_t taken_ = 1;  // experts that take a token
  AlignedBuffer<float> memory_;
};

// Where gradients go; an empty part is frozen. All are added to.
struct LayerGradients {
  tensor::Rows weight;    // (N, K)
  std::span<float> bias;  // (N)
  nn::LowRankGradients adapter;
};

struct BlockGradients {
  std::span<float> attention_norm, ffn_norm, q_norm, k_norm, post_attention_norm, post_ffn_norm;
  std::vector<LayerGradients> sites = std::vector<LayerGradients>(kSites);  // by slot
  LayerGradients& at(Site site) { return sites[slot_of(site)]; }            // of a dense block
};

struct Gradients {
  tensor::Rows embedding;  // (V, C); of a tied model also the output's
  tensor::Rows output;     // (V, C)
  std::span<float> final_norm;
  std::vector<BlockGradients> blocks;
  nn::LowRankGradients head_adapter, embedding_adapter;
};

}  // namespace freehold::model
