// Compiled constraints: the same one for the same source, none for another tenant, and never more than the limits.
#include "engine/constraints.h"

#include <set>
#include <thread>

#include "engine/test_support.h"
#include "text/grammar/matcher.h"

namespace freehold::engine {
namespace {

using Kind = ConstraintSource::Kind;

ConstraintSource regex(std::string pattern) {
  return {.kind = Kind::regex, .text = std::move(pattern)};
}

class ConstraintsTest : public ::testing::Test {
 protected:
  text::Tokenizer tokenizer = testing::small_tokenizer();

  static std::shared_ptr<text::grammar::MaskCache> get(ConstraintCache& cache, std::string_view tenant,
                                                       const ConstraintSource& source) {
    auto got = cache.get(tenant, source);
    EXPECT_TRUE(got) << got.error().what;
    return got ? *got : nullptr;
  }
};

TEST_F(ConstraintsTest, TheSameSourceIsCompiledOnceForATenant) {
  ConstraintCache cache(tokenizer);
  auto first = get(cache, "a", regex("x+"));
  EXPECT_EQ(get(cache, "a", regex("x+")), first);
  EXPECT_NE(get(cache, "b", regex("x+")), first);
  EXPECT_EQ(cache.size(), 2u);
  EXPECT_EQ(&get(cache, "b", regex("y"))->vocabulary(), &first->vocabulary());
  cache.drop("b");
  EXPECT_EQ(cache.size(), 1u);
  EXPECT_EQ(get(cache, "a", regex("x+")), first);
}

TEST_F(ConstraintsTest, WhatIsKeptIsFoundByItsTenantAlone) {
  ConstraintCache cache(tokenizer);
  EXPECT_FALSE(cache.find("a", "key"));
  const auto made = cache.get("a", "key", []() -> Result<text::tools::Constraint> {
    text::tools::Constraint whole;
    whole.kind = text::tools::Constraint::Kind::whole;
    FH_TRY(whole.grammar, text::grammar::compile_regex("x+"));
    return whole;
  });
  ASSERT_TRUE(made);
  const auto found = cache.find("a", "key");
  ASSERT_TRUE(found);
  EXPECT_EQ(found->masks, made->masks);
  EXPECT_FALSE(cache.find("b", "key"));
  EXPECT_FALSE(cache.find("a", "other"));
  cache.drop("a");
  EXPECT_FALSE(cache.find("a", "key"));
}

TEST_F(ConstraintsTest, EverythingThatDecidesWhatCompilesTellsThemApart) {
  using Piece = text::grammar::Piece;
  std::vector<ConstraintSource> sources = {
      {.kind = Kind::json_object},
      {.kind = Kind::json_schema, .text = "{}"},
      {.kind = Kind::regex, .text = "{}"},
      {.kind = Kind::choice, .choices = {"ab", "c"}},
      {.kind = Kind::choice, .choices = {"a", "bc"}},
      {.kind = Kind::choice, .choices = {"abc"}},
      {.kind = Kind::gbnf, .text = "root ::= \"abc\""},
      {.kind = Kind::pieces, .alternatives = {{{Piece::Kind::literal, "a"}, {Piece::Kind::literal, "b"}}}},
      {.kind = Kind::pieces, .alternatives = {{{Piece::Kind::literal, "a"}}, {{Piece::Kind::literal, "b"}}}},
      {.kind = Kind::pieces, .alternatives = {{{Piece::Kind::regex, "a"}}, {{Piece::Kind::literal, "b"}}}},
      {.kind = Kind::json_object},
      {.kind = Kind::json_object},
      {.kind = Kind::json_object},
      {.kind = Kind::pieces, .alternatives = {{{Piece::Kind::literal, "a"}}, {{Piece::Kind::literal, "b"}}}},
      {.kind = Kind::pieces, .alternatives = {{{Piece::Kind::literal, "a"}}, {{Piece::Kind::literal, "b"}}}},
  };
  sources[10].options.schema.allow_spaces = false;
  sources[11].options.schema.dialect = text::grammar::SchemaDialect::gemini;
  sources[12].options.schema.limits.nesting = 3;
  sources[13].options.max = 2;
  sources[14].options.before = "x";
  ConstraintCache cache(tokenizer);
  std::set<const void*> made;
  std::vector<std::shared_ptr<text::grammar::MaskCache>> kept;
  for (const ConstraintSource& s : sources) {
    kept.push_back(get(cache, "t", s));
    made.insert(kept.back().get());
  }
  EXPECT_EQ(made.size(), sources.size());
  for (std::size_t i = 0; i < sources.size(); ++i) EXPECT_EQ(get(cache, "t", sources[i]), kept[i]) << i;
}

TEST_F(ConstraintsTest, AWrongSourceIsAnErrorAndKeepsNothing) {
  ConstraintCache cache(tokenizer);
  auto wrong = cache.get("t", regex("(a"));
  ASSERT_FALSE(wrong);
  EXPECT_EQ(wrong.error().code, Errc::invalid);
  EXPECT_EQ(cache.size(), 0u);
}

TEST_F(ConstraintsTest, TheLeastRecentlyUsedGoFirstTheTenantsOwn) {
  ConstraintLimits limits;
  limits.entries = 5;
  limits.tenant_entries = 3;
  ConstraintCache cache(tokenizer, limits);
  auto other = get(cache, "other", regex("z"));
  auto a = get(cache, "t", regex("a"));
  get(cache, "t", regex("b"));
  get(cache, "t", regex("c"));
  EXPECT_EQ(get(cache, "t", regex("a")), a);
  get(cache, "t", regex("d"));  // pushes out b
  EXPECT_EQ(cache.size(), 4u);
  EXPECT_EQ(get(cache, "t", regex("a")), a);
  EXPECT_EQ(get(cache, "other", regex("z")), other);
  // In all: two more of a third, and the oldest go, whoever's.
  get(cache, "third", regex("a"));
  get(cache, "third", regex("b"));
  EXPECT_EQ(cache.size(), 5u);
  EXPECT_EQ(get(cache, "t", regex("a")), a);
}

TEST_F(ConstraintsTest, BytesAreCountedWithMasksAndBounded) {
  ConstraintLimits limits;
  ConstraintCache probe(tokenizer);
  get(probe, "t", regex("[a-z]{100}x"));
  const std::size_t one = probe.memory();
  limits.bytes = limits.tenant_bytes = 3 * one + one / 2;
  ConstraintCache cache(tokenizer, limits);
  std::shared_ptr<text::grammar::MaskCache> last;
  for (char c = '0'; c <= '9'; ++c) last = get(cache, "t", regex("[a-z]{100}" + std::string(1, c)));
  EXPECT_EQ(cache.size(), 3u);
  EXPECT_LE(cache.memory(), limits.bytes);
  // Masks grow while one is used; the next call makes room.
  text::grammar::Matcher matcher(last);
  std::vector<std::uint64_t> mask(last->vocabulary().mask_words());
  const std::size_t before = cache.memory();
  while (matcher.accept_bytes("a")) ASSERT_TRUE(matcher.fill_mask(mask));
  EXPECT_GT(cache.memory(), before);
  get(cache, "t", regex("a"));
  EXPECT_LE(cache.memory(), limits.bytes);

  limits.bytes = one / 2;
  ConstraintCache small(tokenizer, limits);
  EXPECT_NE(get(small, "t", regex("[a-z]{100}")), nullptr);
  EXPECT_EQ(small.size(), 0u);
}

TEST_F(ConstraintsTest, ManyThreadsShareOne) {
  ConstraintLimits limits;
  limits.tenant_entries = 4;
  ConstraintCache cache(tokenizer, limits);
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 200; ++i) {
        auto got = cache.get(t % 2 == 0 ? "even" : "odd", regex("a{" + std::to_string(1 + (i + t) % 6) + "}"));
        EXPECT_TRUE(got);
        if (!got) return;
        text::grammar::Matcher matcher(*got);
        EXPECT_TRUE(matcher.accept_bytes("a"));
      }
    });
  }
  for (auto& t : threads) t.join();
  EXPECT_LE(cache.size(), 8u);
}

}  // namespace
}  // namespace freehold::engine
