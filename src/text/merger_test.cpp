#include "text/merger.h"

#include <gtest/gtest.h>

#include "text/test_vocabulary.h"

namespace freehold::text {
namespace {

// The scan and the heap are two ways to the same tokens.
TEST(Merger, HeapEqualsScan) {
  std::uint32_t random = 7;
  auto next = [&](std::uint32_t n) { return (random = random * 1664525 + 1013904223) / 65536 % n; };
  for (int round = 0; round < 60; ++round) {
    // A random vocabulary over three letters, with many ties among the scores.
    bool by_rank = round % 2 == 0;
    Vocabulary v;
    v.order = by_rank ? MergeOrder::by_rank : MergeOrder::by_score;
    std::vector<std::string> known = {"a", "b", "c"};
    for (const auto& k : known) add_token(v, k);
    for (int i = 0; i < 25; ++i) {
      std::string left = known[next(static_cast<std::uint32_t>(known.size()))];
      std::string right = known[next(static_cast<std::uint32_t>(known.size()))];
      add_token(v, left + right, TokenType::normal, -static_cast<float>(next(6)));
      known.push_back(left + right);
      if (by_rank) v.merges.add(left), v.merges.add(right);
    }
    auto scan = Merger::create(v, v.tokens);
    auto heap = Merger::create(v, v.tokens);
    ASSERT_TRUE(scan && heap);
    scan->set_scan_limit_for_tests(SIZE_MAX);
    heap->set_scan_limit_for_tests(0);
    MergeWorkspace workspace;
    for (int word = 0; word < 50; ++word) {
      std::string text;
      for (std::uint32_t i = next(60); i > 0; --i) text += static_cast<char>('a' + next(3));
      std::vector<Piece> a;
      std::vector<Piece> b;
      scan->run(text, workspace, a);
      heap->run(text, workspace, b);
      ASSERT_EQ(a.size(), b.size()) << text;
      for (std::size_t i = 0; i < a.size(); ++i) {
        EXPECT_EQ(a[i].token, b[i].token) << text;
        EXPECT_EQ(a[i].begin, b[i].begin);
        EXPECT_EQ(a[i].end, b[i].end);
      }
    }
  }
}

// Cutting before "▁" must not hide a token that has one in its middle.
TEST(Merger, TokensAcrossAMarkStillMerge) {
  Vocabulary v;
  add_token(v, "a", TokenType::normal, -9);
  add_token(v, "b", TokenType::normal, -9);
  add_token(v, std::string(kSpaceMark), TokenType::normal, -9);
  add_token(v, std::string(kSpaceMark) + "b", TokenType::normal, -3);
  TokenId whole = add_token(v, "a" + std::string(kSpaceMark) + "b", TokenType::normal, -1);
  auto merger = Merger::create(v, v.tokens);
  ASSERT_TRUE(merger);
  MergeWorkspace workspace;
  std::vector<Piece> out;
  merger->run("a\u2581b\u2581b", workspace, out);
  ASSERT_EQ(out.size(), 2u);
  EXPECT_EQ(out[0].token, whole);
  EXPECT_EQ(out[1].begin, 5u);
}

}  // namespace
}  // namespace freehold::text
