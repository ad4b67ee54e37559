// The shapes that `models synth` knows: the published hyper-parameters of well-known models, as data, and tiny ones of
// every family for tests.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace freehold::store {

// Which vocabulary a shape gets (vocabulary.h).
enum class Vocabulary : std::uint8_t { spm, spm_gemma, bpe_llama3, bpe_qwen2 };

// What the family does beyond the plain decoder block; the tensors and metadata follow from it.
enum class SynthFamily : std::uint8_t { llama, qwen2, qwen3, gemma2, gemma3 };

// What most shapes do without.
struct ShapeExtras {
  bool tied = false;          // no output.weight: the embedding is used twice
  std::uint32_t window = 0;   // 0 = full attention
  std::uint32_t experts = 0;  // 0 = dense
  std::uint32_t experts_used = 0;
  double llama3_factor = 0;           // of Llama 3.1's rope scaling; 0 = none
  std::uint32_t llama3_original = 0;  // its original context
  double local_theta = 0;             // of windowed layers, where it differs (gemma3)
};

struct Shape {
  std::string_view name;
  SynthFamily family;
  Vocabulary vocabulary;
  std::uint32_t V, C, layers, H, K, D, F;
  std::uint32_t context;
  double theta;
  double norm_eps;
  ShapeExtras extra = {};
};

// In the order of --help: from small to large, the tiny ones last.
std::span<const Shape> all_shapes();
const Shape* shape_from_name(std::string_view name);

// Weights in all matrices and vectors together.
std::uint64_t parameters(const Shape& shape);

}  // namespace freehold::store
