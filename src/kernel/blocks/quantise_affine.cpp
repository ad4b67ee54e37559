// Q2_K, Q4_K, Q5_K: w = d * scale * q - dmin * min, a scale and a minimum per group, all of them unsigned. The search
// is explained in quantise_search.h. A block without negative weights is better served the other way round (w = -(…),
// negative d and dmin).
#include <cstdint>
#include <cstring>

#include "base/half.h"
#include "kernel/blocks/q2_k.h"
#include "kernel/blocks/q4_k.h"
#include "kernel/blocks/q5_k.h"
#include "kernel/blocks/quantise_search.h"
#include "kernel/blocks/quantise_types.h"
#include "kernel/blocks/scales.h"

namespace freehold::kernel {
namespace {

// One block of 256 as integers: what the search returns and the pack functions store.
struct Affine {
  std::uint16_t d = 0;
  std::uint16_t dmin = 0;
  std::uint8_t scale[16] = {};
  std::uint8_t min[16] = {};
  std::uint8_t q[256] = {};
  float error = 0.0f;  // sum of squares
};

// What differs between the types. First, Last, Step: the grid widths tried, in steps of the grid (QMax is "spans min to
// max").
template <int GroupSize, int MaxCode, int MaxScale>
struct Format {
  static constexpr int kGroup = GroupSize;
  static constexpr int kGroups = 256 / GroupSize;
  static constexpr int kMaxCode = MaxCode;
  static constexpr int kMaxScale = MaxScale;
};

struct Fit {
  float scale = 0.0f;
  float min = 0.0f;  // subtracted, >= 0
  float error = 0.0f;
  float sum_qq = 0.0f;
};

// Codes of one group for w = scale * q - min, and the squared error they leave. scale 0 means codes 0.
template <typename F>
float encode(const float* x, float scale, float min, float* q) {
  const float inverse = scale > 0.0f ? 1.0f / scale : 0.0f;
  F4 error = all4(0.0f);
  for (int i = 0; i < F::kGroup; i += 4) {
    const F4 v = load4(x + i);
    const F4 code = nearest4(clamp4((v + min) * inverse, 0.0f, F::kMaxCode));
    const F4 rest = (v + min) - code * scale;
    error += rest * rest;
    store4(q + i, code);
  }
  return sum4(error);
}

// Least squares of x = scale * q - min with min >= 0, and the error it leaves.
template <typename F>
Fit fit(const float* x, const float* q, float sum_x) {
  constexpr float n = F::kGroup;
  F4 q1 = all4(0.0f), qq = all4(0.0f), xq = all4(0.0f);
  for (int i = 0; i < F::kGroup; i += 4) {
    const F4 code = load4(q + i);
    q1 += code;
    qq += code * code;
    xq += code * load4(x + i);
  }
  const float sum_q = sum4(q1);
  const float sum_xq = sum4(xq);
  Fit f;
  f.sum_qq = sum4(qq);
  const float determinant = n * f.sum_qq - sum_q * sum_q;
  if (determinant > 0.0f) {
    f.scale = (n * sum_xq - sum_x * sum_q) / determinant;
    f.min = (f.scale * sum_q - sum_x) / n;
  }
  if (f.min <= 0.0f || determinant <= 0.0f) {
    f.min = 0.0f;
    f.scale = f.sum_qq > 0.0f ? sum_xq / f.sum_qq : 0.0f;
  }
  if (!(f.scale > 0.0f)) {
    f.scale = 0.0f;
    f.min = sum_x < 0.0f ? -sum_x / n : 0.0f;
  }
  F4 error = all4(0.0f);
  for (int i = 0; i < F::kGroup; i += 4) {
    const F4 rest = (load4(x + i) + f.min) - load4(q + i) * f.scale;
    error += rest * rest;
  }
  f.error = sum4(error);
  return f;
}

template <typename F>
Fit search_group(const float* x) {
  float lo = 0.0f, hi = x[0], sum_x = 0.0f;
  {
    F4 sum = all4(0.0f), least = all4(0.0f), most = load4(x);
    for (int i = 0; i < F::kGroup; i += 4) {
      const F4 v = load4(x + i);
      sum += v;
      least = v < least ? v : least;
      most = v > most ? v : most;
    }
    sum_x = sum4(sum);
    for (int j = 0; j < 4; ++j) {
      lo = least[j] < lo ? least[j] : lo;
      hi = most[j] > hi ? most[j] : hi;
    }
  }
  float q[F::kGroup];
  if (!(hi > lo)) {
    Fit constant;
    constant.min = -lo;
    return constant;
  }
  Fit best;
  best.error = INFINITY;
  auto attempt = [&](float scale, float min) {
    encode<F>(x, scale, min, q);
    Fit f = fit<F>(x, q, sum_x);
    if (f.error < best.error) {
      best = f;
      return true;
    }
    return false;
  };
  attempt((hi - lo) / F::kMaxCode, -lo);  // first, so that ties keep the widest range of codes
  for (float width = F::kFirst; width <= F::kLast; width += F::kStep) attempt((hi - lo) / width, -lo);
  // Rounding again to the fitted grid lets its lower end move too; a few turns until nothing improves.
  for (int turn = 0; turn < F::kTurns && attempt(best.scale, best.min); ++turn) {
  }
  return best;
}

// Rounds every group again with the scales and minima as stored; `refine` lets each integer move by one where that
// helps.
template <typename F>
void encode_block(const float* x, Affine& a, bool refine) {
  const float d = f16_to_f32(a.d);
  const float dmin = f16_to_f32(a.dmin);
  a.error = 0.0f;
  for (int g = 0; g < F::kGroups; ++g) {
    const float* xg = x + g * F::kGroup;
    float q[F::kGroup], best_q[F::kGroup];
    float best = INFINITY;
    int scale = a.scale[g], min = a.min[g];
    const int reach = refine ? 1 : 0;
    for (int s = scale - reach; s <= scale + reach; ++s) {
      if (s < 0 || s > F::kMaxScale) continue;
      for (int m = min - reach; m <= min + reach; ++m) {
        if (m < 0 || m > F::kMaxScale) continue;
        const float error = encode<F>(xg, d * static_cast<float>(s), dmin * static_cast<float>(m), q);
        if (error < best) {
          best = error;
          a.scale[g] = static_cast<std::uint8_t>(s);
          a.min[g] = static_cast<std::uint8_t>(m);
          std::memcpy(best_q, q, sizeof q);
        }
      }
    }
    if (best < INFINITY) {
      for (int i = 0; i < F::kGroup; ++i)
        a.q[g * F::kGroup + i] = static_cast<std::uint8_t>(static_cast<int>(best_q[i]));
    }
    a.error += best;
  }
}

// d and dmin by least squares from all codes: x = d * (scale q) - dmin * min.
template <typename F>
void refit_super_scales(const float* x, Affine& a) {
  double aa = 0, ab = 0, bb = 0, ax = 0, bx = 0;
  for (int g = 0; g < F::kGroups; ++g) {
    float qq = 0, q1 = 0, qx = 0, x1 = 0;
    for (int i = g * F::kGroup; i < (g + 1) * F::kGroup; ++i) {
      const float q = a.q[i];
      qq += q * q;
      q1 += q;
      qx += q * x[i];
      x1 += x[i];
    }
    const double s = a.scale[g], m = a.min[g];
    aa += s * s * qq;
    ab += s * m * q1;
    bb += m * m * F::kGroup;
    ax += s * qx;
    bx += m * x1;
  }
  const double determinant = aa * bb - ab * ab;
  if (determinant > 1e-6 * aa * bb) {
    a.d = super_scale_bits(static_cast<float>((ax * bb - bx * ab) / determinant));
    a.dmin = super_scale_bits(static_cast<float>((ax * ab - bx * aa) / determinant));
  } else if (bb == 0 && aa > 0) {
    a.d = super_scale_bits(static_cast<float>(ax / aa));
  } else if (aa == 0 && bb > 0) {
    a.dmin = super_scale_bits(static_cast<float>(-bx / bb));
  }
}

template <typename F>
Affine search_block(const float* x) {
  float scales[F::kGroups], mins[F::kGroups], scale_weights[F::kGroups], min_weights[F::kGroups];
  for (int g = 0; g < F::kGroups; ++g) {
    const Fit f = search_group<F>(x + g * F::kGroup);
    scales[g] = f.scale;
    mins[g] = f.min;
    scale_weights[g] = f.sum_qq;
    min_weights[g] = F::kGroup;
  }
  Affine a;
  a.d = choose_super_scale<F::kGroups>(scales, scale_weights, 0, F::kMaxScale);
  a.dmin = choose_super_scale<F::kGroups>(mins, min_weights, 0, F::kMaxScale);
  auto integers = [](float v, std::uint16_t super) {
    const float d = f16_to_f32(super);
    return static_cast<std::uint8_t>(d > 0.0f ? static_cast<int>(nearest(clamp(v / d, 0.0f, F::kMaxScale))) : 0);
  };
  for (int g = 0; g < F::kGroups; ++g) {
    a.scale[g] = integers(scales[g], a.d);
    a.min[g] = integers(mins[g], a.dmin);
  }
  encode_block<F>(x, a, true);
  Affine b = a;
  refit_super_scales<F>(x, b);
  if (b.d != a.d || b.dmin != a.dmin) encode_block<F>(x, b, false);
  return b.error < a.error ? b : a;
}

template <typename F>
Affine quantise_block(const float* x) {
  float largest = 0.0f;
  bool positive_group = false;
  for (int g = 0; g < F::kGroups; ++g) {
    float least = INFINITY;
    for (int i = g * F::kGroup; i < (g + 1) * F::kGroup; ++i) {
      largest = std::fabs(x[i]) > largest ? std::fabs(x[i]) : largest;
      least = x[i] < least ? x[i] : least;
    }
    positive_group = positive_group || least > 0.0f;
  }
  if (largest <= kSmallestScale / 2) return {};
  Affine a = search_block<F>(x);
  if (!positive_group) return a;
  float mirrored[256];
  for (int i = 0; i < 256; ++i) mirrored[i] = -x[i];
  Affine b = search_block<F>(mirrored);
  if (!(b.error < a.error)) return a;
  b.d = static_cast<std::uint16_t>(b.d ^ 0x8000u);
  b.dmin = static_cast<std::uint16_t>(b.dmin ^ 0x8000u);
  return b;
}

struct Q2 : Format<16, 3, 15> {
  static constexpr float kFirst = 2.2f, kLast = 4.01f, kStep = 0.1f;
  static constexpr int kTurns = 3;
};
struct Q4 : Format<32, 15, 63> {
  static constexpr float kFirst = 14.0f, kLast = 16.01f, kStep = 0.1f;
  static constexpr int kTurns = 3;
};
struct Q5 : Format<32, 31, 63> {
  static constexpr float kFirst = 30.0f, kLast = 32.01f, kStep = 0.1f;
  static constexpr int kTurns = 3;
};

template <typename Block>
Block& block_at(std::byte* out, std::size_t index) {
  return reinterpret_cast<Block*>(out)[index];
}

std::uint8_t u8(int v) {
  return static_cast<std::uint8_t>(v);
}

}  // namespace

void quantise_q2_k(const float* x, std::byte* out, std::size_t blocks) {
  for (std::size_t i = 0; i < blocks; ++i) {
    const Affine a = quantise_block<Q2>(x + 256 * i);
    auto& b = block_at<BlockQ2_K>(out, i);
    for (int g = 0; g < 16; ++g) b.scales[g] = u8(a.scale[g] | a.min[g] << 4);
    for (int l = 0; l < 64; ++l) {
      const std::uint8_t* q = a.q + 128 * (l / 32) + l % 32;
      b.qs[l] = u8(q[0] | q[32] << 2 | q[64] << 4 | q[96] << 6);
    }
    b.d = a.d;
    b.dmin = a.dmin;
  }
}

void quantise_q4_k(const float* x, std::byte* out, std::size_t blocks) {
  for (std::size_t i = 0; i < blocks; ++i) {
    const Affine a = quantise_block<Q4>(x + 256 * i);
    auto& b = block_at<BlockQ4_K>(out, i);
    std::uint8_t scales[12] = {};
    for (int g = 0; g < 8; ++g) set_q4_scale_min(scales, g, {a.scale[g], a.min[g]});
    std::memcpy(b.scales, scales, sizeof scales);
    for (int l = 0; l < 128; ++l) {
      const std::uint8_t* q = a.q + 64 * (l / 32) + l % 32;
      b.qs[l] = u8(q[0] | q[32] << 4);
    }
    b.d = a.d;
    b.dmin = a.dmin;
  }
}

void quantise_q5_k(const float* x, std::byte* out, std::size_t blocks) {
  for (std::size_t i = 0; i < blocks; ++i) {
    const Affine a = quantise_block<Q5>(x + 256 * i);
    auto& b = block_at<BlockQ5_K>(out, i);
    std::uint8_t scales[12] = {};
    for (int g = 0; g < 8; ++g) set_q4_scale_min(scales, g, {a.scale[g], a.min[g]});
    std::memcpy(b.scales, scales, sizeof scales);
    for (int l = 0; l < 32; ++l) {
      int high = 0;
      for (int g = 0; g < 8; ++g) high |= (a.q[32 * g + l] >> 4) << g;
      b.qh[l] = u8(high);
    }
    for (int l = 0; l < 128; ++l) {
      const std::uint8_t* q = a.q + 64 * (l / 32) + l % 32;
      b.qs[l] = u8((q[0] & 15) | (q[32] & 15) << 4);
    }
    b.d = a.d;
    b.dmin = a.dmin;
  }
}

}  // namespace freehold::kernel
