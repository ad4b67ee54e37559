// The row operations of the kernel table, written once over 16 virtual lanes. Each level's row_ops.cpp first defines,
// in an unnamed namespace, the type V (16 floats) and the primitives listed below, then includes this file, so that
// every level performs the same roundings in the same order; scalar/row_ops.cpp with its plain loops is the definition.
//
// Primitives: load, load_n (missing lanes 0), store, store_n, set1, add, sub, mul, div, fma3(a,b,c) = a*b+c rounded
// once, larger(a,b) = a > b ? a : b, round_even, exp2_int(n) for integral -126 <= n <= 127, select_less(a,b,x,y) = a <
// b ? x : y, select_nan(a,x,y) = a is NaN ? x : y, magnitude, all_finite, reduce_add (tree), reduce_max, store_i8
// (returns the lanes' sum), fma1 (one float), square_root (one float).
//
// No include guard on purpose: a level includes it exactly once. NOLINTBEGIN
namespace {

// exp: x = n*ln2 + r, |r| <= ln2/2; polynomial of degree 6 in r (a minimax fit in the manner of Cephes expf, S. L.
// Moshier); relative error < 2e-7 (kernel/row_ops_test.cpp). Below -87.33 (results under the smallest normal) 0,
// above 88.72 infinity, NaN stays.
V exp_lanes(V x) {
  const V lo = set1(-87.33654022f), hi = set1(88.72283172f);
  V c = larger(x, lo);
  c = select_less(hi, c, hi, c);
  V n = round_even(mul(c, set1(1.44269504088896341f)));
  V r = fma3(n, set1(-0.693359375f), c);
  r = fma3(n, set1(2.12194440e-4f), r);
  V p = set1(1.9875691500e-4f);
  p = fma3(p, r, set1(1.3981999507e-3f));
  p = fma3(p, r, set1(8.3334519073e-3f));
  p = fma3(p, r, set1(4.1665795894e-2f));
  p = fma3(p, r, set1(1.6666665459e-1f));
  p = fma3(p, r, set1(5.0000001201e-1f));
  p = fma3(p, mul(r, r), add(r, set1(1.0f)));
  // n reaches 128: two factors keep each power of two normal.
  V half = round_even(mul(n, set1(0.5f)));
  p = mul(mul(p, exp2_int(half)), exp2_int(sub(n, half)));
  p = select_less(x, lo, set1(0.0f), p);
  p = select_less(hi, x, set1(__builtin_inff()), p);
  return select_nan(x, x, p);
}

// 1 / (1 + exp(-x))
V sigmoid_lanes(V x) {
  return div(set1(1.0f), add(set1(1.0f), exp_lanes(sub(set1(0.0f), x))));
}

// gelu in its tanh form, 0.5x(1 + tanh(u)) = x * sigmoid(2u), u = sqrt(2/pi)(x + 0.044715 x^3) (Hendrycks & Gimpel
// 2016)
V gelu_lanes(V x) {
  V x2 = mul(x, x);
  V inner = fma3(mul(x2, set1(0.044715f)), x, x);
  return mul(x, sigmoid_lanes(mul(set1(1.5957691216057308f), inner)));
}

// tanh(x) = 1 - 2 / (1 + exp(2x)): absolute error about 1e-7, which is what a soft cap needs
V tanh_lanes(V x) {
  return sub(set1(1.0f), div(set1(2.0f), add(set1(1.0f), exp_lanes(mul(set1(2.0f), x)))));
}

// Runs body(load function, store function) over n elements: whole vectors first, then the rest.
template <typename F>
void map_row(float* y, const float* a, const float* b, std::size_t n, F f) {
  std::size_t i = 0;
  for (; i + 16 <= n; i += 16) store(y + i, f(load(a + i), load(b + i)));
  if (i < n) store_n(y + i, f(load_n(a + i, n - i), load_n(b + i, n - i)), n - i);
}

void add_row(float* y, const float* x, std::size_t n) {
  map_row(y, y, x, n, [](V a, V b) { return add(a, b); });
}
void scale_row(float* y, float s, std::size_t n) {
  map_row(y, y, y, n, [s](V a, V) { return mul(a, set1(s)); });
}
void axpy_row(float* y, float a, const float* x, std::size_t n) {
  map_row(y, y, x, n, [a](V old, V v) { return fma3(set1(a), v, old); });
}
void silu_mul_row(float* y, const float* gate, const float* up, std::size_t n) {
  map_row(y, gate, up, n, [](V g, V u) { return mul(div(g, add(set1(1.0f), exp_lanes(sub(set1(0.0f), g)))), u); });
}
void gelu_tanh_mul_row(float* y, const float* gate, const float* up, std::size_t n) {
  map_row(y, gate, up, n, [](V g, V u) { return mul(gelu_lanes(g), u); });
}
void softcap_row(float* y, float cap, std::size_t n) {
  map_row(y, y, y, n, [cap](V a, V) { return mul(set1(cap), tanh_lanes(div(a, set1(cap)))); });
}

// act(x) and its slope.
struct Activated {
  V value, slope;
};

// exp(-|x|) cannot overflow; the sigmoid of a negative x is 1 minus that of -x.
Activated silu_slope(V x) {
  const V zero = set1(0.0f), one = set1(1.0f);
  const V e = exp_lanes(sub(zero, magnitude(x))), large = div(one, add(one, e)), small = mul(e, large);
  const V sigmoid = select_less(x, zero, small, large), rest = select_less(x, zero, large, small);
  return {mul(x, sigmoid), mul(sigmoid, fma3(x, rest, one))};
}

// With t = tanh(u): x (1 + t) / 2 and (1 + t) / 2 + x (1 - t^2) u' / 2.
Activated gelu_slope(V x) {
  const V one = set1(1.0f), half = set1(0.5f), x2 = mul(x, x);
  const V u = mul(set1(0.7978845608028654f), fma3(mul(x2, set1(0.044715f)), x, x));
  const V du = mul(set1(0.7978845608028654f), fma3(set1(3 * 0.044715f), x2, one));
  const V t = tanh_lanes(u), weight = mul(half, add(one, t));
  return {mul(x, weight), fma3(mul(mul(half, x), sub(one, mul(t, t))), du, weight)};
}

template <typename Slope>
void gated_backward_row(float* dgate, float* dup, const float* dy, const float* gate, const float* up, std::size_t n,
                        Slope slope_of) {
  std::size_t i = 0;
  for (; i + 16 <= n; i += 16) {
    const Activated act = slope_of(load(gate + i));
    const V d = load(dy + i);
    store(dup + i, mul(d, act.value));
    store(dgate + i, mul(mul(d, load(up + i)), act.slope));
  }
  if (i == n) return;
  const Activated act = slope_of(load_n(gate + i, n - i));
  const V d = load_n(dy + i, n - i);
  store_n(dup + i, mul(d, act.value), n - i);
  store_n(dgate + i, mul(mul(d, load_n(up + i, n - i)), act.slope), n - i);
}
void silu_backward_row(float* dgate, float* dup, const float* dy, const float* gate, const float* up, std::size_t n) {
  gated_backward_row(dgate, dup, dy, gate, up, n, [](V x) { return silu_slope(x); });
}
void gelu_tanh_backward_row(float* dgate, float* dup, const float* dy, const float* gate, const float* up,
                            std::size_t n) {
  gated_backward_row(dgate, dup, dy, gate, up, n, [](V x) { return gelu_slope(x); });
}

void rmsnorm_backward_row(float* dx, const float* dy, const float* x, const float* w, std::size_t n, float rstd) {
  // Pieces in float32, their sum in double: a wide row's projection keeps its digits.
  constexpr std::size_t kPiece = 512;
  double sum = 0;
  for (std::size_t first = 0; first < n; first += kPiece) {
    const std::size_t end = n - first < kPiece ? n : first + kPiece;
    V part = set1(0.0f);
    std::size_t i = first;
    for (; i + 16 <= end; i += 16) part = fma3(mul(load(w + i), load(dy + i)), load(x + i), part);
    if (i < end) part = fma3(mul(load_n(w + i, end - i), load_n(dy + i, end - i)), load_n(x + i, end - i), part);
    sum += static_cast<double>(reduce_add(part));
  }
  const double r = static_cast<double>(rstd);
  const V c = set1(static_cast<float>(sum * r * r * r / static_cast<double>(n))), scale = set1(rstd);
  auto row = [&](V old, V d, V in, V weight) { return sub(add(old, mul(scale, mul(weight, d))), mul(in, c)); };
  std::size_t i = 0;
  for (; i + 16 <= n; i += 16) store(dx + i, row(load(dx + i), load(dy + i), load(x + i), load(w + i)));
  if (i < n) {
    const std::size_t left = n - i;
    store_n(dx + i, row(load_n(dx + i, left), load_n(dy + i, left), load_n(x + i, left), load_n(w + i, left)), left);
  }
}

float rmsnorm_row(float* y, const float* x, const float* w, std::size_t n, float eps) {
  V sum = set1(0.0f);
  std::size_t i = 0;
  for (; i + 16 <= n; i += 16) {
    V v = load(x + i);
    sum = fma3(v, v, sum);
  }
  if (i < n) {
    V v = load_n(x + i, n - i);
    sum = fma3(v, v, sum);
  }
  float rstd = 1.0f / square_root(reduce_add(sum) / static_cast<float>(n) + eps);
  map_row(y, x, w, n, [rstd](V v, V g) { return mul(mul(v, set1(rstd)), g); });
  return rstd;
}

void rope_row(float* x, const float* cosines, const float* sines, std::size_t n, RopeStyle style) {
  if (style == RopeStyle::interleaved) {
    for (std::size_t i = 0; i < n; ++i) {
      float a = x[2 * i], b = x[2 * i + 1];
      x[2 * i] = fma1(a, cosines[i], -(b * sines[i]));
      x[2 * i + 1] = fma1(a, sines[i], b * cosines[i]);
    }
    return;
  }
  std::size_t i = 0;
  for (; i + 16 <= n; i += 16) {
    V a = load(x + i), b = load(x + n + i), c = load(cosines + i), s = load(sines + i);
    store(x + i, fma3(a, c, sub(set1(-0.0f), mul(b, s))));
    store(x + n + i, fma3(a, s, mul(b, c)));
  }
  for (; i < n; ++i) {
    float a = x[i], b = x[n + i];
    x[i] = fma1(a, cosines[i], -(b * sines[i]));
    x[n + i] = fma1(a, sines[i], b * cosines[i]);
  }
}

float max_row(const float* x, std::size_t n) {
  V best = set1(-__builtin_inff());
  std::size_t i = 0;
  for (; i + 16 <= n; i += 16) best = larger(load(x + i), best);
  float out = reduce_max(best);
  for (; i < n; ++i) out = x[i] > out ? x[i] : out;
  return out;
}

float attn_exp(float* s, std::size_t n, float max) {
  V sum = set1(0.0f);
  std::size_t i = 0;
  for (; i + 16 <= n; i += 16) {
    V p = exp_lanes(sub(load(s + i), set1(max)));
    store(s + i, p);
    sum = add(sum, p);
  }
  if (i < n) {
    V p = exp_lanes(sub(load_n(s + i, n - i), set1(max)));
    store_n(s + i, p, n - i);
    sum = add(sum, load_n(s + i, n - i));
  }
  return reduce_add(sum);
}

void quantise_row(const float* x, std::size_t K, const QuantRowOut& out) {
  for (std::size_t b = 0; b < K / 32; ++b, x += 32) {
    std::int8_t* q = out.q + b * out.rows * 32;
    float* sum16 = out.sum16 + b * out.rows * 2;
    V x0 = load(x), x1 = load(x + 16);
    float amax = 0.0f, inverse = 0.0f, d = 0.0f;
    if (all_finite(x0) && all_finite(x1)) {
      amax = reduce_max(larger(magnitude(x0), magnitude(x1)));
      if (!(amax < 1e-30f)) d = amax / 127.0f, inverse = 127.0f / amax;
    } else {
      d = __builtin_nanf("");
      x0 = x1 = set1(0.0f);
    }
    out.d[b * out.rows] = d;
    const std::int32_t first = store_i8(q, mul(x0, set1(inverse)));
    const std::int32_t second = store_i8(q + 16, mul(x1, set1(inverse)));
    sum16[0] = static_cast<float>(first);
    sum16[out.rows] = static_cast<float>(second);
    out.sum32[b * out.rows] = static_cast<float>(first + second);
  }
}

void install_row_ops(Table& t) {
  t.quantise_row = quantise_row;
  t.rmsnorm_row = rmsnorm_row;
  t.rmsnorm_backward_row = rmsnorm_backward_row;
  t.silu_backward_row = silu_backward_row;
  t.gelu_tanh_backward_row = gelu_tanh_backward_row;
  t.rope_row = rope_row;
  t.add_row = add_row;
  t.scale_row = scale_row;
  t.axpy_row = axpy_row;
  t.silu_mul_row = silu_mul_row;
  t.gelu_tanh_mul_row = gelu_tanh_mul_row;
  t.softcap_row = softcap_row;
  t.attn_exp = attn_exp;
  t.max_row = max_row;
}

}  // namespace
// NOLINTEND
