// What the tests of grammars share: whether a grammar accepts a text (byte by byte, without masks), a small vocabulary,
// masks as sets.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "text/grammar/grammar.h"
#include "text/grammar/matcher.h"

namespace freehold::text::grammar {

enum class Verdict { rejected, prefix, complete };

// How far `text` gets.
inline Verdict verdict(const GrammarPtr& grammar, std::string_view text) {
  Stacks stacks(*grammar);
  Config now = stacks.initial();
  Config next;
  for (char c : text) {
    EXPECT_TRUE(stacks.step(now, static_cast<std::uint8_t>(c), next));
    if (next.empty()) return Verdict::rejected;
    std::swap(now, next);
  }
  return stacks.accepting(now) ? Verdict::complete : Verdict::prefix;
}

inline bool accepts(const GrammarPtr& grammar, std::string_view text) {
  return verdict(grammar, text) == Verdict::complete;
}

template <typename T>
T require(Result<T> result, std::string_view what = "") {
  if (!result) {
    ADD_FAILURE() << what << ": " << result.error().what;
    std::abort();
  }
  return std::move(*result);
}

// Every byte, then words as models have them, then two end tokens (their ids are the last two).
inline std::vector<std::string> test_tokens() {
  std::vector<std::string> tokens;
  for (int b = 0; b < 256; ++b) tokens.emplace_back(1, static_cast<char>(b));
  for (std::string_view word :
       {"{\"",      "\":",    "\": ",     "\",",      "\", \"",   "\"}",          "\"]",      "},",
        "},{",      "}}",     "]}",       "[{\"",     ", \"",     "\": \"",       "\": {",    "\": [",
        "true",     "false",  "null",     "tr",       "ue",       "12",           "123",      "00",
        "1.5",      "e+",     "-1",       "0.",       "name",     "\"name",       "id\"",     "ab",
        "abc",      "abcd",   "aa",       "aaaa",     "the ",     " of",          "  ",       "\n",
        "\n\n",     "\\\"",   "\\n",      "\\u00",    "\xC3\xA9", "\xE4\xBD\xA0", "\xE4\xBD", "\xF0\x9F\x98\x80",
        "\xF0\x9F", "\xA9\"", "\x80\",",  "2024-",    "-01-",     "T00:",         ":00Z",     "@a.",
        "127.",     ".0.0",   "::",       "https://", "a\",\"",   "x\": 1",       "]]",       "[[",
        "[]",       "{}",     "[1",       "1,",       ",1",       "1]",           "1}",       "\"\"",
        "\"a\"",    "\"a\":", "a\":true,"}) {
    tokens.emplace_back(word);
  }
  tokens.emplace_back();
  tokens.emplace_back();
  return tokens;
}

inline std::shared_ptr<const VocabularyIndex> test_vocabulary() {
  static const auto index = [] {
    auto tokens = test_tokens();
    std::vector<TokenId> ends = {static_cast<TokenId>(tokens.size() - 2), static_cast<TokenId>(tokens.size() - 1)};
    return VocabularyIndex::create(tokens, ends);
  }();
  return index;
}

inline std::vector<TokenId> allowed(const std::vector<std::uint64_t>& mask, std::size_t size) {
  std::vector<TokenId> out;
  for (std::size_t i = 0; i < size; ++i) {
    if ((mask[i / 64] >> (i % 64) & 1) != 0) out.push_back(static_cast<TokenId>(i));
  }
  return out;
}

// Writes a text by choosing among the allowed tokens at random until the budget is used up or an end token comes.
// `lazy`: how much likelier a token that ends nothing is (so that budgets get used).
inline std::string random_text(const std::shared_ptr<MaskCache>& cache, std::uint32_t budget, std::mt19937& random,
                               bool* complete = nullptr) {
  Matcher matcher(cache);
  const VocabularyIndex& vocabulary = cache->vocabulary();
  std::vector<std::uint64_t> mask(vocabulary.mask_words());
  std::string text;
  while (budget > 0 && !matcher.finished()) {
    auto kind = matcher.fill_mask(mask, budget);
    EXPECT_TRUE(kind) << kind.error().what;
    if (!kind) return text;
    auto tokens = allowed(mask, vocabulary.size());
    EXPECT_TRUE(!tokens.empty()) << "nothing may follow " << text << " with " << budget;
    if (tokens.empty()) break;
    TokenId token = tokens[random() % tokens.size()];
    // An end token would often come too early to see the budget end.
    if (vocabulary.ends_generation(token) && tokens.size() > 2 && random() % 4 != 0)
      token = tokens[random() % tokens.size()];
    EXPECT_TRUE(matcher.accept(token)) << "masked in but refused: " << token << " behind " << text;
    text += vocabulary.bytes_of(token);
    --budget;
  }
  if (complete != nullptr) *complete = matcher.accepting() || matcher.finished();
  return text;
}

}  // namespace freehold::text::grammar
