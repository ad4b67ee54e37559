// Turns one word into tokens by merging neighbours, best pair first.
//
// Both kinds of vocabulary work on a list of symbols (characters, or bytes). Each step merges the pair that comes first
// in the vocabulary's order, the leftmost among equals, until no pair merges. Short words do that by scanning (their
// symbols fit in a cache line or two); long ones keep the candidates in a heap, so a word of n symbols costs
// O(n log n) also when somebody sends a megabyte of one letter. Both give the same tokens; a test compares them.
//
// SentencePiece merges over a whole text, not word by word. No token has a "▁" after any other character in its middle
// (for most vocabularies), so no merge can cross such a place, and we cut there: the same tokens, from short words.
#pragma once

#include <array>
#include <bitset>
#include <cstdint>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "text/token_map.h"
#include "text/vocabulary.h"

namespace freehold::text {

// A token and the part of the word it stands for. The byte tokens of one character each stand for all of it.
struct Piece {
  TokenId token = kNoToken;
  std::uint32_t begin = 0;
  std::uint32_t end = 0;
};

// What one thread needs while it merges; reused from word to word.
struct MergeWorkspace {
  struct Symbol {
    std::uint32_t begin = 0;
    std::uint32_t end = 0;
    TokenId token = kNoToken;
    std::int32_t previous = -1;
    std::int32_t next = -1;
  };
  struct Candidate {
    std::uint32_t rank;
    std::int32_t left;
    std::uint32_t middle, end;  // of the pair when it was found: if they changed, the candidate is stale
    TokenId result;
  };
  std::vector<Symbol> symbols;
  std::vector<Candidate> heap;
  std::vector<Merge> merges;      // of short words: entry i is the merge of symbols i and i + 1
  std::size_t dropped_bytes = 0;  // bytes that the vocabulary cannot express in any way
};

// Immutable; shareable among threads.
class Merger {
 public:
  // `texts`: what each token matches (a bytes alphabet: raw bytes). Both must outlive the merger and stay where they
  // are. Errors: corrupt (naming the token or merge).
  static Result<Merger> create(const Vocabulary& vocabulary, const TextTable& texts);

  // Adds the tokens of `word` to `out`. The word is less than 2^31 bytes; for a characters alphabet it is UTF-8.
  void run(std::string_view word, MergeWorkspace& workspace, std::vector<Piece>& out) const;

  // Words of more symbols than this use the heap; tests set it to 0.
  void set_scan_limit_for_tests(std::size_t symbols) { scan_limit_ = symbols; }

 private:
  using Symbol = MergeWorkspace::Symbol;
  Merger() = default;
  Result<> index(const Vocabulary& vocabulary);
  Result<> index_merges(const Vocabulary& vocabulary);
  void merge_word(std::string_view word, std::size_t offset, MergeWorkspace& w, std::vector<Piece>& out) const;
  void scan(std::string_view word, MergeWorkspace& w) const;
  void heap(std::string_view word, MergeWorkspace& w) const;
  Merge pair(std::string_view word, const Symbol& left, const Symbol& right) const;
  void emit(std::string_view word, const Symbol& symbol, std::size_t offset, MergeWorkspace& w, bool& unknown_before,
            std::vector<Piece>& out) const;

  const TextTable* texts_ = nullptr;
  MergeOrder order_ = MergeOrder::by_score;
  Alphabet alphabet_ = Alphabet::characters;
  bool ignore_merges_ = false;
  bool fuse_unknown_ = false;
  bool cut_at_marks_ = false;
  TokenId unknown_ = kNoToken;
  TextMap by_text_;                        // tokens that text may become
  std::vector<std::uint32_t> rank_;        // by_score: a token's place among the distinct scores, highest first
  std::size_t longest_ = 0;                // bytes of the longest token in by_text_
  MergeMap merges_;                        // by_rank
  std::array<TokenId, 256> byte_token_{};  // bytes: the symbol of a byte; characters: its byte token
  std::bitset<256> joins_mark_;            // bytes that stand directly before a "▁" somewhere inside a token
  std::size_t scan_limit_ = 48;
};

}  // namespace freehold::text
