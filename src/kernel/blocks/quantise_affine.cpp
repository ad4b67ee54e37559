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

// How well the codes nearest to x * inverse + offset fit once scale and minimum are fitted to them: the sum of x^2 less
// the squared error that is left. One pass, and accurate enough to choose among grids.
template <typename F>
float explained(const F4 (&x)[F::kGroup / 4], float sum_x, float inverse, float offset) {
  constexpr float n = F::kGroup;
  F4 q1 = all4(0.0f), qq = all4(0.0f), xq = all4(0.0f);
  unrolled<F::kGroup / 4>([&](int i) {
    const F4 q = nearest4(clamp4(x[i] * inverse + offset, 0.0f, F::kMaxCode));
    q1 += q;
    qq += q * q;
    xq += q * x[i];
  });
  const float sum_q = sum4(q1), sum_qq = sum4(qq), sum_xq = sum4(xq);
  const float determinant = n * sum_qq - sum_q * sum_q;
  const float covariance = n * sum_xq - sum_x * sum_q;
  // min = (scale * sum_q - sum_x) / n, not below zero: there the fit is that of a scale alone.
  if (covariance * sum_q <= sum_x * determinant) return sum_xq * sum_xq / sum_qq;
  return (covariance * covariance / determinant + sum_x * sum_x) / n;
}

struct Range {
  float lo;  // at most 0
  float hi;
  float sum;
};

template <typename F>
Range range_of(const F4 (&x)[F::kGroup / 4]) {
  F4 sum = all4(0.0f), least = all4(0.0f), most = x[0];
  for (const F4& v : x) {
    sum += v;
    least = v < least ? v : least;
    most = v > most ? v : most;
  }
  Range r{least[0], most[0], sum4(sum)};
  for (int j = 1; j < 4; ++j) {
    r.lo = least[j] < r.lo ? least[j] : r.lo;
    r.hi = most[j] > r.hi ? most[j] : r.hi;
  }
  return r;
}

template <typename F>
Fit search_group(const float* x) {
  F4 in[F::kGroup / 4];
  for (int i = 0; i < F::kGroup / 4; ++i) in[i] = load4(x + 4 * i);
  const Range r = range_of<F>(in);
  if (!(r.hi > r.lo)) {
    Fit constant;
    constant.min = -r.lo;
    return constant;
  }
  float q[F::kGroup];
  Fit best;
  best.error = INFINITY;
  auto attempt = [&](float scale, float min) {
    encode<F>(x, scale, min, q);
    Fit f = fit<F>(x, q, r.sum);
    if (!(f.error < best.error)) return false;
    best = f;
    return true;
  };
  // The whole range first. If it fits but for rounding (constant weights, few distinct ones), no grid is better, and
  // this one puts the largest scale on the largest integer, which leaves the choice of the super-scale the most room.
  attempt((r.hi - r.lo) / F::kMaxCode, -r.lo);
  const float size = r.hi - r.lo;
  if (best.error <= 1e-12f * F::kGroup * size * size) return best;
  float most = 0.0f, most_inverse = 0.0f, most_offset = 0.0f;
  for (float width = F::kFirst; width <= F::kLast; width += F::kStep) {
    const float inverse = width / (r.hi - r.lo);
    for (float shift : F::kShifts) {
      const float offset = shift - r.lo * inverse;
      const float now = explained<F>(in, r.sum, inverse, offset);
      if (now > most) {
        most = now;
        most_inverse = inverse;
        most_offset = offset;
      }
    }
  }
  if (most > 0.0f) attempt(1.0f / most_inverse, most_offset / most_inverse);
  // Rounding again to the fitted grid, until nothing improves.
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
  static constexpr float kFirst = 2.2f, kLast = 4.01f, kStep = 0.2f;
  static constexpr float kShifts[] = {-0.5f, -0.25f, 0.0f, 0.25f};
  static constexpr int kTurns = 3;
};
struct Q4 : Format<32, 15, 63> {
  static constexpr float kFirst = 12.0f, kLast = 16.1f, kStep = 0.5f;
  static constexpr float kShifts[] = {-0.5f, -0.25f, 0.0f, 0.25f};
  static constexpr int kTurns = 3;
};
struct Q5 : Format<32, 31, 63> {
  static constexpr float kFirst = 27.0f, kLast = 32.1f, kStep = 0.5f;
  static constexpr float kShifts[] = {-0.5f, -0.25f, 0.0f, 0.25f};
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
