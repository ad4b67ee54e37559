// The usual mixes of block types ("Q4_K_M"): which tensor of a model is stored in which type. The names and rules are
// the field's, so a file of ours has the size and the quality that people expect from its name.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "tensor/dtype.h"

namespace freehold::kernel {

struct Mix {
  std::string_view name;  // "Q4_K_M"
  tensor::DType base;     // what matrices get unless a rule says more
  tensor::DType output;   // output.weight, or token_embd.weight where the output is tied to it
  tensor::DType more;     // attn_v and ffn_down of the layers in `layers`
  enum class Layers : std::uint8_t {
    none,
    first,   // Q*_K_S: attn_v of the first four layers, ffn_down of the first eighth
    spread,  // Q*_K_M: the first eighth, the last eighth, and every third in between
  } layers;
  double bits;  // bits a weight of a large model, roughly: for help texts
};

// In falling size.
std::span<const Mix> all_mixes();
// Case-insensitive: "q4_k_m".
const Mix* mix_from_name(std::string_view name);

// What the rules need to know of the model.
struct MixModel {
  std::uint32_t layers = 0;
  std::uint32_t experts = 0;
  bool tied_output = false;  // there is no output.weight
};

struct MixChoice {
  tensor::DType type;
  // Why it is not the mix's type, for the user to see; empty when it is. "rows of 288 are no multiple of 256: Q5_0
  // instead of Q4_K"
  std::string note;
};

// The type of one tensor, by its GGUF name ("blk.3.ffn_down.weight") and its dimensions, row length first. Vectors,
// norms and expert routers stay F32.
MixChoice choose_type(const Mix& mix, const MixModel& model, std::string_view tensor_name,
                      std::span<const std::uint64_t> dims);

}  // namespace freehold::kernel
