// The loops behind Peaks that need AMX. One tile product is 16 x 16 sums of 64 bytes (or 32 bfloat16); it takes 52
// cycles and one starts every 16, so six accumulators more than cover it.
#include <cpuid.h>
#include <immintrin.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstring>

#include "app/peaks.h"

namespace freehold::app::x86 {
namespace {

constexpr int kTiles = 6;
constexpr double kInt8 = 2.0 * 16 * 16 * 64;  // operations of one product
constexpr double kBf16 = 2.0 * 16 * 16 * 32;

struct alignas(64) TileConfig {
  std::uint8_t palette = 1;
  std::uint8_t start_row = 0;
  std::uint8_t reserved[14] = {};
  std::uint16_t row_bytes[16] = {64, 64, 64, 64, 64, 64, 64, 64};
  std::uint8_t rows[16] = {16, 16, 16, 16, 16, 16, 16, 16};
};
static_assert(sizeof(TileConfig) == 64);

struct alignas(64) Operand {
  unsigned words[16][16];
  explicit Operand(unsigned word) {
    for (auto& row : words) {
      for (unsigned& w : row) w = word;
    }
  }
};

// The whole loop is one statement: nothing the compiler does may come between configuring the tiles and releasing them.
#define FH_TILE_LOOP(product, config, operand, rounds)                     \
  asm volatile(                                                            \
      "ldtilecfg %1\n"                                                     \
      "tileloadd (%2,%3), %%tmm6\n tileloadd (%2,%3), %%tmm7\n"            \
      ".irp a,0,1,2,3,4,5\n tilezero %%tmm\\a\n .endr\n"                   \
      ".p2align 6\n1:\n"                                                   \
      ".irp a,0,1,2,3,4,5\n " product                                      \
      " %%tmm7, %%tmm6, %%tmm\\a\n .endr\n"                                \
      "dec %0\n jnz 1b\n tilerelease\n"                                    \
      : "+r"(rounds)                                                       \
      : "m"(config), "r"(&(operand)), "r"(std::uint64_t{64}), "m"(operand) \
      : "cc")

void int8(std::uint64_t rounds) {
  const TileConfig config;
  const Operand operand(0x03FE0501);
  FH_TILE_LOOP("tdpbusd", config, operand, rounds);
}

void bf16(std::uint64_t rounds) {
  const TileConfig config;
  const Operand operand(0x3F813F81);
  FH_TILE_LOOP("tdpbf16ps", config, operand, rounds);
}

#undef FH_TILE_LOOP

struct Support {
  bool int8 = false;
  bool bf16 = false;
};

// The CPU has the instructions, the operating system saves the tiles, and lets this process use them (which it must ask
// for, once; asking again does nothing).
Support support() {
  unsigned a = 0, b = 0, c = 0, d = 0;
  if (__get_cpuid(1, &a, &b, &c, &d) == 0 || (c & bit_OSXSAVE) == 0) return {};
  unsigned low = 0, high = 0;
  asm volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  constexpr unsigned kTileState = 3U << 17;
  if ((low & kTileState) != kTileState) return {};
  if (__get_cpuid_count(7, 0, &a, &b, &c, &d) == 0 || (d & (1U << 24)) == 0) return {};
  constexpr long kRequestPermission = 0x1023, kTileData = 18;  // ARCH_REQ_XCOMP_PERM, XFEATURE_XTILEDATA
  if (::syscall(SYS_arch_prctl, kRequestPermission, kTileData) != 0) return {};
  return {.int8 = (d & (1U << 25)) != 0, .bf16 = (d & (1U << 22)) != 0};
}

}  // namespace

std::vector<ArithmeticLoop> loops_amx() {
  const Support has = support();
  return {
      {"int8", "amx", "tdpbusd", kTiles * kInt8, has.int8, int8},
      {"bf16", "amx", "tdpbf16ps", kTiles * kBf16, has.bf16, bf16},
  };
}

}  // namespace freehold::app::x86
