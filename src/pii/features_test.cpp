// The hashes of the tagger's features: the fast twin gives what the plain one does.
#include "pii/features.h"

#include <gtest/gtest.h>

namespace freehold::pii {
namespace {

TEST(Features, AreHashedAlikeEightAtATime) {
  if (!has_avx2()) GTEST_SKIP() << "no AVX2 here";
  std::uint32_t state = 1;
  auto next = [&] { return state = state * 1664525u + 1013904223u; };
  for (int round = 0; round < 200; ++round) {
    FeatureKeys keys{};
    for (std::size_t n = 0; n < kFeatureLanes; ++n) {
      keys.a[n] = next();
      keys.b[n] = round % 2 == 0 ? next() : 0;
      keys.c[n] = round % 3 == 0 ? next() >> 24 : 0;
    }
    alignas(32) std::uint32_t plain[kFeatureLanes] = {}, fast[kFeatureLanes] = {};
    buckets_plain(keys, plain);
    buckets_avx2(keys, fast);
    for (std::size_t n = 0; n < kFeatures; ++n) {
      EXPECT_EQ(fast[n], plain[n]) << "feature " << n;
      EXPECT_LT(plain[n], kBuckets);
    }
  }
}

}  // namespace
}  // namespace freehold::pii
