// Every block type at its edges: bit patterns against the formula, round trips, and what quantise does with rows that
// are zero, constant, tiny, huge, or held hostage by one outlier.
#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "base/half.h"
#include "base/random.h"
#include "kernel/blocks/dequantise.h"
#include "kernel/blocks/q3_k.h"
#include "kernel/blocks/quantise.h"
#include "kernel/blocks/scales.h"
#include "kernel/blocks/unpack.h"

namespace freehold::kernel {
namespace {

using tensor::DType;
using tensor::DTypeInfo;

constexpr std::size_t kCols = 512;
constexpr float kInf = std::numeric_limits<float>::infinity();

std::size_t bytes_of(const DTypeInfo& info, std::size_t elems) {
  return elems / info.block_elems * info.block_bytes;
}

std::vector<float> round_trip(DType type, const std::vector<float>& x) {
  const auto& info = tensor::info(type);
  std::vector<std::byte> blocks(bytes_of(info, x.size()));
  auto ok = quantise_row(type, x, blocks);
  EXPECT_TRUE(ok) << info.name << ": " << (ok ? "" : ok.error().what);
  std::vector<float> back(x.size());
  dequantise(type, blocks.data(), back.data(), x.size());
  return back;
}

double relative_error(const std::vector<float>& x, const std::vector<float>& y) {
  double error = 0, square = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    error += (double(x[i]) - y[i]) * (double(x[i]) - y[i]);
    square += double(x[i]) * x[i];
  }
  return square > 0 ? std::sqrt(error / square) : std::sqrt(error);
}

// About normal: the sum of twelve uniforms less six.
std::vector<float> bell(std::size_t n, float sigma, std::uint64_t seed = 1) {
  std::vector<float> x(n);
  std::uint64_t state = seed;
  for (auto& v : x) {
    float sum = -6.0f;
    for (int i = 0; i < 12; ++i) {
      state = state * 6364136223846793005u + 1442695040888963407u;
      sum += static_cast<float>(state >> 40) * 0x1p-24f;
    }
    v = sigma * sum;
  }
  return x;
}

// What a normal row may lose, relative to its size.
double tolerance(DType type) {
  switch (type) {
    case DType::f32:
      return 0;
    case DType::f16:
      return 3e-4;
    case DType::bf16:
      return 2e-3;
    case DType::q8_0:
      return 0.006;
    case DType::q6_k:
      return 0.018;
    case DType::q5_k:
      return 0.036;
    case DType::q5_1:
    case DType::q5_0:
      return 0.045;
    case DType::q3_k:
      return 0.15;
    case DType::q2_k:
      return 0.28;
    case DType::mxfp4:
      return 0.13;
    default:
      return 0.09;
  }
}

TEST(Blocks, UnpackTimesFormulaIsDequantiseForRandomBits) {
  std::uint64_t state = 7;
  for (const auto& info : tensor::all_dtypes()) {
    if (!info.quantised) continue;
    const std::size_t elems = info.block_elems * 400;
    std::vector<std::byte> blocks(bytes_of(info, elems));
    for (auto& b : blocks) {
      state = state * 6364136223846793005u + 1442695040888963407u;
      b = static_cast<std::byte>(state >> 56);
    }
    std::vector<float> got(elems);
    dequantise(info.type, blocks.data(), got.data(), elems);
    Block32 b;
    for (std::size_t i = 0; i < elems; ++i) {
      if (i % 32 == 0) unpack_block32(info.type, blocks.data(), i / 32, b);
      // Products of integers and an 11-bit scale are exact in double and in float: one rounding is left.
      const double product = double(b.d) * b.scale[i % 32 / 16] * b.q[i % 32];
      ASSERT_TRUE(std::isnan(product) || double(static_cast<float>(product)) == product ||
                  std::fabs(product) > 0x1p127);
      const auto want = static_cast<float>(product - double(b.m) * b.min[i % 32 / 16]);
      if (std::isnan(want)) {
        ASSERT_TRUE(std::isnan(got[i])) << info.name << " " << i;
      } else {
        ASSERT_EQ(std::bit_cast<std::uint32_t>(got[i]), std::bit_cast<std::uint32_t>(want)) << info.name << " " << i;
      }
    }
  }
}

TEST(Blocks, UnpackStaysInTheRangesThatKernelsCountOn) {
  struct Range {
    DType type;
    int q_lo, q_hi, scale_lo, scale_hi, min_hi;
  };
  const Range ranges[] = {
      {DType::q4_0, -8, 7, 1, 1, 0},        {DType::q4_1, 0, 15, 1, 1, 1},       {DType::q5_0, -16, 15, 1, 1, 0},
      {DType::q5_1, 0, 31, 1, 1, 1},        {DType::q8_0, -128, 127, 1, 1, 0},   {DType::q2_k, 0, 3, 0, 15, 15},
      {DType::q3_k, -4, 3, -32, 31, 0},     {DType::q4_k, 0, 15, 0, 63, 63},     {DType::q5_k, 0, 31, 0, 63, 63},
      {DType::q6_k, -32, 31, -128, 127, 0}, {DType::iq4_nl, -127, 113, 1, 1, 0}, {DType::iq4_xs, -127, 113, -32, 31, 0},
      {DType::mxfp4, -12, 12, 1, 1, 0},
  };
  std::uint64_t state = 9;
  for (const Range& r : ranges) {
    const auto& info = tensor::info(r.type);
    std::vector<std::byte> blocks(info.block_bytes * 2000);
    for (auto& b : blocks) {
      state = state * 6364136223846793005u + 1442695040888963407u;
      b = static_cast<std::byte>(state >> 56);
    }
    int q_lo = 1000, q_hi = -1000, s_lo = 1000, s_hi = -1000, m_hi = 0;
    Block32 b;
    for (std::size_t i = 0; i < 2000 * info.block_elems / 32; ++i) {
      unpack_block32(r.type, blocks.data(), i, b);
      for (int q : b.q) q_lo = std::min(q_lo, q), q_hi = std::max(q_hi, q);
      for (int s : b.scale) s_lo = std::min(s_lo, s), s_hi = std::max(s_hi, s);
      for (int m : b.min) m_hi = std::max(m_hi, m);
    }
    EXPECT_EQ(q_lo, r.q_lo) << info.name;
    EXPECT_EQ(q_hi, r.q_hi) << info.name;
    EXPECT_EQ(s_lo, r.scale_lo) << info.name;
    EXPECT_EQ(s_hi, r.scale_hi) << info.name;
    EXPECT_EQ(m_hi, r.min_hi) << info.name;
  }
}

TEST(Blocks, PackedScalesComeBack) {
  for (int turn = 0; turn < 64; ++turn) {
    std::uint8_t four[12] = {}, three[12] = {};
    for (int g = 0; g < 8; ++g) set_q4_scale_min(four, g, {(turn + 9 * g) % 64, (turn * 5 + 11 * g) % 64});
    for (int g = 0; g < 16; ++g) set_q3_scale(three, g, (turn + 7 * g) % 64 - 32);
    for (int g = 0; g < 8; ++g) {
      EXPECT_EQ(q4_scale_min(four, g).scale, (turn + 9 * g) % 64);
      EXPECT_EQ(q4_scale_min(four, g).min, (turn * 5 + 11 * g) % 64);
    }
    for (int g = 0; g < 16; ++g) EXPECT_EQ(q3_scale(three, g), (turn + 7 * g) % 64 - 32);
  }
}

TEST(Blocks, Mxfp4ScalesAreExactPowersOfTwo) {
  for (int e = 0; e < 256; ++e) {
    std::byte block[17] = {static_cast<std::byte>(e), std::byte{0x21}};
    Block32 b;
    unpack_block32(DType::mxfp4, block, 0, b);
    EXPECT_EQ(b.d, std::ldexp(1.0f, e - 128)) << e;
    EXPECT_EQ(b.q[0], 1);
    EXPECT_EQ(b.q[16], 2);
    float out[32];
    dequantise(DType::mxfp4, block, out, 32);
    EXPECT_EQ(out[0], std::ldexp(1.0f, e - 128)) << e;
  }
}

TEST(Quantise, OrdinaryRowsOfEverySizeKeepTheirShape) {
  for (const auto& info : tensor::all_dtypes()) {
    for (float sigma : {0.02f, 1.0f, 300.0f}) {
      auto x = bell(kCols, sigma);
      EXPECT_LE(relative_error(x, round_trip(info.type, x)), tolerance(info.type)) << info.name << " " << sigma;
    }
  }
}

TEST(Quantise, ZeroRowsStayZero) {
  for (const auto& info : tensor::all_dtypes()) {
    for (float zero : {0.0f, -0.0f}) {
      for (float v : round_trip(info.type, std::vector<float>(kCols, zero))) ASSERT_EQ(v, 0.0f) << info.name;
    }
  }
}

TEST(Quantise, SubnormalsAndValuesBelowEveryScaleComeBackTiny) {
  for (const auto& info : tensor::all_dtypes()) {
    for (float size : {1e-45f, 1e-39f, 1e-30f, 1e-12f, 2.9e-8f, 6e-8f}) {
      auto x = bell(kCols, size);
      auto y = round_trip(info.type, x);
      for (std::size_t i = 0; i < kCols; ++i)
        ASSERT_LE(std::fabs(y[i]), 20 * size + 1e-38f) << info.name << " " << size;
    }
  }
}

TEST(Quantise, ConstantRowsAreNearlyExact) {
  for (const auto& info : tensor::all_dtypes()) {
    if (info.type == DType::mxfp4) continue;
    for (float c : {0.737f, -0.737f, 1.0f, -0.03f, 12345.0f}) {
      std::vector<float> x(kCols, c);
      EXPECT_LE(relative_error(x, round_trip(info.type, x)), 5e-3) << info.name << " " << c;
    }
  }
}

// Constant weights have no error but the super-scale's rounding; the obvious choice (largest code times largest scale)
// must be among what the search considers.
TEST(Quantise, ConstantRowsAreNoWorseThanTheObviousChoice) {
  auto obvious = [](float c, float integers) {
    return std::fabs(f16_to_f32(f32_to_f16(c / integers)) * double(integers) - c);
  };
  for (int i = 1; i < 400; ++i) {
    const float c = 0.007f * static_cast<float>(i);
    const std::vector<float> x(256, c);
    EXPECT_LE(std::fabs(round_trip(DType::q2_k, x)[0] - c), obvious(c, 3 * 15) + 1e-6f * c) << c;
    EXPECT_LE(std::fabs(round_trip(DType::q4_k, x)[0] - c), obvious(c, 15 * 63) + 1e-6f * c) << c;
    EXPECT_LE(std::fabs(round_trip(DType::q5_k, x)[0] - c), obvious(c, 31 * 63) + 1e-6f * c) << c;
    EXPECT_LE(std::fabs(round_trip(DType::q6_k, x)[0] - c), obvious(c, 32 * 128) + 1e-6f * c) << c;
  }
}

TEST(Quantise, OneOutlierCostsItsOwnBlockOnly) {
  for (const auto& info : tensor::all_dtypes()) {
    auto x = bell(kCols, 0.02f);
    x[300] = -500.0f;
    auto y = round_trip(info.type, x);
    EXPECT_NEAR(y[300], -500.0f, 130.0f) << info.name;  // MXFP4 stops at 6 * 2^6
    std::vector<float> x0(x.begin(), x.begin() + 256), y0(y.begin(), y.begin() + 256);
    EXPECT_LE(relative_error(x0, y0), tolerance(info.type) * 1.05) << info.name;
  }
}

TEST(Quantise, OneSidedRowsAreNoWorseThanTheirMirror) {
  for (const auto& info : tensor::all_dtypes()) {
    auto x = bell(kCols, 0.1f);
    for (auto& v : x) v = 2.0f + v;
    auto negative = x;
    for (auto& v : negative) v = -v;
    const double up = relative_error(x, round_trip(info.type, x));
    const double down = relative_error(negative, round_trip(info.type, negative));
    EXPECT_LE(up, tolerance(info.type)) << info.name;
    EXPECT_LE(down, tolerance(info.type)) << info.name;
  }
}

TEST(Quantise, QuantisingTwiceChangesLittle) {
  for (const auto& info : tensor::all_dtypes()) {
    auto once = round_trip(info.type, bell(kCols, 0.5f));
    EXPECT_LE(relative_error(once, round_trip(info.type, once)), tolerance(info.type) / 2) << info.name;
  }
}

TEST(Quantise, AnyAlignmentGivesTheSameBytes) {
  for (const auto& info : tensor::all_dtypes()) {
    auto x = bell(kCols, 1.0f);
    std::vector<std::byte> a(bytes_of(info, kCols)), b(a.size() + 3);
    quantise(info.type, x.data(), a.data(), kCols);
    quantise(info.type, x.data(), b.data() + 3, kCols);
    EXPECT_TRUE(std::equal(a.begin(), a.end(), b.begin() + 3)) << info.name;
  }
}

TEST(Quantise, HugeValuesAreRefusedByName) {
  for (const auto& info : tensor::all_dtypes()) {
    auto x = bell(kCols, 1.0f);
    x[300] = 3e38f;
    std::vector<std::byte> blocks(bytes_of(info, kCols));
    auto ok = quantise_row(info.type, x, blocks);
    if (info.type == DType::f32 || info.type == DType::bf16 || info.type == DType::mxfp4) {
      EXPECT_TRUE(ok) << info.name;
      continue;
    }
    ASSERT_FALSE(ok) << info.name;
    EXPECT_EQ(ok.error().code, Errc::invalid);
    EXPECT_EQ(ok.error().what, "element 300 (3e+38) is too large for " + std::string(info.name));
  }
  // Between what the narrowest and the widest type hold: the answer is an error or a row that came through.
  for (const auto& info : tensor::all_dtypes()) {
    for (float size = 1e4f; size < 1e9f; size *= 3) {
      auto x = bell(kCols, size);
      std::vector<std::byte> blocks(bytes_of(info, kCols));
      if (!quantise_row(info.type, x, blocks)) continue;
      std::vector<float> back(kCols);
      dequantise(info.type, blocks.data(), back.data(), kCols);
      EXPECT_LE(relative_error(x, back), tolerance(info.type)) << info.name << " " << size;
    }
  }
  auto largest = std::numeric_limits<float>::max();
  std::vector<float> ends(kCols, largest);
  for (std::size_t i = 0; i < kCols; i += 2) ends[i] = -largest;
  for (const auto& info : tensor::all_dtypes()) {
    std::vector<std::byte> blocks(bytes_of(info, kCols));
    (void)quantise_row(info.type, ends, blocks).has_value();  // whatever it says, nothing undefined happens on the way
  }
}

TEST(Quantise, NanAndInfinityAreRefusedByElement) {
  for (const auto& info : tensor::all_dtypes()) {
    auto x = bell(kCols, 1.0f);
    std::vector<std::byte> blocks(bytes_of(info, kCols));
    x[77] = std::nanf("");
    x[78] = kInf;
    auto ok = quantise_row(info.type, x, blocks);
    ASSERT_FALSE(ok);
    EXPECT_EQ(ok.error().what, "element 77 is NaN");
    x[77] = 0;
    x[78] = -kInf;
    ok = quantise_row(info.type, x, blocks);
    ASSERT_FALSE(ok);
    EXPECT_EQ(ok.error().what, "element 78 is infinite");
    quantise(info.type, x.data(), blocks.data(), kCols);  // unspecified, but defined behaviour (the sanitizers watch)
    x[78] = std::nanf("");
    quantise(info.type, x.data(), blocks.data(), kCols);
  }
}

TEST(Quantise, SizesThatDoNotFitAreRefused) {
  std::vector<float> x(100);
  std::vector<std::byte> blocks(1000);
  auto ok = quantise_row(DType::q4_k, x, blocks);
  ASSERT_FALSE(ok);
  EXPECT_EQ(ok.error().what, "a row of 100 elements is no whole number of Q4_K blocks (256 elements each)");
  x.resize(256);
  ok = quantise_row(DType::q4_k, x, blocks);
  ASSERT_FALSE(ok);
  EXPECT_EQ(ok.error().what, "1000 bytes given for 256 elements of Q4_K, which are 144 bytes");
  EXPECT_TRUE(quantise_row(DType::q4_k, {}, {}));
}

}  // namespace
}  // namespace freehold::kernel
