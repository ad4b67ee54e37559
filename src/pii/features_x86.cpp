// The hashes of the tagger's features, eight at a time; other processors have the plain ones alone.
#include "pii/features.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace freehold::pii {

#if defined(__x86_64__)

bool has_avx2() {
  __builtin_cpu_init();  // this may be asked before main
  return __builtin_cpu_supports("avx2") != 0;
}

__attribute__((target("avx2"))) void buckets_avx2(const FeatureKeys& keys, std::uint32_t* out) {
  constexpr std::size_t kLanes = 8;
  const __m256i mix = _mm256_set1_epi32(static_cast<int>(kFeatureMix)),
                step = _mm256_set1_epi32(static_cast<int>(kLanes * kFeatureStep)),
                last = _mm256_set1_epi32(static_cast<int>(kFeatureEnd));
  __m256i start =
      _mm256_mullo_epi32(_mm256_setr_epi32(1, 2, 3, 4, 5, 6, 7, 8), _mm256_set1_epi32(static_cast<int>(kFeatureStep)));
  for (std::size_t n = 0; n < kFeatureLanes; n += kLanes) {
    __m256i h = start;
    for (const auto* key : {&keys.a, &keys.b, &keys.c}) {
      const __m256i of = _mm256_load_si256(reinterpret_cast<const __m256i*>(key->data() + n));
      h = _mm256_mullo_epi32(_mm256_xor_si256(h, of), mix);
      h = _mm256_xor_si256(h, _mm256_srli_epi32(h, 15));
    }
    h = _mm256_srli_epi32(_mm256_mullo_epi32(h, last), 16);
    _mm256_store_si256(reinterpret_cast<__m256i*>(out + n), h);
    start = _mm256_add_epi32(start, step);
  }
}

#else

bool has_avx2() {
  return false;
}

void buckets_avx2(const FeatureKeys& keys, std::uint32_t* out) {
  buckets_plain(keys, out);
}

#endif

}  // namespace freehold::pii
