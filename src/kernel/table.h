// The kernel table: every single-thread loop that depends on the instruction set, behind one function pointer each. All
// levels give the same bits; scalar/ is the definition ("numerics version 1", docs/adr/0002).
//
// Notation: fma(a,b,c) is one rounding; `lanes` means 16 virtual lanes, lane i taking elements i, i+16, …, reduced by
// the tree (i)+(i+8), (i)+(i+4), (i)+(i+2), (i)+(i+1).
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernel/activations.h"
#include "kernel/panel.h"

namespace freehold::kernel {

// y[t, n] for the panels [panel_begin, panel_end): n = 16*panel … and below N. Writes, does not add.
struct QuantMatmul {
  const std::byte* panels;  // the first panel of the matrix
  std::size_t panel_bytes;
  std::size_t panel_begin, panel_end;
  std::size_t N, K, T;
  QuantRows x;
  float* y;  // (T, y_stride)
  std::size_t y_stride;
};

struct FloatMatmul {
  const std::byte* panels;
  std::size_t panel_bytes;
  std::size_t panel_begin, panel_end;
  std::size_t N, K, T;
  const float* x;  // (T, x_stride)
  std::size_t x_stride;
  float* y;
  std::size_t y_stride;
  bool add = false;  // sums go on from what y holds; matmul_f32 and matmul_f32_turned only
};

struct Bf16Matmul {
  const std::byte* panels;
  std::size_t panel_bytes;
  std::size_t panel_begin, panel_end;
  std::size_t N, K, T;     // K padded to a multiple of 32
  const std::uint16_t* x;  // rounded to BF16 and padded with zeros, in tiles (activations.h)
  float* y;
  std::size_t y_stride;
  bool add = false;  // sums go on from what y holds
};

// 32 columns of the 16 rows of one panel, as float32 and transposed:
//   out[half * stride + r * 16 + i] = w[r, 32*block + 16*half + i],  half = 0, 1; zero past K.
struct TransposeBlock {
  const std::byte* panel;
  std::size_t K, block;
  float* out;
  std::size_t stride;
};

struct AttnScores {
  float* s;  // (rows, 32)
  std::size_t s_stride;
  const float* q;  // (rows, D)
  std::size_t q_stride;
  std::size_t rows;
  const float* k;  // (D, 32)
  std::size_t D;
  float scale;
};

struct AttnValues {
  float* o;  // (rows, D16)
  std::size_t o_stride;
  const float* p;  // (rows, 32)
  std::size_t p_stride;
  std::size_t rows;
  const float* v;          // (32, D16)
  std::size_t D16;         // a multiple of 16
  std::size_t begin, end;  // positions of the block that these rows see
};

// Cosines and sines of one position: n = rotated dimensions / 2 of each.
enum class RopeStyle : std::uint8_t {
  interleaved,  // pairs (2i, 2i+1): GGUF architecture llama
  half,         // pairs (i, i+n): Hugging Face, and GGUF qwen, gemma
};

struct Table {
  // y[t,n] = acc, from +0 over the blocks of 32 in increasing order; dot is the block's exact integer dot product, ds =
  // d*scale and ms = m*min (both exact in float32):
  //   one scale a block:   s = fma(ds, float(dot), +0)
  //   two (16 elements):   s = fma(ds[1], float(dot[1]), fma(ds[0], float(dot[0]), +0))
  //   with minima besides: s = fma(-ms, float(sum32), s), or in turn for both halves s = fma(-ms[h], float(sum16[h]),
  //   s) then                 acc = fma(dx, s, acc)
  void (*matmul_quant[kPanelKinds])(const QuantMatmul&);
  // acc = fma(w[k], x[k], acc) for k = 0, 1, …, from +0 (or from y: a long sum may be made in pieces).
  void (*matmul_f32)(const FloatMatmul&);
  // The same with x turned: element k of row t is x[k * x_stride + t].
  void (*matmul_f32_turned)(const FloatMatmul&);
  void (*matmul_f16)(const FloatMatmul&);
  // The same with w[k] = level * absmax, rounded once (kernel/blocks/nf4.h). K is a multiple of 64.
  void (*matmul_nf4)(const FloatMatmul&);
  // TDPBF16PS: per 32 elements, even = fma chain over k = 0, 2, … from 0, odd = the same over 1, 3, …, c = c + (even +
  // odd); subnormal inputs and results are zero throughout.
  void (*matmul_bf16)(const Bf16Matmul&);

