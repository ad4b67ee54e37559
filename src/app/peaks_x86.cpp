// The loops behind Peaks. Every function carries its instruction set as an attribute and has internal linkage, so that
// nothing here can end up in code for older processors.
#include <immintrin.h>

#include "app/peaks.h"

namespace freehold::app {
namespace {

unsigned long long read_scalar(const std::byte* data, std::size_t bytes) {
  auto* p = reinterpret_cast<const __m128i*>(data);  // SSE2 is part of x86-64
  __m128i a = _mm_setzero_si128(), b = a, c = a, d = a;
  for (std::size_t i = 0; i < bytes / 16; i += 4) {
    a = _mm_xor_si128(a, _mm_load_si128(p + i));
    b = _mm_xor_si128(b, _mm_load_si128(p + i + 1));
    c = _mm_xor_si128(c, _mm_load_si128(p + i + 2));
    d = _mm_xor_si128(d, _mm_load_si128(p + i + 3));
  }
  return static_cast<unsigned long long>(_mm_cvtsi128_si64(_mm_xor_si128(_mm_xor_si128(a, b), _mm_xor_si128(c, d))));
}

__attribute__((target("avx2"))) unsigned long long read_avx2(const std::byte* data, std::size_t bytes) {
  auto* p = reinterpret_cast<const __m256i*>(data);
  __m256i a = _mm256_setzero_si256(), b = a, c = a, d = a;
  for (std::size_t i = 0; i < bytes / 32; i += 4) {
    a = _mm256_xor_si256(a, _mm256_load_si256(p + i));
    b = _mm256_xor_si256(b, _mm256_load_si256(p + i + 1));
    c = _mm256_xor_si256(c, _mm256_load_si256(p + i + 2));
    d = _mm256_xor_si256(d, _mm256_load_si256(p + i + 3));
  }
  a = _mm256_xor_si256(_mm256_xor_si256(a, b), _mm256_xor_si256(c, d));
  return static_cast<unsigned long long>(_mm256_extract_epi64(a, 0) ^ _mm256_extract_epi64(a, 2));
}

__attribute__((target("avx512f"))) unsigned long long read_avx512(const std::byte* data, std::size_t bytes) {
  __m512i a = _mm512_setzero_si512(), b = a, c = a, d = a;
  for (std::size_t i = 0; i < bytes; i += 256) {
    a = _mm512_xor_si512(a, _mm512_load_si512(data + i));
    b = _mm512_xor_si512(b, _mm512_load_si512(data + i + 64));
    c = _mm512_xor_si512(c, _mm512_load_si512(data + i + 128));
    d = _mm512_xor_si512(d, _mm512_load_si512(data + i + 192));
  }
  alignas(64) unsigned long long lanes[8];
  _mm512_store_si512(lanes, _mm512_xor_si512(_mm512_xor_si512(a, b), _mm512_xor_si512(c, d)));
  return lanes[0] ^ lanes[3] ^ lanes[5];
}

constexpr int kChains = 12;  // independent accumulators: more than latency times throughput of any unit we know

// Keeps the compiler from merging or dropping the chains.
#define FH_KEEP(x) asm volatile("" : "+x"(x))
#define FH_KEEP512(x) asm volatile("" : "+v"(x))

double int8_scalar(std::size_t rounds, volatile int* sink) {
  __m128i acc[kChains] = {};
  __m128i x = _mm_set1_epi16(3), y = _mm_set1_epi16(-2);
  for (std::size_t r = 0; r < rounds; ++r) {
    for (auto& a : acc) {
      FH_KEEP(x);
      a = _mm_add_epi32(a, _mm_madd_epi16(x, y));
    }
  }
  for (auto& a : acc) *sink = _mm_cvtsi128_si32(a);
  return static_cast<double>(rounds) * kChains * 8 * 2;
}

double f32_scalar(std::size_t rounds, volatile float* sink) {
  __m128 acc[kChains] = {};
  __m128 x = _mm_set1_ps(1.5f), y = _mm_set1_ps(1e-3f);
  for (std::size_t r = 0; r < rounds; ++r) {
    for (auto& a : acc) {
      FH_KEEP(x);
      a = _mm_add_ps(a, _mm_mul_ps(x, y));
    }
  }
  for (auto& a : acc) *sink = _mm_cvtss_f32(a);
  return static_cast<double>(rounds) * kChains * 4 * 2;
}

__attribute__((target("avx2"))) double int8_avx2(std::size_t rounds, volatile int* sink) {
  __m256i acc[kChains] = {};
  __m256i x = _mm256_set1_epi8(3), y = _mm256_set1_epi8(-2), ones = _mm256_set1_epi16(1);
  for (std::size_t r = 0; r < rounds; ++r) {
    for (auto& a : acc) {
      FH_KEEP(x);
      a = _mm256_add_epi32(a, _mm256_madd_epi16(_mm256_maddubs_epi16(x, y), ones));
    }
  }
  for (auto& a : acc) *sink = _mm256_extract_epi32(a, 0);
  return static_cast<double>(rounds) * kChains * 32 * 2;
}

__attribute__((target("avx2,fma"))) double f32_avx2(std::size_t rounds, volatile float* sink) {
  __m256 acc[kChains] = {};
  __m256 x = _mm256_set1_ps(1.5f), y = _mm256_set1_ps(1e-3f);
  for (std::size_t r = 0; r < rounds; ++r) {
    for (auto& a : acc) {
      FH_KEEP(x);
      a = _mm256_fmadd_ps(x, y, a);
    }
  }
  for (auto& a : acc) *sink = _mm256_cvtss_f32(a);
  return static_cast<double>(rounds) * kChains * 8 * 2;
}

__attribute__((target("avx512f,avx512bw,avx512vnni"))) double int8_avx512(std::size_t rounds, volatile int* sink) {
  __m512i acc[kChains] = {};
  __m512i x = _mm512_set1_epi8(3), y = _mm512_set1_epi8(-2);
  for (std::size_t r = 0; r < rounds; ++r) {
    for (auto& a : acc) {
      FH_KEEP512(x);
      a = _mm512_dpbusd_epi32(a, x, y);
    }
  }
  for (auto& a : acc) *sink = a[0] != 0 ? 1 : 0;
  return static_cast<double>(rounds) * kChains * 64 * 2;
}

__attribute__((target("avx512f"))) double f32_avx512(std::size_t rounds, volatile float* sink) {
  __m512 acc[kChains] = {};
  __m512 x = _mm512_set1_ps(1.5f), y = _mm512_set1_ps(1e-3f);
  for (std::size_t r = 0; r < rounds; ++r) {
    for (auto& a : acc) {
      FH_KEEP512(x);
      a = _mm512_fmadd_ps(x, y, a);
    }
  }
  for (auto& a : acc) *sink = a[0];
  return static_cast<double>(rounds) * kChains * 16 * 2;
}

#undef FH_KEEP
#undef FH_KEEP512

}  // namespace

const PeakLoops& peak_loops(kernel::Level level) {
  static constexpr PeakLoops kScalar = {read_scalar, int8_scalar, f32_scalar};
  static constexpr PeakLoops kAvx2 = {read_avx2, int8_avx2, f32_avx2};
  static constexpr PeakLoops kAvx512 = {read_avx512, int8_avx512, f32_avx512};
  if (level >= kernel::Level::avx512) return kAvx512;
  return level >= kernel::Level::avx2 ? kAvx2 : kScalar;
}

}  // namespace freehold::app
