// The loops behind Peaks that need AVX-512; see peaks_x86.cpp for how they are made.
#include <cpuid.h>
#include <immintrin.h>

#include "app/peaks.h"

namespace freehold::app::x86 {
namespace {

#define FH_ZMM                                                                                                        \
  "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10", "xmm11", "xmm12", "xmm13", \
      "xmm14", "xmm15", "xmm16", "xmm17", "xmm18", "xmm19"

// 18 chains: vdpbf16ps takes 6 cycles on Intel's cores and up to 8 on AMD's.
#define FH_CHAINS "0,1,2,3,4,5,6,7,8,9,10,11,12,13,16,17,18,19"
constexpr int kChains = 18;

constexpr unsigned kBytes = 0x03FE0501;
constexpr unsigned kBf16 = 0x3F813F81;   // 1 + 2^-7, twice
constexpr unsigned kFloat = 0x3F810000;  // 1 + 2^-7

__attribute__((target("avx512f"))) void int8(std::uint64_t rounds) {
  asm volatile(
      "vpbroadcastd %1, %%zmm14\n vmovdqa64 %%zmm14, %%zmm15\n"
      ".p2align 6\n1:\n"
      ".irp a," FH_CHAINS
      "\n vpdpbusd %%zmm14, %%zmm15, %%zmm\\a\n .endr\n"
      "dec %0\n jnz 1b\n vzeroupper\n"
      : "+r"(rounds)
      : "r"(kBytes)
      : "cc", FH_ZMM);
}

__attribute__((target("avx512f"))) void bf16(std::uint64_t rounds) {
  asm volatile(
      "vpbroadcastd %1, %%zmm14\n vmovdqa64 %%zmm14, %%zmm15\n"
      ".irp a," FH_CHAINS
      "\n vmovdqa64 %%zmm14, %%zmm\\a\n .endr\n"
      ".p2align 6\n1:\n"
      ".irp a," FH_CHAINS
      "\n vdpbf16ps %%zmm14, %%zmm15, %%zmm\\a\n .endr\n"
      "dec %0\n jnz 1b\n vzeroupper\n"
      : "+r"(rounds)
      : "r"(kBf16)
      : "cc", FH_ZMM);
}

__attribute__((target("avx512f"))) void f32(std::uint64_t rounds) {
  asm volatile(
      "vpbroadcastd %1, %%zmm14\n vmovaps %%zmm14, %%zmm15\n"
      ".irp a," FH_CHAINS
      "\n vmovaps %%zmm14, %%zmm\\a\n .endr\n"
      ".p2align 6\n1:\n"
      ".irp a," FH_CHAINS
      "\n vfmadd231ps %%zmm14, %%zmm15, %%zmm\\a\n .endr\n"
      "dec %0\n jnz 1b\n vzeroupper\n"
      : "+r"(rounds)
      : "r"(kFloat)
      : "cc", FH_ZMM);
}

bool has_bf16() {
  unsigned a = 0, b = 0, c = 0, d = 0;
  return __get_cpuid_count(7, 1, &a, &b, &c, &d) != 0 && (a & (1U << 5)) != 0;
}

#undef FH_ZMM
#undef FH_CHAINS

}  // namespace

std::vector<ArithmeticLoop> loops_avx512() {
  __builtin_cpu_init();
  const bool avx512 = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vnni");
  return {
      {"int8", "avx512", "vpdpbusd zmm", kChains * 64 * 2, avx512, int8},
      {"bf16", "avx512", "vdpbf16ps zmm", kChains * 32 * 2, avx512 && has_bf16(), bf16},
      {"f32", "avx512", "vfmadd231ps zmm", kChains * 16 * 2, avx512, f32},
  };
}

}  // namespace freehold::app::x86
