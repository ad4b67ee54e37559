// What a decoder's tensors are called in each dialect. {0} is the block, {1} the expert.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace freehold::model {

struct TensorNames {
  std::string_view embedding, final_norm, output;
  std::string_view attention_norm, q, k, v, o, q_norm, k_norm, post_attention_norm;
  std::string_view ffn_norm, gate, up, down, post_ffn_norm;
  std::string_view router, expert_gate, expert_up, expert_down;  // one tensor an expert
  std::string_view stacked_gate, stacked_up, stacked_down;  // one tensor of all experts; empty if the dialect has none
  std::string_view rope_factors;
};

// GGUF of every family we know; Hugging Face's Llama and its relatives; Hugging Face's Gemma, whose norms are named
// differently.
extern const TensorNames kGgufNames;
extern const TensorNames kLlamaHfNames;
extern const TensorNames kMixtralHfNames;
extern const TensorNames kGemmaHfNames;

// "blk.{0}.attn_q" + ".weight" with the numbers put in.
std::string tensor_name(std::string_view pattern, std::uint32_t block = 0, std::uint32_t expert = 0,
                        std::string_view suffix = ".weight");

}  // namespace freehold::model