  // The exact weights of a panel, turned. Quantised: scale * q - min, with scale = d*scale and min = m*min each rounded
  // and the product rounded before the subtraction, as kernel/blocks/dequantise.h has them. NF4: level * absmax.
  void (*transpose_quant[kPanelKinds])(const TransposeBlock&);
  void (*transpose_f32)(const TransposeBlock&);
  void (*transpose_f16)(const TransposeBlock&);
  void (*transpose_bf16)(const TransposeBlock&);
  void (*transpose_nf4)(const TransposeBlock&);

  // Rounding to BF16 (base/half.h) in the layouts that matmul_bf16 reads.
  // A row of n floats in blocks of 32 that lie `step` elements apart, the last one filled with zeros: activations.h.
  void (*bf16_row)(std::uint16_t* out, std::size_t step, const float* x, std::size_t n);
  // A panel of 16 outputs over n (even) k from their transposed rows: output r's k is x[k * stride + r].
  void (*bf16_pairs)(std::uint16_t* out, const float* x, std::size_t stride, std::size_t n);
  // One block of up to 16 rows of a tile from their transposes: out[r * 32 + k] = x[k * stride + r], k = 0 … 31.
  void (*bf16_turned)(std::uint16_t* out, const float* x, std::size_t stride, std::size_t rows);

  // One row of K floats (K a multiple of 32), as activations.h says.
  void (*quantise_row)(const float* x, std::size_t K, const QuantRowOut& out);

  // y = x * rstd * w, rstd = 1 / sqrt(sum(x*x in lanes) / n + eps); returns rstd. (x*rstd) is rounded before * w.
  float (*rmsnorm_row)(float* y, const float* x, const float* w, std::size_t n, float eps);
  // Adds the gradient of what the row's norm read: dx = (dx + rstd * (w * dy)) - x * c, with
  // c = float(sum * rstd * rstd * rstd / n); sum, in double, of pieces of 512, each fma(w * dy, x, sum) in lanes.
  void (*rmsnorm_backward_row)(float* dx, const float* dy, const float* x, const float* w, std::size_t n, float rstd);
  // In place on one head of `2*n` rotated elements: a' = fma(a, cos, -(b*sin)), b' = fma(a, sin, b*cos).
  void (*rope_row)(float* x, const float* cos, const float* sin, std::size_t n, RopeStyle style);
  void (*add_row)(float* y, const float* x, std::size_t n);                                // y += x
  void (*scale_row)(float* y, float s, std::size_t n);                                     // y *= s
  void (*axpy_row)(float* y, float a, const float* x, std::size_t n);                      // y = fma(a, x, y)
  void (*silu_mul_row)(float* y, const float* gate, const float* up, std::size_t n);       // y = silu(gate) * up
  void (*gelu_tanh_mul_row)(float* y, const float* gate, const float* up, std::size_t n);  // y = gelu(gate) * up
  void (*softcap_row)(float* y, float cap, std::size_t n);                                 // y = cap * tanh(y / cap)
  // dup = dy * act(gate) and dgate = dy * up * act'(gate), for both activations; dgate may be dy.
  void (*silu_backward_row)(float* dgate, float* dup, const float* dy, const float* gate, const float* up,
                            std::size_t n);
  void (*gelu_tanh_backward_row)(float* dgate, float* dup, const float* dy, const float* gate, const float* up,
                                 std::size_t n);

  // Attention over one cache block of 32 positions, as float32 (kernel/kv_block.h).
  // s[r, j] = (fma chain over d = 0, 1, … of q[r, d] * k[d, j], from +0) * scale, for all 32 positions.
  void (*attn_scores)(const AttnScores&);
  // o[r, d] += (fma chain over the positions j = begin, …, end - 1 of p[r, j] * v[j, d], from +0), for all D16
  // dimensions.
  void (*attn_values)(const AttnValues&);
  // p[j] = exp(s[j] - max) in place; returns the sum, lanes by j.
  float (*attn_exp)(float* s, std::size_t n, float max);
  // The cache's types; n elements, a multiple of 16. f32_to_f16 as kv_block.h says.
  void (*f32_to_f16)(std::uint16_t* y, const float* x, std::size_t n);
  void (*f16_to_f32)(float* y, const std::uint16_t* x, std::size_t n);
  // q8_0: y[d, j] = scale[d / 32, j] * q[d, j] for keys (D, 32); y[j, d] = scale[j, d / 32] * q[j, d] for values (32,
  // D16).
  void (*keys_from_q8)(float* y, const std::int8_t* q, const float* scale, std::size_t D);
  void (*values_from_q8)(float* y, const std::int8_t* q, const float* scale, std::size_t D16);
  // Exact maximum; -infinity for n = 0. NaNs are passed over.
  float (*max_row)(const float* x, std::size_t n);
};

}  // namespace freehold::kernel
