// A model as data: what the decoder computes, in terms of mechanisms and never of families. model/family/ fills it in
// from a file's metadata; everything else in the program reads only this.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "nn/rope.h"

namespace freehold::model {

enum class Activation : std::uint8_t { silu, gelu_tanh };

// How the final hidden states of a prompt become one vector (embeddings).
enum class Pooling : std::uint8_t { last, mean, first };

// One decoder block. Fields name mechanisms.
struct Block {
  std::uint32_t window = 0;  // a query at position i sees keys j with i - j < window; 0 = all
  std::uint32_t rope = 0;    // index into Spec::ropes
};

struct Spec {
  std::string family;           // "llama", …: for people only
  std::string name;             // general.name, if the file says
  std::uint32_t width = 0;      // C
  std::uint32_t heads = 0;      // H
  std::uint32_t kv_heads = 0;   // K, divides H
  std::uint32_t head_size = 0;  // D; may differ from C / H
  std::uint32_t ffn = 0;        // F
  std::uint32_t vocab = 0;      // V
  std::uint32_t context = 0;    // the longest sequence the file allows
  float norm_eps = 0;
  float norm_offset = 0;  // added to every norm weight when it is loaded (Hugging Face stores Gemma's as w - 1)
  Activation activation = Activation::silu;
  bool qkv_bias = false;
  bool qk_norm = false;     // RMSnorm over each head of q and k, before rope
  bool post_norms = false;  // RMSnorm of attention's and of the feed-forward's output before the residual addition
  bool tied = false;        // the output matrix is the embedding
  float embedding_scale = 1;
  float attention_scale = 0;    // usually 1 / sqrt(D)
  float attention_softcap = 0;  // 0 = none; s = cap * tanh(s / cap)
  float final_softcap = 0;
  Pooling pooling = Pooling::last;  // what the file asks for; a decoder's last token has seen the whole text
  bool quantised = false;           // some linear weight of a block is: decides the cache's default type
  std::uint32_t experts = 0;        // 0 = dense feed-forward
  std::uint32_t experts_used = 0;
  std::vector<nn::Rope> ropes;
  std::vector<Block> blocks;
  std::vector<std::string> notes;  // for `inspect`: what people should know ("sliding window of 4096 honoured")
};

}  // namespace freehold::model
