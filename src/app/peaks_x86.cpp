// The loops behind Peaks that need AVX2 at most, in assembly: what is measured is what stands here, whatever the
// compiler, and nothing of it can end up in code for older processors.
//
// Chains: an FMA takes 4 cycles on every core we know and two start each cycle, so 8 chains suffice; 12 leave room for
// the 5 cycles of vpdpbusd and for imperfect scheduling. Operands are not zero, because power, and with it the clock,
// depends on the data; accumulators of integers wrap, those of floats stay finite and normal.
#include <cpuid.h>
#include <immintrin.h>

#include "app/peaks.h"

namespace freehold::app::x86 {
namespace {

#define FH_XMM                                                                                                        \
  "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10", "xmm11", "xmm12", "xmm13", \
      "xmm14", "xmm15"

constexpr unsigned kBytes = 0x03FE0501;  // small int8 of both signs, four times
constexpr unsigned kFloat = 0x3F810000;  // 1 + 2^-7

// pmaddwd: 8 products of int16 (SSE2 multiplies no bytes) and their sums in pairs.
void int8_sse2(std::uint64_t rounds) {
  asm volatile(
      "movd %1, %%xmm14\n pshufd $0, %%xmm14, %%xmm14\n movdqa %%xmm14, %%xmm15\n"
      ".p2align 5\n1:\n"
      ".irp a,0,1,2,3,4,5\n"
      "movdqa %%xmm14, %%xmm12\n pmaddwd %%xmm15, %%xmm12\n paddd %%xmm12, %%xmm\\a\n"
      "movdqa %%xmm14, %%xmm13\n pmaddwd %%xmm15, %%xmm13\n paddd %%xmm13, %%xmm\\a\n"
      ".endr\n"
      "dec %0\n jnz 1b\n"
      : "+r"(rounds)
      : "r"(kBytes)
      : "cc", FH_XMM);
}

// mulps and addps: two instructions a multiplication and addition.
void f32_sse2(std::uint64_t rounds) {
  asm volatile(
      "movd %1, %%xmm14\n shufps $0, %%xmm14, %%xmm14\n movaps %%xmm14, %%xmm15\n"
      ".irp a,0,1,2,3,4,5,6,7,8,9,10,11\n movaps %%xmm14, %%xmm\\a\n .endr\n"
      ".p2align 5\n1:\n"
      ".irp a,0,1,2,3,4,5\n"
      "movaps %%xmm14, %%xmm12\n mulps %%xmm15, %%xmm12\n addps %%xmm12, %%xmm\\a\n"
      "movaps %%xmm14, %%xmm13\n mulps %%xmm15, %%xmm13\n addps %%xmm13, %%xmm\\a\n"
      ".endr\n"
      "dec %0\n jnz 1b\n"
      : "+r"(rounds)
      : "r"(kFloat)
      : "cc", FH_XMM);
}

// vpmaddubsw multiplies 32 bytes and adds pairs; the sums are collected as int16, which is exact for a few 4-bit
// weights and the fastest that AVX2 offers. Widening to int32 at once (vpmaddwd) would halve it, so kernels stay below.
void int8_avx2(std::uint64_t rounds) {
  asm volatile(
      "vmovd %1, %%xmm14\n vpbroadcastd %%xmm14, %%ymm14\n vmovdqa %%ymm14, %%ymm15\n"
      ".p2align 5\n1:\n"
      ".irp a,0,2,4,6,8,10\n"
      "vpmaddubsw %%ymm14, %%ymm15, %%ymm12\n vpaddw %%ymm12, %%ymm\\a, %%ymm\\a\n .endr\n"
      ".irp a,1,3,5,7,9,11\n"
      "vpmaddubsw %%ymm14, %%ymm15, %%ymm13\n vpaddw %%ymm13, %%ymm\\a, %%ymm\\a\n .endr\n"
      "dec %0\n jnz 1b\n vzeroupper\n"
      : "+r"(rounds)
      : "r"(kBytes)
      : "cc", FH_XMM);
}

void int8_avx_vnni(std::uint64_t rounds) {
  asm volatile(
      "vmovd %1, %%xmm14\n vpbroadcastd %%xmm14, %%ymm14\n vmovdqa %%ymm14, %%ymm15\n"
      ".p2align 5\n1:\n"
      ".irp a,0,1,2,3,4,5,6,7,8,9,10,11\n %{vex%} vpdpbusd %%ymm14, %%ymm15, %%ymm\\a\n .endr\n"
      "dec %0\n jnz 1b\n vzeroupper\n"
      : "+r"(rounds)
      : "r"(kBytes)
      : "cc", FH_XMM);
}

void f32_avx2(std::uint64_t rounds) {
  asm volatile(
      "vmovd %1, %%xmm14\n vpbroadcastd %%xmm14, %%ymm14\n vmovaps %%ymm14, %%ymm15\n"
      ".irp a,0,1,2,3,4,5,6,7,8,9,10,11\n vmovaps %%ymm14, %%ymm\\a\n .endr\n"
      ".p2align 5\n1:\n"
      ".irp a,0,1,2,3,4,5,6,7,8,9,10,11\n vfmadd231ps %%ymm14, %%ymm15, %%ymm\\a\n .endr\n"
      "dec %0\n jnz 1b\n vzeroupper\n"
      : "+r"(rounds)
      : "r"(kFloat)
      : "cc", FH_XMM);
}

bool has_avx_vnni() {
  unsigned a = 0, b = 0, c = 0, d = 0;
  return __get_cpuid_count(7, 1, &a, &b, &c, &d) != 0 && (a & (1U << 4)) != 0;
}

}  // namespace

std::vector<ArithmeticLoop> loops_up_to_avx2() {
  __builtin_cpu_init();
  const bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
  return {
      {"int8", "scalar", "pmaddwd xmm", 12 * 8 * 2, true, int8_sse2},
      {"f32", "scalar", "mulps, addps xmm", 12 * 4 * 2, true, f32_sse2},
      {"int8", "avx2", "vpmaddubsw ymm", 12 * 32 * 2, avx2, int8_avx2},
      {"f32", "avx2", "vfmadd231ps ymm", 12 * 8 * 2, avx2, f32_avx2},
      {"int8", "avx-vnni", "vpdpbusd ymm", 12 * 32 * 2, avx2 && has_avx_vnni(), int8_avx_vnni},
  };
}

// Adding a register, not a constant: some cores fold small constants into the renaming of registers and take no time.
void dependent_additions(std::uint64_t rounds) {
  std::uint64_t sum = 0, step = 1;
  asm volatile(".p2align 5\n1:\n.rept 64\n add %2, %1\n .endr\n dec %0\n jnz 1b\n"
               : "+r"(rounds), "+r"(sum)
               : "r"(step)
               : "cc");
}

void dependent_multiplications(std::uint64_t rounds) {
  std::uint64_t product = 3, factor = 5;
  asm volatile(".p2align 5\n1:\n.rept 64\n imul %2, %1\n .endr\n dec %0\n jnz 1b\n"
               : "+r"(rounds), "+r"(product)
               : "r"(factor)
               : "cc");
}

void read_all(const std::byte* data, std::size_t bytes, std::size_t streams, std::size_t ahead) {
  const std::size_t part = bytes / streams;
  for (std::size_t offset = 0; offset < part; offset += 1024) {
    for (std::size_t s = 0; s < streams; ++s) {
      const std::byte* p = data + s * part + offset;
      std::uint64_t lines = 16;
      if (ahead == 0) {
        asm volatile(
            "1:\n movdqa (%0), %%xmm0\n movdqa 16(%0), %%xmm1\n movdqa 32(%0), %%xmm2\n movdqa 48(%0), %%xmm3\n"
            "add $64, %0\n dec %1\n jnz 1b\n"
            : "+r"(p), "+r"(lines)
            :
            : "cc", "memory", "xmm0", "xmm1", "xmm2", "xmm3");
      } else {
        asm volatile(
            "1:\n prefetcht0 (%0,%2)\n"
            "movdqa (%0), %%xmm0\n movdqa 16(%0), %%xmm1\n movdqa 32(%0), %%xmm2\n movdqa 48(%0), %%xmm3\n"
            "add $64, %0\n dec %1\n jnz 1b\n"
            : "+r"(p), "+r"(lines)
            : "r"(ahead)
            : "cc", "memory", "xmm0", "xmm1", "xmm2", "xmm3");
      }
    }
  }
}

const void* follow(const void* start, std::uint64_t steps) {
  asm volatile(".p2align 5\n1:\n mov (%0), %0\n dec %1\n jnz 1b\n" : "+r"(start), "+r"(steps) : : "cc", "memory");
  return start;
}

#undef FH_XMM

}  // namespace freehold::app::x86
