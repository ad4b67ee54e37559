// The emulator against what the manual says, in assembly of its own. On a CPU with AMX the same tests check the manual.
#include <gtest/gtest.h>

#include <bit>
#include <cstdint>
#include <cstring>
#include <thread>
#include <vector>

#include "base/half.h"
#include "kernel/amx_emulator_testing.h"
#include "kernel/x86/amx/tiles.h"

namespace freehold::kernel {
namespace {

using Bytes = std::vector<std::uint8_t>;

// Bytes that differ from each other, over all values.
Bytes pattern(std::size_t n, unsigned seed) {
  Bytes out(n);
  for (std::size_t i = 0; i < n; ++i) out[i] = static_cast<std::uint8_t>((i * 167 + i / 7 + seed * 59) % 256);
  return out;
}

class Amx : public testing::Test {
 protected:
  void SetUp() override {
    if (!amx_for_tests()) GTEST_SKIP() << "neither AMX nor AVX-512";
  }
  void TearDown() override {
    if (amx_for_tests()) release_tiles();
  }
};

TEST_F(Amx, ConfigurationIsStoredAsLoaded) {
  TileConfig config, read;
  config.set(0, 3, 20);
  config.set(7, 16, 64);
  load_config(config);
  asm volatile("sttilecfg %0" : "=m"(read)::"memory");
  EXPECT_EQ(std::memcmp(&config, &read, 64), 0);
  release_tiles();
  asm volatile("sttilecfg %0" : "=m"(read)::"memory");
  const Bytes zeros(64);
  EXPECT_EQ(std::memcmp(&read, zeros.data(), 64), 0);
}

TEST_F(Amx, SmallTilesMoveTheirOwnBytesOnly) {
  TileConfig config;
  config.set(1, 3, 20);
  load_config(config);
  const Bytes from = pattern(400, 1);
  Bytes to(400, 0xEE);
  tile_load<1>(from.data(), 100);
  tile_store<1>(to.data(), 50);
  for (std::size_t i = 0; i < to.size(); ++i) {
    const std::size_t row = i / 50, column = i % 50;
    EXPECT_EQ(to[i], row < 3 && column < 20 ? from[row * 100 + column] : 0xEE) << i;
  }
  tile_zero<1>();
  tile_store<1>(to.data(), 50);
  EXPECT_EQ(to[119], 0);
  EXPECT_EQ(to[120], 0xEE);
}

// Every form of address that a compiler may choose.
TEST_F(Amx, AddressesAreDecoded) {
  TileConfig config;
  config.set(5, 2, 8);
  load_config(config);
  const Bytes from = pattern(600, 2);
  auto expect = [&](std::size_t begin, std::size_t stride) {
    std::uint8_t got[16];
    tile_store<5>(got, 8);
    for (std::size_t i = 0; i < 16; ++i) EXPECT_EQ(got[i], from[begin + i / 8 * stride + i % 8]) << begin << " " << i;
  };
  const std::uint8_t* p = from.data();
  const std::size_t stride = 24;
  asm volatile("tileloadd 5(%0,%1,1), %%tmm5" ::"r"(p), "r"(stride) : "memory");
  expect(5, 24);
  asm volatile("tileloadd 300(%0,%1,4), %%tmm5" ::"r"(p), "r"(stride) : "memory");
  expect(300, 96);
  asm volatile("tileloadd -7(%0,%1,2), %%tmm5" ::"r"(p + 20), "r"(stride) : "memory");
  expect(13, 48);
  asm volatile("tileloaddt1 (%0,%1,8), %%tmm5" ::"r"(p), "r"(stride) : "memory");
  expect(0, 192);
  asm volatile("mov %0, %%r13\n mov %1, %%r12\n tileloadd (%%r13,%%r12,1), %%tmm5" ::"r"(p), "r"(stride)
               : "memory", "r12", "r13");
  expect(0, 24);
  asm volatile("mov %0, %%r12\n mov %1, %%r15\n tileloadd 9(%%r12,%%r15,1), %%tmm5" ::"r"(p), "r"(stride)
               : "memory", "r12", "r15");
  expect(9, 24);
}

template <bool kASigned, bool kBSigned>
std::int32_t product_of(std::uint8_t a, std::uint8_t b) {
  return (kASigned ? static_cast<std::int8_t>(a) : a) * (kBSigned ? static_cast<std::int8_t>(b) : b);
}

constexpr std::size_t kM = 5, kN = 7, kK = 12;  // rows, outputs, bytes of k

template <bool kASigned, bool kBSigned, class Dot>
void check_bytes(Dot dot) {
  TileConfig config;
  config.set(1, kM, kN * 4);
  config.set(2, kM, kK);
  config.set(3, kK / 4, kN * 4);
  load_config(config);
  const Bytes a = pattern(kM * kK, 3), b = pattern(kK * kN, 4);
  std::vector<std::int32_t> sums(kM * kN), expected(kM * kN);
  for (std::size_t i = 0; i < sums.size(); ++i) expected[i] = sums[i] = static_cast<std::int32_t>(i * 1000) - 17000;
  for (std::size_t m = 0; m < kM; ++m) {
    for (std::size_t n = 0; n < kN; ++n) {
      for (std::size_t k = 0; k < kK; ++k) {
        expected[m * kN + n] += product_of<kASigned, kBSigned>(a[m * kK + k], b[k / 4 * kN * 4 + n * 4 + k % 4]);
      }
    }
  }
  tile_load<1>(sums.data(), kN * 4);
  tile_load<2>(a.data(), kK);
  tile_load<3>(b.data(), kN * 4);
  dot();
  tile_store<1>(sums.data(), kN * 4);
  EXPECT_EQ(sums, expected);
}

TEST_F(Amx, ByteProducts) {
  check_bytes<true, true>([] { tile_dot_i8<1, 2, 3>(); });
  check_bytes<true, false>([] { asm volatile("tdpbsud %tmm3, %tmm2, %tmm1"); });
  check_bytes<false, true>([] { asm volatile("tdpbusd %tmm3, %tmm2, %tmm1"); });
  check_bytes<false, false>([] { asm volatile("tdpbuud %tmm3, %tmm2, %tmm1"); });
}

TEST_F(Amx, Bf16ProductsRoundAsTheContractSays) {
  TileConfig config;
  config.set(1, 1, 4);
  config.set(2, 1, 8);
  config.set(3, 2, 4);
  load_config(config);
  auto product = [](const std::uint16_t(&a)[4], const std::uint16_t(&b)[4], float sum) {
    tile_load<1>(&sum, 64);
    tile_load<2>(a, 64);
    tile_load<3>(b, 4);
    tile_dot_bf16<1, 2, 3>();
    tile_store<1>(&sum, 64);
    return sum;
  };
  const std::uint16_t one = f32_to_bf16(1.0f), big = f32_to_bf16(0x1p24f), tiny = 0x0001, minus = f32_to_bf16(-0x1p24f);
  // The even chain is 2^24 + 1 rounded to even (2^24); the odd chain cancels it; what is left is the sum.
  EXPECT_EQ(product({big, minus, one, 0}, {one, one, one, 0}, 5.0f), 5.0f);
  // 1 joins the odd chain's -2^24 exactly (-2^24 + 1 has 24 bits).
  EXPECT_EQ(product({big, minus, 0, one}, {one, one, 0, one}, 5.0f), 6.0f);
  // A subnormal input counts as zero, and so does a subnormal sum.
  EXPECT_EQ(product({tiny, 0, 0, 0}, {f32_to_bf16(0x1p100f), 0, 0, 0}, 0.0f), 0.0f);
  EXPECT_EQ(product({one, 0, 0, 0}, {0, 0, 0, 0}, 0x1p-140f), 0.0f);
}

// Each thread has its own tiles.
TEST_F(Amx, TilesBelongToTheThread) {
  TileConfig config;
  config.set(0, 1, 64);
  load_config(config);
  const Bytes mine = pattern(64, 5);
  tile_load<0>(mine.data(), 64);
  std::thread([&] {
    load_config(config);
    const Bytes other = pattern(64, 6);
    tile_load<0>(other.data(), 64);
    release_tiles();
  }).join();
  Bytes got(64);
  tile_store<0>(got.data(), 64);
  EXPECT_EQ(got, mine);
}

TEST_F(Amx, WhatTheManualForbidsEndsTheProgram) {
  testing::FLAGS_gtest_death_test_style = "threadsafe";
  auto forbidden = [](auto body) { EXPECT_DEATH(body(), "") << "went on"; };
  forbidden([] {
    amx_for_tests();
    tile_zero<0>();  // nothing is configured
  });
  forbidden([] {
    amx_for_tests();
    TileConfig config;
    config.palette = 2;
    load_config(config);
  });
  forbidden([] {
    amx_for_tests();
    TileConfig config;
    config.set(0, 17, 64);
    load_config(config);
  });
  forbidden([] {
    amx_for_tests();
    TileConfig config;
    config.set(1, 4, 16);
    config.set(2, 4, 8);
    config.set(3, 3, 16);  // should be two rows of four k
    load_config(config);
    tile_dot_i8<1, 2, 3>();
  });
}

}  // namespace
}  // namespace freehold::kernel
