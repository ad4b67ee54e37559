// Attention over one cache block in register tiles, written once for the vector levels over vectors of 16 floats. Each
// level's attention.cpp first defines, in an unnamed namespace, the type V and the primitives load, store, set1, add,
// mul, fma3, load_f16, store_f16 (rounds to nearest even), load_i8, clamp_f16 (finite values to +-65504), and
//   kTileRows  rows of a tile       kTileVectors  its vectors when rows are plenty
// so that accumulators, one row of operands and a broadcast fit into the registers. Every element is a chain of its
// own, so the tiling cannot be seen in the result.
//
// No include guard on purpose: a level includes it exactly once. NOLINTBEGIN
namespace {

template <int R, int C>
inline void score_tile(const AttnScores& a, std::size_t r, std::size_t c) {
  V acc[R][C];
  for (int i = 0; i < R; ++i) {
    for (int j = 0; j < C; ++j) acc[i][j] = set1(0.0f);
  }
  const float* q = a.q + r * a.q_stride;
  const float* k = a.k + c * 16;
  for (std::size_t d = 0; d < a.D; ++d, k += kKvBlock) {
    V kd[C];
    for (int j = 0; j < C; ++j) kd[j] = load(k + 16 * j);
    for (int i = 0; i < R; ++i) {
      V qd = set1(q[static_cast<std::size_t>(i) * a.q_stride + d]);
      for (int j = 0; j < C; ++j) acc[i][j] = fma3(qd, kd[j], acc[i][j]);
    }
  }
  float* s = a.s + r * a.s_stride + c * 16;
  for (int i = 0; i < R; ++i) {
    for (int j = 0; j < C; ++j)
      store(s + static_cast<std::size_t>(i) * a.s_stride + 16 * j, mul(acc[i][j], set1(a.scale)));
  }
}

// Tiles of R rows while they last, then of fewer.
template <int R>
inline void scores_from(const AttnScores& a, std::size_t r) {
  constexpr int C = R <= 2 ? 2 : kTileVectors;
  for (; r + R <= a.rows; r += R) {
    for (std::size_t c = 0; c < 2; c += C) score_tile<R, C>(a, r, c);
  }
  if constexpr (R > 1) {
    if (r < a.rows) scores_from<R - 1>(a, r);
  }
}

void attn_scores(const AttnScores& a) {
  scores_from<kTileRows>(a, 0);
}

template <int R, int C>
inline void value_tile(const AttnValues& a, std::size_t r, std::size_t d) {
  V acc[R][C];
  for (int i = 0; i < R; ++i) {
    for (int j = 0; j < C; ++j) acc[i][j] = set1(0.0f);
  }
  const float* p = a.p + r * a.p_stride;
  const float* v = a.v + a.begin * a.D16 + d;
  for (std::size_t t = a.begin; t < a.end; ++t, v += a.D16) {
    V vt[C];
    for (int j = 0; j < C; ++j) vt[j] = load(v + 16 * j);
    for (int i = 0; i < R; ++i) {
      V pt = set1(p[static_cast<std::size_t>(i) * a.p_stride + t]);
      for (int j = 0; j < C; ++j) acc[i][j] = fma3(pt, vt[j], acc[i][j]);
    }
  }
  float* o = a.o + r * a.o_stride + d;
  for (int i = 0; i < R; ++i) {
    for (int j = 0; j < C; ++j) {
      float* at = o + static_cast<std::size_t>(i) * a.o_stride + 16 * j;
      store(at, add(load(at), acc[i][j]));
    }
  }
}

template <int R, int C>
inline void value_columns(const AttnValues& a, std::size_t r, std::size_t d) {
  for (; d + 16 * C <= a.D16; d += 16 * C) value_tile<R, C>(a, r, d);
  if constexpr (C > 1) {
    if (d < a.D16) value_columns<R, C / 2>(a, r, d);
  }
}

template <int R>
inline void values_from(const AttnValues& a, std::size_t r) {
  constexpr int C = R <= 2 ? 2 * kTileVectors : kTileVectors;
  for (; r + R <= a.rows; r += R) value_columns<R, C>(a, r, 0);
  if constexpr (R > 1) {
    if (r < a.rows) values_from<R - 1>(a, r);
  }
}

void attn_values(const AttnValues& a) {
  values_from<kTileRows>(a, 0);
}

void f32_to_f16(std::uint16_t* y, const float* x, std::size_t n) {
  for (std::size_t i = 0; i < n; i += 16) store_f16(y + i, clamp_f16(load(x + i)));
}
void f16_to_f32(float* y, const std::uint16_t* x, std::size_t n) {
  for (std::size_t i = 0; i < n; i += 16) store(y + i, load_f16(x + i));
}
void keys_from_q8(float* y, const std::int8_t* q, const float* scale, std::size_t D) {
  for (std::size_t d = 0; d < D; d += kKvScaled, scale += kKvBlock) {
    V s0 = load(scale), s1 = load(scale + 16);
    std::size_t end = D - d < kKvScaled ? D : d + kKvScaled;
    for (std::size_t i = d * kKvBlock; i < end * kKvBlock; i += kKvBlock) {
      store(y + i, mul(s0, load_i8(q + i)));
      store(y + i + 16, mul(s1, load_i8(q + i + 16)));
    }
  }
}
void values_from_q8(float* y, const std::int8_t* q, const float* scale, std::size_t D16) {
  for (std::size_t j = 0; j < kKvBlock; ++j, y += D16, q += D16) {
    for (std::size_t d = 0; d < D16; d += kKvScaled, ++scale) {
      V s = set1(*scale);
      store(y + d, mul(s, load_i8(q + d)));
      if (d + 16 < D16) store(y + d + 16, mul(s, load_i8(q + d + 16)));
    }
  }
}

void install_attention(Table& t) {
  t.attn_scores = attn_scores;
  t.attn_values = attn_values;
  t.f32_to_f16 = f32_to_f16;
  t.f16_to_f32 = f16_to_f32;
  t.keys_from_q8 = keys_from_q8;
  t.values_from_q8 = values_from_q8;
}

}  // namespace
// NOLINTEND
