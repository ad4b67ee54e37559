#include "store/synth/shapes.h"

#include <algorithm>

#include "store/synth/plan.h"

namespace freehold::store {
namespace {

using enum SynthFamily;
using enum Vocabulary;

// clang-format off
// Sources: the models' published config.json files. "mistral-7b" is version 0.3 (no window); version 0.1 has one.
//       name                family  vocabulary       V       C  layers H   K    D      F  context   theta    eps
constexpr Shape kShapes[] = {
    {"qwen2.5-0.5b",         qwen2,  bpe_qwen2,  151936,  896, 24, 14,  2,  64,  4864,  32768, 1e6,     1e-6, {.tied = true}},
    {"qwen3-0.6b",           qwen3,  bpe_qwen2,  151936, 1024, 28, 16,  8, 128,  3072,  40960, 1e6,     1e-6, {.tied = true}},
    {"gemma-3-1b",           gemma3, spm_gemma,  262144, 1152, 26,  4,  1, 256,  6912,  32768, 1e6,     1e-6, {.tied = true, .window = 512, .local_theta = 1e4}},
    {"tinyllama-1.1b",       llama,  spm,         32000, 2048, 22, 32,  4,  64,  5632,   2048, 1e4,     1e-5},
    {"llama-3.2-1b",         llama,  bpe_llama3, 128256, 2048, 16, 32,  8,  64,  8192, 131072, 500'000, 1e-5, {.tied = true, .llama3_factor = 32, .llama3_original = 8192}},
    {"qwen2.5-1.5b",         qwen2,  bpe_qwen2,  151936, 1536, 28, 12,  2, 128,  8960,  32768, 1e6,     1e-6, {.tied = true}},
    {"qwen3-1.7b",           qwen3,  bpe_qwen2,  151936, 2048, 28, 16,  8, 128,  6144,  40960, 1e6,     1e-6, {.tied = true}},
    {"gemma-2-2b",           gemma2, spm_gemma,  256000, 2304, 26,  8,  4, 256,  9216,   8192, 1e4,     1e-6, {.tied = true, .window = 4096}},
    {"qwen2.5-3b",           qwen2,  bpe_qwen2,  151936, 2048, 36, 16,  2, 128, 11008,  32768, 1e6,     1e-6, {.tied = true}},
    {"llama-3.2-3b",         llama,  bpe_llama3, 128256, 3072, 28, 24,  8, 128,  8192, 131072, 500'000, 1e-5, {.tied = true, .llama3_factor = 32, .llama3_original = 8192}},
    {"qwen3-4b",             qwen3,  bpe_qwen2,  151936, 2560, 36, 32,  8, 128,  9728,  40960, 1e6,     1e-6, {.tied = true}},
    {"llama-2-7b",           llama,  spm,         32000, 4096, 32, 32, 32, 128, 11008,   4096, 1e4,     1e-5},
    {"mistral-7b",           llama,  spm,         32768, 4096, 32, 32,  8, 128, 14336,  32768, 1e6,     1e-5},
    {"mistral-7b-v0.1",      llama,  spm,         32000, 4096, 32, 32,  8, 128, 14336,  32768, 1e4,     1e-5, {.window = 4096}},
    {"qwen2.5-7b",           qwen2,  bpe_qwen2,  152064, 3584, 28, 28,  4, 128, 18944,  32768, 1e6,     1e-6},
    {"llama-3.1-8b",         llama,  bpe_llama3, 128256, 4096, 32, 32,  8, 128, 14336, 131072, 500'000, 1e-5, {.llama3_factor = 8, .llama3_original = 8192}},
    {"qwen3-8b",             qwen3,  bpe_qwen2,  151936, 4096, 36, 32,  8, 128, 12288,  40960, 1e6,     1e-6},
    {"gemma-2-9b",           gemma2, spm_gemma,  256000, 3584, 42, 16,  8, 256, 14336,   8192, 1e4,     1e-6, {.tied = true, .window = 4096}},
    {"llama-2-13b",          llama,  spm,         32000, 5120, 40, 40, 40, 128, 13824,   4096, 1e4,     1e-5},
    {"qwen2.5-14b",          qwen2,  bpe_qwen2,  152064, 5120, 48, 40,  8, 128, 13824,  32768, 1e6,     1e-6},
    {"gemma-2-27b",          gemma2, spm_gemma,  256000, 4608, 46, 32, 16, 128, 36864,   8192, 1e4,     1e-6, {.tied = true, .window = 4096}},
    {"qwen2.5-32b",          qwen2,  bpe_qwen2,  152064, 5120, 64, 40,  8, 128, 27648,  32768, 1e6,     1e-6},
    {"mixtral-8x7b",         llama,  spm,         32000, 4096, 32, 32,  8, 128, 14336,  32768, 1e6,     1e-5, {.experts = 8, .experts_used = 2}},
    {"llama-2-70b",          llama,  spm,         32000, 8192, 80, 64,  8, 128, 28672,   4096, 1e4,     1e-5},
    {"llama-3.1-70b",        llama,  bpe_llama3, 128256, 8192, 80, 64,  8, 128, 28672, 131072, 500'000, 1e-5, {.llama3_factor = 8, .llama3_original = 8192}},
    // One per family, all rows multiples of 256 so that every block type fits.
    {"tiny-llama",           llama,  spm,           512,  256,  2,  8,  4,  32,   512,   2048, 1e4,     1e-5},
    {"tiny-llama3",          llama,  bpe_llama3,    640,  256,  2,  4,  2,  64,   512,   8192, 500'000, 1e-5, {.llama3_factor = 8, .llama3_original = 256}},
    {"tiny-mistral",         llama,  spm,           512,  256,  3,  8,  2,  32,   512,   2048, 1e4,     1e-5, {.window = 32}},
    {"tiny-mixtral",         llama,  spm,           512,  256,  2,  8,  4,  32,   256,   2048, 1e6,     1e-5, {.experts = 4, .experts_used = 2}},
    {"tiny-qwen2",           qwen2,  bpe_qwen2,     640,  256,  2,  8,  2,  32,   512,   2048, 1e6,     1e-6, {.tied = true}},
    {"tiny-qwen3",           qwen3,  bpe_qwen2,     640,  256,  2,  8,  4,  64,   512,   2048, 1e6,     1e-6},
    {"tiny-gemma2",          gemma2, spm_gemma,     512,  256,  4,  4,  2,  64,   512,   2048, 1e4,     1e-6, {.tied = true, .window = 32}},
    {"tiny-gemma3",          gemma3, spm_gemma,     512,  256,  6,  4,  1,  64,   512,   2048, 1e6,     1e-6, {.tied = true, .window = 32, .local_theta = 1e4}},
};
// clang-format on

}  // namespace

std::span<const Shape> all_shapes() {
  return kShapes;
}

const Shape* shape_from_name(std::string_view name) {
  auto it = std::find_if(std::begin(kShapes), std::end(kShapes), [&](const Shape& s) { return s.name == name; });
  return it == std::end(kShapes) ? nullptr : it;
}

std::uint64_t parameters(const Shape& shape) {
  std::uint64_t sum = 0;
  for (const PlannedTensor& t : plan_tensors(shape)) {
    std::uint64_t elems = 1;
    for (std::uint64_t n : t.shape) elems *= n;
    sum += elems;
  }
  return sum;
}

}  // namespace freehold::store
