// Q3_K, Q6_K, IQ4_XS, IQ4_NL: w = d * scale * level, no minimum; a level is a small signed integer or one of IQ4's 16
// values. The search is explained in quantise_search.h.
#include <cstdint>
#include <cstring>

#include "base/half.h"
#include "kernel/blocks/iq4_nl.h"
#include "kernel/blocks/iq4_xs.h"
#include "kernel/blocks/q3_k.h"
#include "kernel/blocks/q6_k.h"
#include "kernel/blocks/quantise_search.h"
#include "kernel/blocks/quantise_types.h"
#include "kernel/blocks/scales.h"

namespace freehold::kernel {
namespace {

// The levels Lo, Lo + 1, … Hi.
template <int Lo, int Hi>
struct Integers {
  static F4 nearest_level(F4 v) { return nearest4(clamp4(v, Lo, Hi)); }
};

// IQ4's levels. Every border between two of them is a multiple of a half, so the table is indexed by floor(2 v).
struct CodebookTable {
  std::int8_t level[482];  // of floor(2 v) + 254, v in -127…113
  std::uint8_t code[256];  // of level + 128
};
constexpr CodebookTable make_codebook_table() {
  CodebookTable t{};
  int code = 0;
  for (int i = 0; i < 482; ++i) {
    while (code < 15 && i - 254 >= kIq4Values[code] + kIq4Values[code + 1]) ++code;  // from the midpoint on
    t.level[i] = kIq4Values[code];
  }
  for (int c = 0; c < 16; ++c) t.code[kIq4Values[c] + 128] = static_cast<std::uint8_t>(c);
  return t;
}
constexpr CodebookTable kCodebook = make_codebook_table();

struct Codebook {
  static F4 nearest_level(F4 v) {
    v = clamp4(v, -127.0f, 113.0f) * 2.0f + 254.0f;  // >= 0, so the cast is floor
    F4 out;
    for (int j = 0; j < 4; ++j) out[j] = kCodebook.level[static_cast<int>(v[j])];
    return out;
  }
};

// Levels of one group for w = scale * level, and the squared error they leave. scale 0 means w = 0.
template <typename F>
float encode(const float* x, float scale, float* level) {
  const float inverse = scale != 0.0f ? 1.0f / scale : 0.0f;
  F4 error = all4(0.0f);
  for (int i = 0; i < F::kGroup; i += 4) {
    const F4 v = load4(x + i);
    const F4 l = F::Levels::nearest_level(v * inverse);
    const F4 rest = v - l * scale;
    error += rest * rest;
    store4(level + i, l);
  }
  return sum4(error);
}

struct Fit {
  float scale = 0.0f;
  float error = 0.0f;
  float sum_ll = 0.0f;
};

// Least squares of x = scale * level, and the error it leaves with the scale as it will be stored (F::stored).
template <typename F>
Fit fit(const float* x, const float* level) {
  F4 ll = all4(0.0f), xl = all4(0.0f);
  for (int i = 0; i < F::kGroup; i += 4) {
    const F4 l = load4(level + i);
    ll += l * l;
    xl += l * load4(x + i);
  }
  Fit f;
  f.sum_ll = sum4(ll);
  f.scale = f.sum_ll > 0.0f ? F::stored(sum4(xl) / f.sum_ll) : 0.0f;
  F4 error = all4(0.0f);
  for (int i = 0; i < F::kGroup; i += 4) {
    const F4 rest = load4(x + i) - load4(level + i) * f.scale;
    error += rest * rest;
  }
  f.error = sum4(error);
  return f;
}

float extreme_of(const float* x, int n) {
  float value = 0.0f;
  for (int i = 0; i < n; ++i) value = std::fabs(x[i]) > std::fabs(value) ? x[i] : value;
  return value;
}

// How well the levels nearest to x / scale fit once their scale is fitted: (sum x l)^2 / (sum l l), which is the sum of
// x^2 less the squared error that is left. One pass, and accurate enough to choose among grids.
template <typename F>
float explained(const F4 (&x)[F::kGroup / 4], float inverse) {
  F4 ll = all4(0.0f), xl = all4(0.0f);
  unrolled<F::kGroup / 4>([&](int i) {
    const F4 l = F::Levels::nearest_level(x[i] * inverse);
    ll += l * l;
    xl += l * x[i];
  });
  const float sum_xl = sum4(xl);
  return sum_xl * sum_xl / sum4(ll);
}

// Tried: the scales that put the extreme on F::kFirst, … F::kLast of the grid's negative end, and the same of its
// positive end. Smaller numbers leave part of the grid unused: with 64 levels for 16 weights a finer choice of grids
// gains more than that loses.
template <typename F>
Fit search_group(const float* x) {
  const float extreme = extreme_of(x, F::kGroup);
  if (extreme == 0.0f) return {};
  float level[F::kGroup];
  Fit best;
  best.error = INFINITY;
  auto attempt = [&](float scale) {
    encode<F>(x, scale, level);
    const Fit f = fit<F>(x, level);
    if (!(f.error < best.error)) return false;
    best = f;
    return true;
  };
  // The ends first, exactly: where several grids fit without error (few distinct weights) these win.
  for (float end : F::kEnds) attempt(extreme / end);
  F4 in[F::kGroup / 4];
  for (int i = 0; i < F::kGroup / 4; ++i) in[i] = load4(x + 4 * i);
  float most = 0.0f, most_inverse = 0.0f;
  for (float end = F::kFirst; end <= F::kLast; end += F::kStep) {
    for (float inverse : {-end / extreme, end / extreme}) {
      const float now = explained<F>(in, inverse);
      if (now > most) {
        most = now;
        most_inverse = inverse;
      }
    }
  }
  if (most > 0.0f) attempt(1.0f / most_inverse);
  // Rounding again to the fitted grid, until nothing improves.
  for (int turn = 0; turn < F::kTurns && attempt(best.scale); ++turn) {
  }
  return best;
}

// One block of 256: what the search returns and the quantisers store.
struct Symmetric {
  std::uint16_t d = 0;
  std::int8_t scale[16] = {};
  std::int8_t level[256] = {};
  float error = 0.0f;
};

template <typename F>
void encode_block(const float* x, Symmetric& a, bool refine) {
  const float d = f16_to_f32(a.d);
  a.error = 0.0f;
  for (int g = 0; g < F::kGroups; ++g) {
    float level[F::kGroup], best_level[F::kGroup];
    float best = INFINITY;
    const int scale = a.scale[g];
    const int reach = refine ? 1 : 0;
    for (int s = scale - reach; s <= scale + reach; ++s) {
      if (s < F::kMinScale || s > F::kMaxScale) continue;
      const float error = encode<F>(x + g * F::kGroup, d * static_cast<float>(s), level);
      if (error < best) {
        best = error;
        a.scale[g] = static_cast<std::int8_t>(s);
        std::memcpy(best_level, level, sizeof level);
      }
    }
    if (best < INFINITY) {
      for (int i = 0; i < F::kGroup; ++i) a.level[g * F::kGroup + i] = static_cast<std::int8_t>(best_level[i]);
    }
    a.error += best;
  }
}

template <typename F>
void refit_super_scale(const float* x, Symmetric& a) {
  double ll = 0, xl = 0;
  for (int i = 0; i < 256; ++i) {
    const float w = static_cast<float>(a.scale[i / F::kGroup] * a.level[i]);
    ll += w * w;
    xl += w * x[i];
  }
  if (ll > 0) a.d = super_scale_bits(static_cast<float>(xl / ll));
}

template <typename F>
Symmetric quantise_block(const float* x) {
  Symmetric a;
  if (std::fabs(extreme_of(x, 256)) <= kSmallestScale / 2) {
    const float zeros[256] = {};
    encode_block<F>(zeros, a, false);
    return a;
  }
  float scales[F::kGroups], weights[F::kGroups];
  for (int g = 0; g < F::kGroups; ++g) {
    const Fit f = search_group<F>(x + g * F::kGroup);
    scales[g] = f.scale;
    weights[g] = f.sum_ll;
  }
  a.d = choose_super_scale<F::kGroups>(scales, weights, F::kMinScale, F::kMaxScale);
  const float d = f16_to_f32(a.d);
  for (int g = 0; g < F::kGroups; ++g) {
    a.scale[g] = static_cast<std::int8_t>(d != 0.0f ? nearest(clamp(scales[g] / d, F::kMinScale, F::kMaxScale)) : 0.0f);
  }
  encode_block<F>(x, a, true);
  Symmetric b = a;
  refit_super_scale<F>(x, b);
  if (b.d != a.d) encode_block<F>(x, b, false);
  return b.error < a.error ? b : a;
}

template <int GroupSize, int MinScale, int MaxScale>
struct Format {
  static constexpr int kGroup = GroupSize;
  static constexpr int kGroups = 256 / GroupSize;
  static constexpr int kMinScale = MinScale;
  static constexpr int kMaxScale = MaxScale;
  // The scale of a group as it can be stored at best. Among grids that fit equally well (constant weights do on every
  // grid) this prefers one whose scale is nearly a binary16.
  static float stored(float scale) { return std::fabs(scale) < 65504.0f ? f16_to_f32(super_scale_bits(scale)) : scale; }
};

struct Q3 : Format<16, -32, 31> {
  using Levels = Integers<-4, 3>;
  static constexpr float kEnds[] = {-4.0f, 3.0f, -3.0f};
  static constexpr float kFirst = 2.0f, kLast = 4.7f, kStep = 0.2f;
  static constexpr int kTurns = 3;
};
struct Q6 : Format<16, -128, 127> {
  using Levels = Integers<-32, 31>;
  static constexpr float kEnds[] = {-32.0f, 31.0f, -31.0f};
  static constexpr float kFirst = 24.0f, kLast = 33.01f, kStep = 0.25f;
  static constexpr int kTurns = 3;
};
struct Iq4Xs : Format<32, -32, 31> {
  using Levels = Codebook;
  static constexpr float kEnds[] = {-127.0f, 113.0f, -104.0f, 89.0f};
  static constexpr float kFirst = 90.0f, kLast = 130.0f, kStep = 5.0f;
  static constexpr int kTurns = 3;
};
using Iq4Nl = Iq4Xs;  // the same search of a group, whose scale is then stored itself

template <typename Block>
Block& block_at(std::byte* out, std::size_t index) {
  return reinterpret_cast<Block*>(out)[index];
}

std::uint8_t u8(int v) {
  return static_cast<std::uint8_t>(v);
}

std::uint8_t iq4_code(int level) {
  return kCodebook.code[level + 128];
}

}  // namespace

void quantise_q3_k(const float* x, std::byte* out, std::size_t blocks) {
  for (std::size_t i = 0; i < blocks; ++i) {
    const Symmetric a = quantise_block<Q3>(x + 256 * i);
    auto& b = block_at<BlockQ3_K>(out, i);
    std::uint8_t scales[12] = {};
    for (int g = 0; g < 16; ++g) set_q3_scale(scales, g, a.scale[g]);
    std::memcpy(b.scales, scales, sizeof scales);
    for (int l = 0; l < 64; ++l) {
      const std::int8_t* q = a.level + 128 * (l / 32) + l % 32;
      b.qs[l] = u8(((q[0] + 4) & 3) | ((q[32] + 4) & 3) << 2 | ((q[64] + 4) & 3) << 4 | ((q[96] + 4) & 3) << 6);
    }
    for (int l = 0; l < 32; ++l) {
      int high = 0;
      for (int g = 0; g < 8; ++g) high |= ((a.level[32 * g + l] + 4) >> 2) << g;
      b.hmask[l] = u8(high);
    }
    b.d = a.d;
  }
}

void quantise_q6_k(const float* x, std::byte* out, std::size_t blocks) {
  for (std::size_t i = 0; i < blocks; ++i) {
    const Symmetric a = quantise_block<Q6>(x + 256 * i);
    auto& b = block_at<BlockQ6_K>(out, i);
    std::memcpy(b.scales, a.scale, sizeof a.scale);
    for (int half = 0; half < 2; ++half) {
      const std::int8_t* level = a.level + 128 * half;
      auto q = [&](int at) { return level[at] + 32; };
      for (int l = 0; l < 64; ++l) b.ql[64 * half + l] = u8((q(l) & 15) | (q(l + 64) & 15) << 4);
      for (int l = 0; l < 32; ++l) {
        b.qh[32 * half + l] = u8(q(l) >> 4 | (q(l + 32) >> 4) << 2 | (q(l + 64) >> 4) << 4 | (q(l + 96) >> 4) << 6);
      }
    }
    b.d = a.d;
  }
}

void quantise_iq4_xs(const float* x, std::byte* out, std::size_t blocks) {
  for (std::size_t i = 0; i < blocks; ++i) {
    const Symmetric a = quantise_block<Iq4Xs>(x + 256 * i);
    auto& b = block_at<BlockIQ4_XS>(out, i);
    std::uint8_t low[4] = {};
    int high = 0;
    for (int g = 0; g < 8; ++g) {
      const int code = a.scale[g] + 32;
      low[g / 2] = u8(low[g / 2] | (code & 15) << 4 * (g % 2));
      high |= (code >> 4) << 2 * g;
    }
    std::memcpy(b.scales_l, low, sizeof low);
    b.scales_h = static_cast<std::uint16_t>(high);
    for (int j = 0; j < 128; ++j) {
      const std::int8_t* level = a.level + 32 * (j / 16) + j % 16;
      b.qs[j] = u8(iq4_code(level[0]) | iq4_code(level[16]) << 4);
    }
    b.d = a.d;
  }
}

void quantise_iq4_nl(const float* x, std::byte* out, std::size_t blocks) {
  for (std::size_t i = 0; i < blocks; ++i) {
    const float* xb = x + 32 * i;
    Fit f;
    if (std::fabs(extreme_of(xb, 32)) > kSmallestScale / 2) f = search_group<Iq4Nl>(xb);
    float level[32];
    encode<Iq4Nl>(xb, f.scale, level);
    auto& b = block_at<BlockIQ4_NL>(out, i);
    b.d = f32_to_f16(f.scale);
    for (int j = 0; j < 16; ++j) {
      b.qs[j] = u8(iq4_code(static_cast<int>(level[j])) | iq4_code(static_cast<int>(level[j + 16])) << 4);
    }
  }
}

}  // namespace freehold::kernel
