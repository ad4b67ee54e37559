// The matcher's interface: end tokens, rollback, forced text, budgets at their edge, vocabularies with gaps, sharing.
#include "text/grammar/matcher.h"

#include <algorithm>
#include <map>
#include <thread>

#include "engine/count_allocations.h"
#include "text/grammar/grammar_testing.h"
#include "text/test_vocabulary.h"

namespace freehold::text::grammar {
namespace {

std::shared_ptr<MaskCache> cache_of(GrammarPtr grammar,
                                    std::shared_ptr<const VocabularyIndex> vocabulary = test_vocabulary()) {
  return std::make_shared<MaskCache>(std::move(grammar), std::move(vocabulary));
}

std::vector<TokenId> mask_of(Matcher& m, std::uint32_t budget = kNoBudget) {
  const auto& vocabulary = m.cache().vocabulary();
  std::vector<std::uint64_t> bits(vocabulary.mask_words());
  auto kind = m.fill_mask(bits, budget);
  EXPECT_TRUE(kind);
  return allowed(bits, vocabulary.size());
}

TEST(VocabularyIndexTest, LeavesOutWhatIsNotText) {
  auto v = bpe_vocabulary();
  v.end_of_generation = {v.eos};
  auto tokenizer = require(Tokenizer::create(std::move(v)));
  auto index = VocabularyIndex::create(tokenizer);
  EXPECT_EQ(index->size(), tokenizer.size());
  EXPECT_TRUE(index->has_all_bytes());
  EXPECT_EQ(index->bytes_of(0xE9), "\xE9");
  EXPECT_EQ(index->bytes_of(tokenizer.find_token("<|end|>")), "");
  EXPECT_TRUE(index->ends_generation(tokenizer.find_token("<|end|>")));
  EXPECT_EQ(index->bytes_of(299), "");  // unused
  std::vector<std::uint32_t> scratch;
  EXPECT_EQ(index->fewest_tokens("hello w", 10, scratch), 2u);
  EXPECT_EQ(index->fewest_tokens("", 10, scratch), 0u);

  auto spm = require(Tokenizer::create(spm_vocabulary()));
  auto with_spaces = VocabularyIndex::create(spm);
  EXPECT_EQ(with_spaces->bytes_of(spm.find_token("\u2581hello")), " hello");
  EXPECT_EQ(with_spaces->bytes_of(spm.find_token("<s>")), "");
  EXPECT_EQ(with_spaces->bytes_of(spm.find_token("<unk>")), "");
}

TEST(MatcherTest, EndTokensExactlyWhereTheTextIsComplete) {
  Matcher m(cache_of(require(compile_regex("ab?"))));
  auto v = test_vocabulary();
  auto end = static_cast<TokenId>(v->size() - 1);
  auto tokens = test_tokens();
  auto ab = static_cast<TokenId>(std::ranges::find(tokens, "ab") - tokens.begin());
  EXPECT_EQ(mask_of(m), (std::vector<TokenId>{'a', ab}));
  EXPECT_FALSE(m.accept(end));
  ASSERT_TRUE(m.accept('a'));
  EXPECT_EQ(mask_of(m), (std::vector<TokenId>{'b', end - 1, end}));
  ASSERT_TRUE(m.accept(end));
  EXPECT_TRUE(m.finished());
  EXPECT_TRUE(mask_of(m).empty());
  EXPECT_FALSE(m.accept('b'));
  m.rollback(1);
  EXPECT_FALSE(m.finished());
  EXPECT_TRUE(m.accept('b'));
  EXPECT_FALSE(m.accept(-1));
  EXPECT_FALSE(m.accept(1'000'000));
}

TEST(MatcherTest, RollbackRestoresEveryState) {
  Matcher m(cache_of(require(
      compile_json_schema(R"({"type":"array","items":{"type":"object","additionalProperties":{"$ref":"#"}}})"))));
  std::vector<std::vector<TokenId>> masks = {mask_of(m)};
  std::mt19937 random(3);
  std::vector<TokenId> taken;
  for (int i = 0; i < 60; ++i) {
    auto choice = masks.back();
    std::erase_if(choice, [&](TokenId t) { return m.cache().vocabulary().ends_generation(t); });
    if (choice.empty()) break;
    taken.push_back(choice[random() % choice.size()]);
    ASSERT_TRUE(m.accept(taken.back()));
    masks.push_back(mask_of(m));
  }
  while (!taken.empty()) {
    EXPECT_EQ(mask_of(m), masks.back());
    masks.pop_back();
    taken.pop_back();
    m.rollback(1);
  }
  EXPECT_EQ(mask_of(m), masks[0]);
  EXPECT_EQ(m.depth(), 0u);
}

TEST(MatcherTest, ForcedBytesGoAsFarAsThereIsNoChoice) {
  Matcher m(cache_of(require(compile_json_schema(
      R"({"type":"object","properties":{"name":{"enum":["alpha","alpine"]},"n":{"type":"null"}},"required":["name","n"],"additionalProperties":false})",
      {.allow_spaces = false}))));
  EXPECT_EQ(m.forced_bytes(), R"({"name":"alp)");
  ASSERT_TRUE(m.accept_bytes(R"({"name":"alph)"));
  EXPECT_EQ(m.forced_bytes(), R"(a","n":null})");
  EXPECT_EQ(m.forced_bytes(3), "a\",");
  ASSERT_TRUE(m.accept_bytes(m.forced_bytes()));
  EXPECT_TRUE(m.accepting());
  EXPECT_EQ(m.forced_bytes(), "");
}

TEST(MatcherTest, TheLastTokensAreSteered) {
  Matcher m(cache_of(require(compile_json_schema(R"({"type":"array","items":{"type":"string"}})"))));
  EXPECT_EQ(m.min_tokens(), 1u);  // "[]"
  std::vector<std::uint64_t> bits(test_vocabulary()->mask_words());
  EXPECT_EQ(require(m.fill_mask(bits, 1)), MaskKind::steered);
  EXPECT_EQ(require(m.fill_mask(bits, 0)), MaskKind::cannot_fit);
  EXPECT_EQ(require(m.fill_mask(bits, 500)), MaskKind::free);
  ASSERT_TRUE(m.accept_bytes("[\"text"));
  EXPECT_EQ(m.min_tokens(), 1u);  // "\"]"
  for (TokenId t : mask_of(m, 1)) EXPECT_EQ(test_vocabulary()->bytes_of(t), "\"]");
  for (TokenId t : mask_of(m, 2)) {
    ASSERT_TRUE(m.accept(t));
    EXPECT_LE(m.min_tokens(), 1u);
    m.rollback(1);
  }
}

TEST(MatcherTest, AVocabularyWithoutAllBytesNeverEndsInADeadEnd) {
  // Printable ASCII without '}': only whole tokens close an object.
  std::vector<std::string> tokens;
  for (char c = ' '; c <= '~'; ++c) tokens.emplace_back(c == '}' ? 0 : 1, c);
  tokens.insert(tokens.end(), {"0}", "7}", "\"}", "12", "x\"}", "}}", "\xC3\xA9", ""});
  auto end = static_cast<TokenId>(tokens.size() - 1);
  auto vocabulary = VocabularyIndex::create(tokens, {&end, 1});
  EXPECT_FALSE(vocabulary->has_all_bytes());
  auto grammar = require(compile_json_schema(
      R"({"type":"object","properties":{"a":{"type":["integer","string"]}},"required":["a"],"additionalProperties":false})",
      {.allow_spaces = false}));
  auto cache = cache_of(grammar, vocabulary);
  std::mt19937 random(1);
  std::uint32_t least = Matcher(cache).min_tokens();
  EXPECT_EQ(least, 6u);  // {"a":0}
  for (int i = 0; i < 200; ++i) {
    bool complete = false;
    std::string text = random_text(cache, least + static_cast<std::uint32_t>(i) % 9, random, &complete);
    EXPECT_TRUE(complete) << text;
    EXPECT_TRUE(accepts(grammar, text)) << text;
  }
  Matcher none(cache_of(require(compile_choice(std::vector<std::string>{"\xC3\xB1"})), vocabulary));
  EXPECT_EQ(none.min_tokens(), kNoBudget);
}

TEST(MatcherTest, ChoicesAndPieces) {
  auto choice = require(compile_choice(std::vector<std::string>{"yes", "no", "yes, but", ""}));
  EXPECT_TRUE(accepts(choice, "yes, but"));
  EXPECT_TRUE(accepts(choice, ""));
  EXPECT_FALSE(accepts(choice, "yesno"));
  EXPECT_FALSE(compile_choice({}));

  using enum Piece::Kind;
  std::vector<std::vector<Piece>> tools = {
      {{literal, "{\"name\": \"add\", \"arguments\": "},
       {json_schema,
        R"({"type":"object","properties":{"a":{"type":"integer"}},"required":["a"],"additionalProperties":false})"},
       {literal, "}"}},
      {{literal, "{\"name\": \"say\", \"arguments\": "}, {json_object, ""}, {literal, "}"}},
      {{literal, "#"}, {regex, "[0-9]{2}"}},
  };
  auto g = require(compile_pieces(tools, {.max = 2, .before = "<call>", .between = "; ", .after = "</call>"}));
  EXPECT_TRUE(accepts(g, R"(<call>{"name": "add", "arguments": {"a":1}}</call>)"));
  EXPECT_TRUE(accepts(g, R"(<call>{"name": "say", "arguments": {"x": [1]}}; #42</call>)"));
  EXPECT_FALSE(accepts(g, R"(<call>{"name": "add", "arguments": {"b":1}}</call>)"));
  EXPECT_FALSE(accepts(g, "<call>#42; #42; #42</call>"));
  EXPECT_FALSE(accepts(g, "<call></call>"));
  EXPECT_FALSE(compile_pieces(std::vector<std::vector<Piece>>{{{json_schema, "{"}}}));
}

TEST(MatcherTest, SteadyStateAllocatesNothing) {
  auto cache = cache_of(require(compile_json_schema(
      R"({"type":"array","items":{"type":"object","properties":{"name":{"type":"string","maxLength":40},"n":{"type":"number"}},"required":["name","n"],"additionalProperties":false}})")));
  Matcher m(cache);
  std::vector<std::uint64_t> bits(test_vocabulary()->mask_words());
  std::string one = R"({"name": "abc the of", "n": 1.5e3},)";
  auto run = [&](int times) {
    for (int i = 0; i < times; ++i) {
      for (char c : one) {
        if (!m.fill_mask(bits) || !m.accept(static_cast<unsigned char>(c))) return false;
      }
    }
    return true;
  };
  ASSERT_TRUE(m.accept('['));
  ASSERT_TRUE(run(20));
  // The history's room doubles now and then, so it is made first and given back.
  ASSERT_TRUE(run(20));
  m.rollback(20 * one.size());
  std::size_t before = engine::testing::allocations;
  ASSERT_TRUE(run(5));
  EXPECT_EQ(engine::testing::allocations - before, 0u);
}

TEST(MatcherTest, OneCacheForManyThreads) {
  auto cache = std::make_shared<MaskCache>(require(compile_json_object()), test_vocabulary(), 20'000);
  std::vector<std::thread> threads;
  std::vector<std::string> texts(4);
  for (std::size_t i = 0; i < texts.size(); ++i) {
    threads.emplace_back([&, i] {
      std::mt19937 random(static_cast<std::uint32_t>(i / 2));
      for (int k = 0; k < 20; ++k) texts[i] += random_text(cache, 60, random);
    });
  }
  for (auto& t : threads) t.join();
  EXPECT_EQ(texts[0], texts[1]);
  EXPECT_EQ(texts[2], texts[3]);
  EXPECT_LE(cache->memory(), 20'000u);
}

}  // namespace
}  // namespace freehold::text::grammar
