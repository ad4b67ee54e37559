#include "text/tokenizer.h"

#include <gtest/gtest.h>

#include <limits>
#include <thread>

#include "base/thread_time.h"
#include "base/utf8.h"
#include "text/detokenizer.h"
#include "text/test_vocabulary.h"

namespace freehold::text {
namespace {

using Ids = std::vector<TokenId>;

Tokenizer make(Vocabulary v) {
  auto t = Tokenizer::create(std::move(v));
  EXPECT_TRUE(t) << t.error().what;
  return std::move(*t);
}

std::vector<std::string> texts(const Tokenizer& t, std::string_view text, EncodeOptions options = {}) {
  auto ids = t.encode(text, options);
  std::vector<std::string> out;
  if (!ids) return {"error: " + ids.error().what};
  for (TokenId id : *ids) out.emplace_back(t.token_text(id));
  return out;
}

using Texts = std::vector<std::string>;

TEST(TokenizerSpm, MergesByScoreAndPrefixesASpace) {
  Tokenizer t = make(spm_vocabulary());
  EXPECT_EQ(texts(t, "hello world"), (Texts{"\u2581hello", "\u2581world"}));
  EXPECT_EQ(texts(t, ""), Texts{});
  EXPECT_EQ(texts(t, " "), (Texts{"\u2581\u2581"}));
  EXPECT_EQ(texts(t, "hello", {.add_special = true}), (Texts{"<s>", "\u2581hello"}));
  EXPECT_EQ(texts(t, "", {.add_special = true}), (Texts{"<s>"}));
}

TEST(TokenizerSpm, WritesUnknownCharactersAsBytes) {
  Tokenizer t = make(spm_vocabulary());
  EXPECT_EQ(texts(t, "\u00E9"), (Texts{"\u2581", "<0xC3>", "<0xA9>"}));
  Tokenizer without = make(spm_vocabulary(false));
  EXPECT_EQ(texts(without, "\u00E9\u00E9h"), (Texts{"\u2581", "<unk>", "h"}));  // a run is one
}

TEST(TokenizerSpm, SpecialTokensOnlyWhenParsed) {
  Tokenizer t = make(spm_vocabulary());
  EXPECT_EQ(texts(t, "hello</s>hello", {.parse_special = true}), (Texts{"\u2581hello", "</s>", "\u2581hello"}));
  for (const std::string& text : texts(t, "hello</s>hello")) EXPECT_NE(text, "</s>");
}

// Scores must not lead to a control token: "<", "s", ">" would merge into "<s>" if it were a mergeable token.
TEST(TokenizerSpm, TextNeverMergesIntoAControlToken) {
  Vocabulary v = spm_vocabulary();
  for (std::string_view piece : {"<", "s", ">", "<s"}) add_token(v, piece, TokenType::normal, -2);
  Tokenizer t = make(std::move(v));
  EXPECT_EQ(texts(t, "<s>"), (Texts{"\u2581", "<s", ">"}));
}

TEST(TokenizerSpm, DropsTheLeadingSpaceOnlyAtTheStart) {
  Tokenizer t = make(spm_vocabulary());
  Ids ids = *t.encode("hello world");
  EXPECT_EQ(*t.decode(ids), "hello world");
  EXPECT_EQ(*t.decode(ids, {.at_start = false}), " hello world");
  Ids with_bos = *t.encode("hello", {.add_special = true});
  EXPECT_EQ(*t.decode(with_bos), "hello");
  EXPECT_EQ(*t.decode(with_bos, {.render_special = true}), "<s> hello");
  EXPECT_EQ(*t.decode(*t.encode("  hello ")), "  hello ");
}

TEST(TokenizerBpe, MergesByRank) {
  Tokenizer t = make(bpe_vocabulary());
  EXPECT_EQ(texts(t, "hello wo"), (Texts{"hello", token_of_bytes(" wo")}));
  EXPECT_EQ(texts(t, "aaaaa"), (Texts{"aaaa", "a"}));
  EXPECT_EQ(texts(t, "\u00E9"), (Texts{token_of_bytes("\xC3\xA9")}));
  EXPECT_EQ(*t.decode(*t.encode("\u4F60\u597D, hello <|end|>")), "\u4F60\u597D, hello <|end|>");
}

TEST(TokenizerBpe, IgnoreMergesTakesWholeWords) {
  Vocabulary v = bpe_vocabulary();
  add_token(v, "hellhello");
  Tokenizer plain = make(v);
  v.ignore_merges = true;
  Tokenizer t = make(std::move(v));
  EXPECT_EQ(texts(plain, "hellhello"), (Texts{"hell", "hello"}));
  EXPECT_EQ(texts(t, "hellhello"), (Texts{"hellhello"}));
}

TEST(TokenizerBpe, CountsBytesThatHaveNoToken) {
  Vocabulary v;
  v.order = MergeOrder::by_rank;
  v.alphabet = Alphabet::bytes;
  add_token(v, "a");
  Tokenizer t = make(std::move(v));
  auto e = t.encode_with_offsets("abba");
  ASSERT_TRUE(e);
  EXPECT_EQ(e->ids, (Ids{0, 0}));
  EXPECT_EQ(e->dropped_bytes, 2u);
}

TEST(TokenizerAdded, LongestFirstFromLeftToRight) {
  Vocabulary v = bpe_vocabulary();
  TokenId ab = add_token(v, "<ab", TokenType::user_defined);
  TokenId abc = add_token(v, "<abc>", TokenType::user_defined);
  TokenId control = add_token(v, "<abc>d", TokenType::control);
  Tokenizer t = make(std::move(v));
  EXPECT_EQ(*t.encode("<abc>"), (Ids{abc}));
  EXPECT_EQ(*t.encode("<ab<abc>"), (Ids{ab, abc}));
  EXPECT_EQ(*t.encode("<abc>d"), (Ids{abc, 'd'}));
  EXPECT_EQ(*t.encode("<abc>d", {.parse_special = true}), (Ids{control}));
  EXPECT_EQ(*t.encode("<ab"), (Ids{ab}));
  EXPECT_EQ(*t.encode("<a"), (Ids{'<', 'a'}));
}

TEST(TokenizerAdded, TakesTheWhiteSpaceThatBelongsToIt) {
  Vocabulary v = bpe_vocabulary();
  TokenId x = add_token(v, "<x>", TokenType::user_defined);
  v.strips = {{.token = x, .left = true, .right = true}};
  Tokenizer t = make(std::move(v));
  EXPECT_EQ(*t.encode("a \u3000<x> \n\u00A0b"), (Ids{'a', x, 'b'}));
  EXPECT_EQ(*t.encode(" <x>  <x> "), (Ids{x, x}));
}

TEST(Tokenizer, InvalidUtf8IsReplacedAndOverlongNeverDecoded) {
  for (const Tokenizer& t : {make(bpe_vocabulary()), make(spm_vocabulary())}) {
    EXPECT_EQ(*t.encode("\xC0\xAF"), *t.encode("\uFFFD\uFFFD"));
    EXPECT_EQ(*t.encode("h\xFFh"), *t.encode("h\uFFFDh"));
    EXPECT_EQ(*t.encode("\xED\xA0\x80"), *t.encode("\uFFFD\uFFFD\uFFFD"));
    EXPECT_EQ(*t.encode("\xE4\xBD"), *t.encode("\uFFFD"));
  }
}

TEST(Tokenizer, OffsetsCoverTheText) {
  Tokenizer t = make(spm_vocabulary());
  auto e = t.encode_with_offsets("hello \u00E9 world", {.add_special = true});
  ASSERT_TRUE(e);
  ASSERT_EQ(e->ids.size(), 6u);
  auto is = [&](std::size_t i, std::size_t begin, std::size_t end) {
    EXPECT_EQ(e->spans[i].begin, begin) << i;
    EXPECT_EQ(e->spans[i].end, end) << i;
  };
  is(0, 0, 0);  // <s>
  is(1, 0, 5);  // ▁hello: the mark before it comes from nowhere
  is(2, 5, 6);  // ▁
  is(3, 6, 8);  // both bytes of é
  is(4, 6, 8);
  is(5, 8, 14);  // ▁world
}

TEST(Tokenizer, DecodeRefusesIdsOutOfRange) {
  Tokenizer t = make(bpe_vocabulary());
  for (TokenId id : {-1, 301, INT32_MAX, INT32_MIN}) {
    EXPECT_EQ(t.decode(Ids{id}).error().code, Errc::invalid);
    EXPECT_FALSE(Detokenizer(t).push(id));
    EXPECT_EQ(t.token_text(id), "");
    EXPECT_EQ(t.token_bytes(id), "");
  }
}

TEST(Tokenizer, SharedAmongThreads) {
  const Tokenizer t = make(bpe_vocabulary());
  Ids want = *t.encode("hello world hello");
  std::vector<std::thread> threads;
  std::vector<int> wrong(4, 0);
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&, i] {
      for (int n = 0; n < 200; ++n) wrong[static_cast<std::size_t>(i)] += *t.encode("hello world hello") != want;
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(wrong, std::vector<int>(4, 0));
}

TEST(TokenizerHostile, DuplicatesEmptiesAndNaNHaveADefinedMeaning) {
  Vocabulary v = spm_vocabulary();
  TokenId first = v.tokens.size() > 0 ? add_token(v, "x", TokenType::normal, -5) : 0;
  add_token(v, "x", TokenType::normal, 100);
  add_token(v, "", TokenType::normal, 1);
  add_token(v, "ab", TokenType::normal, std::numeric_limits<float>::quiet_NaN());
  add_token(v, "wo", TokenType::normal, std::numeric_limits<float>::infinity());
  Tokenizer t = make(std::move(v));
  EXPECT_EQ(t.encode("x")->back(), first);
  EXPECT_EQ(texts(t, "ab"), (Texts{"\u2581", "ab"}));
  EXPECT_EQ(*t.decode(*t.encode("two x ab"), {}), "two x ab");
}

void expect_refused(Vocabulary v, Errc code, std::string_view says) {
  auto t = Tokenizer::create(std::move(v));
  ASSERT_FALSE(t) << says;
  EXPECT_EQ(t.error().code, code);
  EXPECT_NE(t.error().what.find(says), std::string::npos) << t.error().what;
}

TEST(TokenizerHostile, RefusesWhatCannotBe) {
  auto with = [](auto change) {
    Vocabulary v = spm_vocabulary();
    change(v);
    return v;
  };
  expect_refused(Vocabulary{}, Errc::corrupt, "empty");
  expect_refused(with([](Vocabulary& v) { v.types.pop_back(); }), Errc::corrupt, "token types");
  expect_refused(with([](Vocabulary& v) { v.scores.pop_back(); }), Errc::corrupt, "scores");
  expect_refused(with([](Vocabulary& v) { v.types[0] = static_cast<TokenType>(9); }), Errc::corrupt, "type 9");
  expect_refused(with([](Vocabulary& v) { v.bos = 100000; }), Errc::corrupt, "bos");
  expect_refused(with([](Vocabulary& v) { v.eos = -7; }), Errc::corrupt, "eos");
  expect_refused(with([](Vocabulary& v) { v.prefix = {-1, 5000}; }), Errc::corrupt, "prefix");
  expect_refused(with([](Vocabulary& v) { add_token(v, "\xFF"); }), Errc::corrupt, "not UTF-8");
  for (std::string_view bad : {"<0x-1>", "<0x1>", "<0x100>", "<0xab>", "0x0A", "", "<0X0A>"}) {
    expect_refused(with([&](Vocabulary& v) { add_token(v, bad, TokenType::byte); }), Errc::corrupt, "byte");
  }
  expect_refused(with([](Vocabulary& v) { add_token(v, std::string(5000, 'x'), TokenType::control); }),
                 Errc::unsupported, "special token of 5000 bytes");
  expect_refused(with([](Vocabulary& v) { v.splits = {{.pattern = "("}}; }), Errc::corrupt, "regular expression");
  Vocabulary bpe = bpe_vocabulary();
  add_merge(bpe, "x", "y");
  expect_refused(bpe, Errc::corrupt, "'xy' is not in the vocabulary");
  bpe = bpe_vocabulary();
  bpe.merges.add("a");
  expect_refused(bpe, Errc::corrupt, "without its right part");
}

// A pattern that backtracks without end must become an error, soon.
TEST(TokenizerHostile, CatastrophicPatternsEnd) {
  for (std::string_view pattern : {"(a+)+b", "(a|aa)+$", "a*a*a*a*b", R"((?=(a+))*b)"}) {
    Vocabulary v = bpe_vocabulary();
    v.splits = {{.pattern = std::string(pattern)}};
    Tokenizer t = make(std::move(v));
    const auto before = thread_time();
    auto ids = t.encode(std::string(20000, 'a') + "c");
    EXPECT_LT(thread_seconds_since(before), 60) << pattern;
    if (!ids) {
      EXPECT_EQ(ids.error().code, Errc::exhausted) << pattern << ": " << ids.error().what;
    }
  }
}

// Quadratic time would take minutes here.
TEST(TokenizerHostile, LongRunsAreNotQuadratic) {
  Tokenizer spm = make(spm_vocabulary());
  Tokenizer bpe = make(bpe_vocabulary());
  const auto before = thread_time();
  for (std::string_view unit : {"a", " ", "\n", "1", "!", "\u4F60", "he", " w"}) {
    std::string text;
    while (text.size() < (1u << 18)) text += unit;
    for (const Tokenizer* t : {&spm, &bpe}) {
      auto ids = t->encode(text);
      ASSERT_TRUE(ids);
      EXPECT_EQ(*t->decode(*ids), text);
    }
  }
  EXPECT_LT(thread_seconds_since(before), 60);
}

TEST(Detokenizer, NeverEmitsHalfACharacter) {
  Tokenizer t = make(spm_vocabulary());
  auto byte = [&](int b) { return static_cast<TokenId>(3 + b); };
  Detokenizer d(t, {.at_start = false});
  EXPECT_EQ(*d.push(byte(0xE4)), "");
  EXPECT_EQ(*d.push(byte(0xBD)), "");
  EXPECT_EQ(d.pending(), 2u);
  EXPECT_EQ(*d.push(byte(0xA0)), "\u4F60");
  EXPECT_EQ(*d.push(byte(0xE4)), "");
  EXPECT_EQ(*d.push(t.find_token("h")), "\uFFFDh");
  EXPECT_EQ(*d.push(byte(0xF0)), "");
  EXPECT_EQ(d.finish(), "\uFFFD");
  EXPECT_EQ(d.pending(), 0u);
  EXPECT_EQ(*d.push(byte(0xFF)), "\uFFFD");
}

TEST(Detokenizer, PartsEqualTheWhole) {
  std::uint32_t random = 1;
  auto next = [&](std::uint32_t n) { return (random = random * 1664525 + 1013904223) / 65536 % n; };
  for (bool bytes : {false, true}) {
    Vocabulary v = bytes ? bpe_vocabulary() : spm_vocabulary();
    v.cleanup = SpaceCleanup::hugging_face;
    Tokenizer t = make(std::move(v));
    for (int round = 0; round < 300; ++round) {
      Ids ids;
      for (std::uint32_t i = next(20); i > 0; --i)
        ids.push_back(static_cast<TokenId>(next(static_cast<std::uint32_t>(t.size()))));
      for (bool special : {false, true}) {
        DecodeOptions options{.render_special = special, .at_start = round % 2 == 0, .clean_up_spaces = true};
        Detokenizer d(t, options);
        std::string out;
        for (TokenId id : ids) {
          std::string part = *d.push(id);
          EXPECT_TRUE(is_utf8(part));
          out += part;
        }
        out += d.finish();
        EXPECT_EQ(out, replace_invalid_utf8(*t.decode(ids, options)));
      }
    }
  }
}

}  // namespace
}  // namespace freehold::text
