// Small vocabularies for tests, in the two shapes that models have.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "text/byte_alphabet.h"
#include "text/vocabulary.h"

namespace freehold::text {

// Adds a token and returns its id.
inline TokenId add_token(Vocabulary& v, std::string_view text, TokenType type = TokenType::normal, float score = 0) {
  v.tokens.add(text);
  v.types.push_back(type);
  if (v.order == MergeOrder::by_score) v.scores.push_back(score);
  return static_cast<TokenId>(v.tokens.size() - 1);
}

// SentencePiece-style: 0 <unk>, 1 <s>, 2 </s>, then 256 byte tokens (if wanted), then characters and words with falling
// scores, the first listed merging first.
inline Vocabulary spm_vocabulary(bool bytes = true) {
  Vocabulary v;
  v.order = MergeOrder::by_score;
  v.unknown = add_token(v, "<unk>", TokenType::unknown);
  v.bos = add_token(v, "<s>", TokenType::control);
  v.eos = add_token(v, "</s>", TokenType::control);
  for (unsigned b = 0; bytes && b < 256; ++b) {
    constexpr std::string_view kDigits = "0123456789ABCDEF";
    std::string text = {'<', '0', 'x', kDigits[b / 16], kDigits[b % 16], '>'};
    add_token(v, text, TokenType::byte);
  }
  float score = -1;
  for (std::string_view word : {"he", "ll", "\u2581w", "hell", "hello", "\u2581hello", "\u2581wo", "rl", "\u2581\u2581",
                                "world", "\u2581wor", "\u2581worl", "\u2581world"}) {
    add_token(v, word, TokenType::normal, score);
    score -= 1;
  }
  for (std::string_view c : {"\u2581", "h", "e", "l", "o", "w", "r", "d", "a", "b", "\n"}) {
    add_token(v, c, TokenType::normal, -1000);
  }
  v.normalizer = {{.kind = NormalizerStep::Kind::prepend, .to = std::string(kSpaceMark)},
                  {.kind = NormalizerStep::Kind::replace, .from = " ", .to = std::string(kSpaceMark)}};
  v.prefix = {v.bos};
  v.fuse_unknown = true;
  v.drop_leading_space = true;
  return v;
}

inline void add_merge(Vocabulary& v, std::string_view left, std::string_view right) {
  v.merges.add(token_of_bytes(left));
  v.merges.add(token_of_bytes(right));
}

// Byte-level: token b is byte b; then some words; 300 is <|end|>.
inline Vocabulary bpe_vocabulary() {
  Vocabulary v;
  v.order = MergeOrder::by_rank;
  v.alphabet = Alphabet::bytes;
  for (int b = 0; b < 256; ++b) add_token(v, token_of_bytes(std::string(1, static_cast<char>(b))));
  const std::pair<std::string_view, std::string_view> merges[] = {{"h", "e"},       {"l", "l"}, {"he", "ll"},
                                                                  {"hell", "o"},    {" ", "w"}, {" w", "o"},
                                                                  {"\xC3", "\xA9"}, {"a", "a"}, {"aa", "aa"}};
  for (auto [left, right] : merges) {
    add_merge(v, left, right);
    add_token(v, token_of_bytes(std::string(left) + std::string(right)));
  }
  while (v.tokens.size() < 300) add_token(v, "", TokenType::unused);
  v.eos = add_token(v, "<|end|>", TokenType::control);
  v.splits = {{.pattern = R"( ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)"}};
  return v;
}

}  // namespace freehold::text
