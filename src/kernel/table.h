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
};

struct Bf16Matmul {
  const std::byte* panels;
  std::size_t panel_bytes;
  std::size_t panel_begin, panel_end;
  std::size_t N, K, T;     // K padded to a multiple of 32
  const std::uint16_t* x;  // rounded to BF16 and padded with zeros, in tiles (activations.h)
  float* y;
  std::size_t y_stride;
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
  // acc = fma(w[k], x[k], acc) for k = 0, 1, …, from +0.
  void (*matmul_f32)(const FloatMatmul&);
  void (*matmul_f16)(const FloatMatmul&);
  // TDPBF16PS: per 32 elements, even = fma chain over k = 0, 2, … from 0, odd = the same over 1, 3, …, c = c + (even +
  // odd); subnormal inputs and results are zero throughout.
  void (*matmul_bf16)(const Bf16Matmul&);

  // One row of K floats (K a multiple of 32), as activations.h says.
  void (*quantise_row)(const float* x, std::size_t K, const QuantRowOut& out);

  // y = x * rstd * w, rstd = 1 / sqrt(sum(x*x in lanes) / n + eps); returns rstd. (x*rstd) is rounded before * w.
  float (*rmsnorm_row)(float* y, const float* x, const float* w, std::size_t n, float eps);
  // In place on one head of `2*n` rotated elements: a' = fma(a, cos, -(b*sin)), b' = fma(a, sin, b*cos).
  void (*rope_row)(float* x, const float* cos, const float* sin, std::size_t n, RopeStyle style);
  void (*add_row)(float* y, const float* x, std::size_t n);                                // y += x
  void (*scale_row)(float* y, float s, std::size_t n);                                     // y *= s
  void (*axpy_row)(float* y, float a, const float* x, std::size_t n);                      // y = fma(a, x, y)
  void (*silu_mul_row)(float* y, const float* gate, const float* up, std::size_t n);       // y = silu(gate) * up
  void (*gelu_tanh_mul_row)(float* y, const float* gate, const float* up, std::size_t n);  // y = gelu(gate) * up
  void (*softcap_row)(float* y, float cap, std::size_t n);                                 // y = cap * tanh(y / cap)

  // Attention over one run of `n` consecutive positions (at most 32, inside one cache block).
  // s[j] = (sum(q*k_j in lanes)) * scale, k_j at k + j*stride.
  void (*attn_scores)(float* s, const float* q, const float* k, std::size_t stride, std::size_t n, std::size_t D,
                      float scale);
  // p[j] = exp(s[j] - max) in place; returns the sum, lanes by j.
  float (*attn_exp)(float* s, std::size_t n, float max);
  // o[d] += (fma chain over j of p[j]*v_j[d], from +0).
  void (*attn_values)(float* o, const float* p, const float* v, std::size_t stride, std::size_t n, std::size_t D);
  // Exact maximum; -infinity for n = 0. NaNs are passed over.
  float (*max_row)(const float* x, std::size_t n);
};

}  // namespace freehold::kernel
