// What a tokenizer is made of, as plain data: whoever reads a GGUF, a tokenizer.json or a SentencePiece model fills
// this in, and Tokenizer::create checks it. Two independent choices describe every model we know: which pair of
// neighbours merges first (by the score of the result, as SentencePiece does, or by the rank of the merge, as BPE
// does), and what the first symbols are (characters with "▁" for the space, or bytes written in GPT-2's alphabet).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "text/text_table.h"

namespace freehold::text {

using TokenId = std::int32_t;
inline constexpr TokenId kNoToken = -1;
inline constexpr std::string_view kSpaceMark = "\u2581";  // "▁", which SentencePiece writes for a space

// The numbers are GGUF's and SentencePiece's.
enum class TokenType : std::uint8_t {
  normal = 1,
  unknown = 2,       // stands for what the vocabulary cannot express
  control = 3,       // text never becomes one, unless the caller parses special tokens
  user_defined = 4,  // matched in any text before everything else
  unused = 5,
  byte = 6,  // "<0x0A>": one byte of a character that the vocabulary lacks
};

enum class MergeOrder : std::uint8_t {
  by_score,  // any two neighbours whose union is a token; the highest score first, then the leftmost
  by_rank,   // only listed pairs; the first listed first, then the leftmost
};

enum class Alphabet : std::uint8_t {
  characters,  // tokens are UTF-8 text
  bytes,       // tokens are bytes, written in the 256 printable characters that GPT-2 chose
};

// What is done to the text between special tokens before it is split; in this order.
struct NormalizerStep {
  enum class Kind : std::uint8_t {
    prepend,            // `to` before every stretch of text
    prepend_if_absent,  // the same unless the text already begins with `to`
    replace,            // every `from` becomes `to`
    collapse_spaces,    // SentencePiece's remove_extra_whitespaces: none at either end, one at a time inside
    nfc,
    nfd,
    nfkc,
    nfkd,
  };
  Kind kind = Kind::nfc;
  std::string from;
  std::string to;
  bool only_at_start = false;  // prepend: only where the stretch begins the whole text
};

// One step of cutting text into words that merge on their own. Each step cuts the pieces that the step before left, and
// sees every piece as if it stood alone.
struct SplitStep {
  enum class Behaviour : std::uint8_t { isolated, removed, merged_with_previous, merged_with_next, contiguous };
  std::string pattern;  // a regular expression in the dialect of text/regex_dialect.h
  Behaviour behaviour = Behaviour::isolated;
  bool invert = false;  // what the pattern does not match takes the part of what it matches
};

// Spaces that decoding drops before punctuation ("clean_up_tokenization_spaces").
enum class SpaceCleanup : std::uint8_t {
  none,
  llama_cpp,     // " .", " ?", " !", " ,", " ' ", " 's", " 'm", " 're", " 've"
  hugging_face,  // these and " n't"
};

// White space beside a special token that belongs to it.
struct StripRule {
  TokenId token = kNoToken;
  bool left = false;
  bool right = false;
};

struct Vocabulary {
  MergeOrder order = MergeOrder::by_score;
  Alphabet alphabet = Alphabet::characters;

  TextTable tokens;              // token i's text
  std::vector<TokenType> types;  // one a token; empty = all normal
  std::vector<float> scores;     // one a token, by_score only
  TextTable merges;              // by_rank only: entries 2r and 2r+1 are the left and the right part of rank r
  bool ignore_merges = false;    // a word that is a token is that token, whatever the merges say
  bool fuse_unknown = false;     // a run of unknown characters is one unknown token

  std::vector<NormalizerStep> normalizer;
  std::vector<SplitStep> splits;
  std::vector<StripRule> strips;

  // Special tokens by their part; kNoToken = the vocabulary has none.
  TokenId bos = kNoToken;
  TokenId eos = kNoToken;
  TokenId eot = kNoToken;  // end of a turn, where it is not eos
  TokenId unknown = kNoToken;
  TokenId padding = kNoToken;
  std::vector<TokenId> prefix;             // before every text: bos, if the model wants it
  std::vector<TokenId> suffix;             // after every text
  std::vector<TokenId> end_of_generation;  // an answer ends with any of these

  // Decoding. "▁" becomes a space in a characters alphabet.
  bool drop_leading_space = false;  // the space that a `prepend` step put before the text
  SpaceCleanup cleanup = SpaceCleanup::none;
};

}  // namespace freehold::text
