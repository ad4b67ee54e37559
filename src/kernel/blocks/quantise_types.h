// Internal to blocks/: the quantisers that quantise.cpp lists in its table.
#pragma once

#include <cstddef>

namespace freehold::kernel {

// Each turns `blocks` whole blocks of floats into `out` (any alignment).
using Quantise = void (*)(const float* x, std::byte* out, std::size_t blocks);

// quantise_simple.cpp: one pass, no search; ggml's reference bytes.
void quantise_q4_0(const float* x, std::byte* out, std::size_t blocks);
void quantise_q4_1(const float* x, std::byte* out, std::size_t blocks);
void quantise_q5_0(const float* x, std::byte* out, std::size_t blocks);
void quantise_q5_1(const float* x, std::byte* out, std::size_t blocks);
void quantise_q8_0(const float* x, std::byte* out, std::size_t blocks);
void quantise_mxfp4(const float* x, std::byte* out, std::size_t blocks);
// quantise_affine.cpp: types with a scale and a minimum per group.
void quantise_q2_k(const float* x, std::byte* out, std::size_t blocks);
void quantise_q4_k(const float* x, std::byte* out, std::size_t blocks);
void quantise_q5_k(const float* x, std::byte* out, std::size_t blocks);
// quantise_symmetric.cpp: types with a scale only.
void quantise_q3_k(const float* x, std::byte* out, std::size_t blocks);
void quantise_q6_k(const float* x, std::byte* out, std::size_t blocks);
void quantise_iq4_nl(const float* x, std::byte* out, std::size_t blocks);
void quantise_iq4_xs(const float* x, std::byte* out, std::size_t blocks);

}  // namespace freehold::kernel
