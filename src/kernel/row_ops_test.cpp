// Row operations: every level against scalar, bit for bit, at odd lengths and edge values; scalar against double
// precision.
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <vector>

#include "base/random.h"
#include "kernel/kernels.h"
#include "kernel/matmul_testing.h"

namespace freehold::kernel {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();

std::vector<float> values(std::size_t n, std::uint64_t stream, double scale) {
  std::vector<float> v(n);
  for (std::size_t i = 0; i < n; ++i) v[i] = static_cast<float>((uniform_draw(3, stream, i) * 2 - 1) * scale);
  return v;
}

const Table& scalar() {
  return table_up_to(Level::scalar);
}

template <typename F>
void same_on_all_levels(F operation, const char* what) {
  const std::vector<float> expected = operation(scalar());
  for (Level level : {Level::avx2, Level::avx512}) {
    if (level > detect_level()) continue;
    const std::vector<float> got = operation(table_up_to(level));
    ASSERT_EQ(got.size(), expected.size());
    for (std::size_t i = 0; i < got.size(); ++i) {
      const bool both_nan = std::isnan(got[i]) && std::isnan(expected[i]);
      EXPECT_TRUE(both_nan || std::memcmp(&got[i], &expected[i], 4) == 0)
          << what << " " << name_of(level) << " [" << i << "]: " << got[i] << " and " << expected[i];
    }
  }
}

const std::vector<std::size_t> kLengths = {1, 7, 15, 16, 17, 31, 32, 33, 48, 100, 4096};

TEST(RowOps, LevelsAgree) {
  for (std::size_t n : kLengths) {
    for (double scale : {1e-3, 1.0, 60.0, 1e20}) {
      const auto a = values(n, 1, scale), b = values(n, 2, scale);
      same_on_all_levels(
          [&](const Table& t) {
            auto y = a;
            t.add_row(y.data(), b.data(), n);
            return y;
          },
          "add");
      same_on_all_levels(
          [&](const Table& t) {
            auto y = a;
            t.scale_row(y.data(), 0.37f, n);
            return y;
          },
          "scale");
      same_on_all_levels(
          [&](const Table& t) {
            auto y = a;
            t.axpy_row(y.data(), 0.37f, b.data(), n);
            return y;
          },
          "axpy");
      same_on_all_levels(
          [&](const Table& t) {
            auto y = a;
            t.silu_mul_row(y.data(), y.data(), b.data(), n);
            return y;
          },
          "silu");
      same_on_all_levels(
          [&](const Table& t) {
            auto y = a;
            t.gelu_tanh_mul_row(y.data(), y.data(), b.data(), n);
            return y;
          },
          "gelu");
      same_on_all_levels(
          [&](const Table& t) {
            auto y = a;
            t.softcap_row(y.data(), 30.0f, n);
            return y;
          },
          "softcap");
      same_on_all_levels(
          [&](const Table& t) {
            auto y = a;
            y.push_back(t.rmsnorm_row(y.data(), y.data(), b.data(), n, 1e-5f));
            return y;
          },
          "rmsnorm");
      const auto c = values(n, 3, scale);
      auto backward = [&](auto member) {
        return [&a, &b, &c, n, member](const Table& t) {
          auto y = a;
          y.resize(2 * n);
          (t.*member)(y.data(), y.data() + n, y.data(), b.data(), c.data(), n);  // in place on dy
          return y;
        };
      };
      same_on_all_levels(backward(&Table::silu_backward_row), "silu backward");
      same_on_all_levels(backward(&Table::gelu_tanh_backward_row), "gelu backward");
      same_on_all_levels(
          [&](const Table& t) {
            auto y = a;
            t.rmsnorm_backward_row(y.data(), b.data(), c.data(), a.data(), n, 0.7f);
            return y;
          },
          "rmsnorm backward");
      same_on_all_levels([&](const Table& t) { return std::vector<float>{t.max_row(a.data(), n)}; }, "max");
      same_on_all_levels(
          [&](const Table& t) {
            auto y = a;
            float m = t.max_row(a.data(), n);
            y.push_back(t.attn_exp(y.data(), n, m));
            return y;
          },
          "exp");
      for (RopeStyle style : {RopeStyle::interleaved, RopeStyle::half}) {
        if (n % 2 != 0) continue;
        same_on_all_levels(
            [&](const Table& t) {
              auto y = a;
              t.rope_row(y.data(), b.data(), b.data() + n / 2, n / 2, style);
              return y;
            },
            "rope");
      }
    }
  }
}

TEST(RowOps, EdgeValuesAgree) {
  const std::vector<float> edges = {0.0f,    -0.0f,   kInfinity, -kInfinity, NAN,    1e-45f,
                                    -1e-38f, 3.4e38f, -3.4e38f,  88.7228f,   88.73f, -87.3365f,
                                    -87.34f, -103.9f, 1e-30f,    0.5f,       127.0f};
  const std::size_t n = edges.size();
  const std::vector<float> ones(n, 1.0f);
  same_on_all_levels(
      [&](const Table& t) {
        auto y = edges;
        t.silu_mul_row(y.data(), y.data(), ones.data(), n);
        return y;
      },
      "silu");
  same_on_all_levels(
      [&](const Table& t) {
        auto y = edges;
        t.gelu_tanh_mul_row(y.data(), y.data(), ones.data(), n);
        return y;
      },
      "gelu");
  same_on_all_levels(
      [&](const Table& t) {
        auto y = edges;
        t.softcap_row(y.data(), 50.0f, n);
        return y;
      },
      "softcap");
  same_on_all_levels(
      [&](const Table& t) {
        auto y = edges;
        t.attn_exp(y.data(), n, 0.0f);
        return y;
      },
      "exp");
  same_on_all_levels([&](const Table& t) { return std::vector<float>{t.max_row(edges.data(), n)}; }, "max");
}

TEST(RowOps, QuantiseRowAgreesAndKeepsItsRule) {
  for (double scale : {0.0, 1e-36, 1e-20, 1.0, 1e30}) {
    auto x = values(256, 5, scale);
    x[40] = scale > 0 ? 127.5f : 0.0f;  // a tie on the way to an even number in some block
    if (scale == 1.0) x[70] = kInfinity, x[130] = NAN;
    auto quantised = [&](const Table& t) {
      const QuantBuffers row = quantise(t, x, 1, 256);
      std::vector<float> out(row.d.begin(), row.d.begin() + 8);
      out.insert(out.end(), row.q.begin(), row.q.begin() + 256);
      out.insert(out.end(), row.sum16.begin(), row.sum16.begin() + 16);
      out.insert(out.end(), row.sum32.begin(), row.sum32.begin() + 8);
      return out;
    };
    same_on_all_levels(quantised, "quantise");
    const auto r = quantised(scalar());
    for (std::size_t b = 0; b < 8; ++b) {
      float sum = 0;
      for (std::size_t k = 0; k < 16; ++k) sum += r[8 + b * 32 + k];
      EXPECT_EQ(sum, r[8 + 256 + 2 * b]);
      EXPECT_EQ(sum + r[8 + 256 + 2 * b + 1], r[8 + 256 + 16 + b]);
      if (std::isnan(r[b])) continue;
      for (std::size_t k = 0; k < 32; ++k) {
        EXPECT_NEAR(r[b] * r[8 + b * 32 + k], x[b * 32 + k], r[b] * 0.5001f + 1e-30f) << scale << " " << b << " " << k;
      }
    }
    if (scale == 1.0) {
      EXPECT_TRUE(std::isnan(r[2]) && std::isnan(r[4]));
    }
  }
}

TEST(RowOps, ExpIsAccurate) {
  double worst = 0;
  for (int i = -86000; i <= 0; i += 7) {
    float x = static_cast<float>(i) / 1000.0f, y = x;
    scalar().attn_exp(&y, 1, 0.0f);
    worst = std::max(worst, std::fabs(y - std::exp(static_cast<double>(x))) / std::exp(static_cast<double>(x)));
  }
  EXPECT_LT(worst, 2e-7);
}

TEST(RowOps, ActivationsAreAccurate) {
  for (int i = -20000; i <= 20000; i += 11) {
    const double x = i / 1000.0;
    const float f = static_cast<float>(x), one = 1.0f;
    float silu, gelu, cap = f;
    scalar().silu_mul_row(&silu, &f, &one, 1);
    scalar().gelu_tanh_mul_row(&gelu, &f, &one, 1);
    scalar().softcap_row(&cap, 30.0f, 1);
    EXPECT_NEAR(silu, f / (1 + std::exp(-double(f))), 3e-7 * (1 + std::fabs(x)));
    EXPECT_NEAR(gelu, 0.5 * f * (1 + std::tanh(std::sqrt(2 / M_PI) * (f + 0.044715 * std::pow(double(f), 3)))),
                6e-7 * (1 + std::fabs(x)));
    EXPECT_NEAR(cap, 30 * std::tanh(double(f) / 30), 8e-6);
  }
}

}  // namespace
}  // namespace freehold::kernel
