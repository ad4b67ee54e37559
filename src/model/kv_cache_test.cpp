#include "model/kv_cache.h"

#include <gtest/gtest.h>

namespace freehold::model {
namespace {

// Two global layers and one with a window of 40.
Spec spec() {
  Spec s;
  s.kv_heads = 2;
  s.head_size = 4;
  s.blocks = {{0, 0}, {40, 0}, {0, 0}};
  return s;
}

std::unique_ptr<KvCache> cache_of(std::uint64_t tokens, std::uint32_t sequences, std::uint32_t longest = 1024) {
  auto cache = KvCache::create(KvLayout(spec()), tokens, sequences, 64, longest);
  EXPECT_TRUE(cache);
  return std::move(*cache);
}

TEST(KvCache, LayersWithTheSameWindowShareAGroup) {
  KvLayout layout(spec());
  ASSERT_EQ(layout.groups.size(), 2u);
  EXPECT_EQ(layout.groups[0].layers, 2u);
  EXPECT_EQ(layout.groups[1].window, 40u);
  EXPECT_EQ(layout.group_of_layer, (std::vector<std::uint32_t>{0, 1, 0}));
  EXPECT_EQ(layout.index_in_group, (std::vector<std::uint32_t>{0, 0, 1}));
}

TEST(KvCache, AWindowFreesItsOldBlocksAndOnlyThose) {
  auto cache = cache_of(512, 1);
  auto s = cache->new_sequence();
  for (int i = 0; i < 400; ++i) {
    ASSERT_TRUE(s.reserve(1));
    s.advance(1);
  }
  EXPECT_EQ(cache->total_blocks(0) - cache->free_blocks(0), 13u);  // 400 / 32 rounded up
  // The next query is at 400 and sees 361 … 400: blocks 11 and 12.
  EXPECT_EQ(cache->total_blocks(1) - cache->free_blocks(1), 2u);
  EXPECT_EQ(s.blocks(1)[10], nullptr);
  EXPECT_NE(s.blocks(1)[11], nullptr);
  EXPECT_NE(s.blocks(0)[0], nullptr);
  { auto gone = std::move(s); }
  EXPECT_EQ(cache->free_blocks(0), cache->total_blocks(0));
  EXPECT_EQ(cache->free_blocks(1), cache->total_blocks(1));
}

TEST(KvCache, CountsEveryBlockThatSequencesMayPartFill) {
  const KvLayout layout(spec());
  EXPECT_EQ(layout.blocks_needed(0, 64, 1, 64), 2u);
  EXPECT_EQ(layout.blocks_needed(0, 65, 1, 64), 3u);
  EXPECT_EQ(layout.blocks_needed(0, 1, 1, 64), 1u);
  // 31 + 33 positions: 1 + 2 blocks; 1 + 1 + 62: 1 + 1 + 2.
  EXPECT_EQ(layout.blocks_needed(0, 64, 2, 64), 3u);
  EXPECT_EQ(layout.blocks_needed(0, 64, 3, 64), 4u);
  // However the positions are shared out, they fit.
  for (std::uint32_t tokens : {3u, 64u, 65u, 95u, 96u, 97u}) {
    for (std::uint32_t first = 1; first + 2 <= tokens; ++first) {
      for (std::uint32_t second = 1; first + second + 1 <= tokens; ++second) {
        auto cache = cache_of(tokens, 3);
        auto a = cache->new_sequence(), b = cache->new_sequence(), c = cache->new_sequence();
        ASSERT_TRUE(a.reserve(first) && b.reserve(second) && c.reserve(tokens - first - second)) << tokens << first;
      }
    }
  }
}

TEST(KvCache, ReserveFailsWholeOrNotAtAll) {
  auto cache = cache_of(64, 1);
  auto a = cache->new_sequence(), b = cache->new_sequence();
  ASSERT_TRUE(a.reserve(64));
  const std::size_t left = cache->free_blocks(0);
  auto failed = b.reserve(200);
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().code, Errc::exhausted);
  EXPECT_EQ(cache->free_blocks(0), left);
  EXPECT_FALSE(b.reserve(5000)) << "longer than the longest sequence";
}

TEST(KvCache, AForkSharesWholeBlocksAndCopiesThePart) {
  auto cache = cache_of(512, 4);
  auto a = cache->new_sequence();
  ASSERT_TRUE(a.reserve(50));
  for (std::uint32_t g : {0u, 1u}) {
    a.blocks(g)[0][0] = std::byte{1};
    a.blocks(g)[1][0] = std::byte{2};
  }
  a.advance(50);
  auto b = cache->fork(a, 45);
  ASSERT_TRUE(b);
  EXPECT_EQ(b->length(), 45u);
  EXPECT_EQ(b->blocks(0)[0], a.blocks(0)[0]);
  EXPECT_NE(b->blocks(0)[1], a.blocks(0)[1]);
  EXPECT_EQ(b->blocks(0)[1][0], std::byte{2});
  // The origin may go; the shared block stays.
  { auto gone = std::move(a); }
  EXPECT_EQ(b->blocks(0)[0][0], std::byte{1});
}

TEST(KvCache, AForkNeedsWhatItsWindowSees) {
  auto cache = cache_of(512, 4);
  auto a = cache->new_sequence();
  ASSERT_TRUE(a.reserve(200));
  a.advance(200);  // window: blocks from 161 on
  EXPECT_FALSE(cache->fork(a, 100));
  EXPECT_FALSE(cache->fork(a, 201));
  EXPECT_TRUE(cache->fork(a, 200));
  EXPECT_FALSE(a.truncate(100));
  EXPECT_EQ(a.length(), 200u);
}

TEST(KvCache, PositionsThatMayBeTakenBackHoldTheirWindow) {
  // At 100 positions the window of 40 begins in block 1, at 160 in block 3.
  for (std::uint32_t back : {0u, 5u, 40u, 60u, 999u}) {
    auto cache = cache_of(512, 4);
    auto a = cache->new_sequence();
    ASSERT_TRUE(a.reserve(100));
    a.advance(100);
    a.keep_for_truncate(back);
    ASSERT_TRUE(a.reserve(60));
    a.advance(60);
    EXPECT_EQ(a.blocks(1)[1] != nullptr, back >= 60) << back;
    EXPECT_EQ(a.blocks(1)[2] != nullptr, back >= 40) << back;
    EXPECT_TRUE(a.truncate(160 - std::min(back, 60u))) << back;
    const std::uint32_t length = a.length();
    EXPECT_FALSE(a.truncate(60)) << "what had left the window before stays gone";
    a.keep_for_truncate(0);
    auto b = cache->new_sequence();  // what an advance to the same length holds
    ASSERT_TRUE(b.reserve(length));
    b.advance(length);
    for (std::size_t i = 0; i < b.blocks(1).size(); ++i)
      EXPECT_EQ(a.blocks(1)[i] == nullptr, b.blocks(1)[i] == nullptr);
  }
}

TEST(KvCache, TruncatingIntoASharedBlockMakesItOurs) {
  auto cache = cache_of(512, 4);
  auto a = cache->new_sequence();
  ASSERT_TRUE(a.reserve(64));
  a.blocks(0)[1][0] = std::byte{7};
  a.advance(64);
  auto b = cache->fork(a, 64);
  ASSERT_TRUE(b);
  ASSERT_TRUE(b->truncate(40));
  EXPECT_NE(b->blocks(0)[1], a.blocks(0)[1]);
  EXPECT_EQ(b->blocks(0)[1][0], std::byte{7});
  b->blocks(0)[1][0] = std::byte{8};
  EXPECT_EQ(a.blocks(0)[1][0], std::byte{7});
}

TEST(KvCache, TheTypeFollowsTheWeightsUnlessChosen) {
  Spec s = spec();
  EXPECT_EQ(KvLayout(s).type, kernel::KvType::f32);
  s.quantised = true;
  EXPECT_EQ(KvLayout(s).type, kernel::KvType::f16);
  EXPECT_EQ(KvLayout(s, KvChoice::f32).type, kernel::KvType::f32);
  EXPECT_EQ(KvLayout(s, KvChoice::q8_0).type, kernel::KvType::q8_0);
}

TEST(KvCache, BytesAreThoseOfTheType) {
  Spec s;
  s.kv_heads = 8;
  s.head_size = 64;
  s.blocks.resize(16);
  auto bytes = [&](KvChoice choice) { return KvLayout(s, choice).bytes_needed(4096, 0, 1); };
  const std::uint64_t elements = std::uint64_t{4096} * 2 * 8 * 64 * 16;
  EXPECT_EQ(bytes(KvChoice::f32), elements * 4);
  EXPECT_EQ(bytes(KvChoice::f16), elements * 2);
  EXPECT_EQ(bytes(KvChoice::q8_0), elements / 32 * 36);
}

}  // namespace
}  // namespace freehold::model
