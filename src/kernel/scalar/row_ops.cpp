// The definition of the row operations: 16 lanes as a plain array.
#include <cmath>
#include <cstdint>
#include <cstring>

#include "kernel/scalar/scalar.h"

namespace freehold::kernel {
namespace {

struct V {
  float a[16];
};

template <typename F>
V each(F f) {
  V r;
  for (int i = 0; i < 16; ++i) r.a[i] = f(i);
  return r;
}

V load(const float* p) {
  return each([&](int i) { return p[i]; });
}
V load_n(const float* p, std::size_t n) {
  return each([&](int i) { return static_cast<std::size_t>(i) < n ? p[i] : 0.0f; });
}
void store(float* p, const V& v) {
  std::memcpy(p, v.a, sizeof v.a);
}
void store_n(float* p, const V& v, std::size_t n) {
  std::memcpy(p, v.a, n * sizeof(float));
}
V set1(float x) {
  return each([&](int) { return x; });
}
V add(const V& x, const V& y) {
  return each([&](int i) { return x.a[i] + y.a[i]; });
}
V sub(const V& x, const V& y) {
  return each([&](int i) { return x.a[i] - y.a[i]; });
}
V mul(const V& x, const V& y) {
  return each([&](int i) { return x.a[i] * y.a[i]; });
}
V div(const V& x, const V& y) {
  return each([&](int i) { return x.a[i] / y.a[i]; });
}
float fma1(float x, float y, float z) {
  return std::fma(x, y, z);
}
V fma3(const V& x, const V& y, const V& z) {
  return each([&](int i) { return std::fma(x.a[i], y.a[i], z.a[i]); });
}
V larger(const V& x, const V& y) {
  return each([&](int i) { return x.a[i] > y.a[i] ? x.a[i] : y.a[i]; });
}
V round_even(const V& x) {
  return each([&](int i) { return std::nearbyint(x.a[i]); });
}
V exp2_int(const V& n) {
  return each([&](int i) {
    auto bits = static_cast<std::uint32_t>(static_cast<std::int32_t>(n.a[i]) + 127) << 23;
    float r;
    std::memcpy(&r, &bits, sizeof r);
    return r;
  });
}
V select_less(const V& a, const V& b, const V& x, const V& y) {
  return each([&](int i) { return a.a[i] < b.a[i] ? x.a[i] : y.a[i]; });
}
V select_nan(const V& a, const V& x, const V& y) {
  return each([&](int i) { return a.a[i] != a.a[i] ? x.a[i] : y.a[i]; });
}
V magnitude(const V& x) {
  return each([&](int i) { return std::fabs(x.a[i]); });
}
bool all_finite(const V& x) {
  bool finite = true;
  for (float f : x.a) finite = finite && std::fabs(f) <= 3.402823466e38f;
  return finite;
}
float reduce_add(V v) {
  for (int step = 8; step > 0; step /= 2) {
    for (int i = 0; i < step; ++i) v.a[i] = v.a[i] + v.a[i + step];
  }
  return v.a[0];
}
float reduce_max(const V& v) {
  float best = v.a[0];
  for (float f : v.a) best = f > best ? f : best;
  return best;
}
std::int32_t store_i8(std::int8_t* q, const V& v) {
  std::int32_t sum = 0;
  for (int i = 0; i < 16; ++i) {
    q[i] = static_cast<std::int8_t>(std::nearbyint(v.a[i]));
    sum += q[i];
  }
  return sum;
}
float square_root(float x) {
  return std::sqrt(x);
}

}  // namespace
}  // namespace freehold::kernel

namespace freehold::kernel {
#include "kernel/lanes/row_ops.h"  // NOLINT(bugprone-suspicious-include)

void install_scalar_row_ops(Table& table) {
  install_row_ops(table);
}
}  // namespace freehold::kernel
