#include "model/tensor_names.h"

#include <fmt/format.h>

namespace freehold::model {

const TensorNames kGgufNames = {
    .embedding = "token_embd",
    .final_norm = "output_norm",
    .output = "output",
    .attention_norm = "blk.{0}.attn_norm",
    .q = "blk.{0}.attn_q",
    .k = "blk.{0}.attn_k",
    .v = "blk.{0}.attn_v",
    .o = "blk.{0}.attn_output",
    .q_norm = "blk.{0}.attn_q_norm",
    .k_norm = "blk.{0}.attn_k_norm",
    .post_attention_norm = "blk.{0}.post_attention_norm",
    .ffn_norm = "blk.{0}.ffn_norm",
    .gate = "blk.{0}.ffn_gate",
    .up = "blk.{0}.ffn_up",
    .down = "blk.{0}.ffn_down",
    .post_ffn_norm = "blk.{0}.post_ffw_norm",
    .router = "blk.{0}.ffn_gate_inp",
    .expert_gate = "blk.{0}.ffn_gate.{1}",
    .expert_up = "blk.{0}.ffn_up.{1}",
    .expert_down = "blk.{0}.ffn_down.{1}",
    .stacked_gate = "blk.{0}.ffn_gate_exps",
    .stacked_up = "blk.{0}.ffn_up_exps",
    .stacked_down = "blk.{0}.ffn_down_exps",
    .rope_factors = "rope_freqs",
};

const TensorNames kLlamaHfNames = {
    .embedding = "model.embed_tokens",
    .final_norm = "model.norm",
    .output = "lm_head",
    .attention_norm = "model.layers.{0}.input_layernorm",
    .q = "model.layers.{0}.self_attn.q_proj",
    .k = "model.layers.{0}.self_attn.k_proj",
    .v = "model.layers.{0}.self_attn.v_proj",
    .o = "model.layers.{0}.self_attn.o_proj",
    .q_norm = "model.layers.{0}.self_attn.q_norm",
    .k_norm = "model.layers.{0}.self_attn.k_norm",
    .post_attention_norm = "",
    .ffn_norm = "model.layers.{0}.post_attention_layernorm",
    .gate = "model.layers.{0}.mlp.gate_proj",
    .up = "model.layers.{0}.mlp.up_proj",
    .down = "model.layers.{0}.mlp.down_proj",
    .post_ffn_norm = "",
    .router = "",
    .expert_gate = "",
    .expert_up = "",
    .expert_down = "",
    .stacked_gate = "",
    .stacked_up = "",
    .stacked_down = "",
    .rope_factors = "",
};

namespace {

TensorNames mixtral_names() {
  TensorNames n = kLlamaHfNames;
  n.router = "model.layers.{0}.block_sparse_moe.gate";
  n.expert_gate = "model.layers.{0}.block_sparse_moe.experts.{1}.w1";
  n.expert_up = "model.layers.{0}.block_sparse_moe.experts.{1}.w3";
  n.expert_down = "model.layers.{0}.block_sparse_moe.experts.{1}.w2";
  return n;
}

TensorNames gemma_names() {
  TensorNames n = kLlamaHfNames;
  n.post_attention_norm = "model.layers.{0}.post_attention_layernorm";
  n.ffn_norm = "model.layers.{0}.pre_feedforward_layernorm";
  n.post_ffn_norm = "model.layers.{0}.post_feedforward_layernorm";
  return n;
}

}  // namespace

const TensorNames kMixtralHfNames = mixtral_names();
const TensorNames kGemmaHfNames = gemma_names();

std::string tensor_name(std::string_view pattern, std::uint32_t block, std::uint32_t expert, std::string_view suffix) {
  return fmt::format(fmt::runtime(pattern), block, expert) + std::string(suffix);
}

}  // namespace freehold::model
