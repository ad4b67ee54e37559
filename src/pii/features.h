// The hashes of the tagger's features: a plain definition, and the same for eight at a time where the processor can
// (features_x86.cpp).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "pii/tagger.h"

namespace freehold::pii {

inline constexpr std::size_t kFeatureLanes = 32;  // kFeatures, and what fills the last vector
static_assert(kFeatures <= kFeatureLanes);

// What feature n says: a[n], b[n], c[n].
struct FeatureKeys {
  alignas(32) std::array<std::uint32_t, kFeatureLanes> a, b, c;
};

inline constexpr std::uint32_t kFeatureStep = 0x9E3779B1u, kFeatureMix = 0x85EBCA6Bu, kFeatureEnd = 0xC2B2AE35u;

// The buckets of all features: h = (n + 1) * kFeatureStep; h = (h ^ key) * kFeatureMix, h ^= h >> 15 for each of the
// three keys; h * kFeatureEnd >> 16. `out`: kFeatures of them, and room for kFeatureLanes, on 32 bytes.
void buckets_plain(const FeatureKeys& keys, std::uint32_t* out);
void buckets_avx2(const FeatureKeys& keys, std::uint32_t* out);
bool has_avx2();

}  // namespace freehold::pii
