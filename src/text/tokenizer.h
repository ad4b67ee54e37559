// Text to tokens and back. A Tokenizer is immutable after creation: any number of threads may use one at once.
//
// Text that is not UTF-8: every maximal invalid part is tokenized as U+FFFD, as the Unicode standard recommends (so
// that the overlong C0 AF becomes two U+FFFD, never "/").
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "text/vocabulary.h"

namespace freehold::text {

inline constexpr std::size_t kMaxTokens = std::size_t{1} << 21;
inline constexpr std::size_t kMaxMerges = std::size_t{1} << 21;
inline constexpr std::size_t kMaxTextBytes = std::size_t{1} << 30;

struct EncodeOptions {
  // Text that reads like a control or unknown token becomes that token. Off for anything a user wrote.
  bool parse_special = false;
  // The tokens that the model wants around a text (usually its bos).
  bool add_special = false;
};

struct DecodeOptions {
  // Control and unknown tokens appear as their text; otherwise they are silent.
  bool render_special = false;
  // Of these, so do those that are named here, sorted. Borrowed.
  std::span<const TokenId> shown = {};
  // The ids begin a text, so the space that encoding put before it is dropped. Off for what continues a text.
  bool at_start = true;
  // Apply the vocabulary's SpaceCleanup. It changes what the model wrote ("x != y" becomes "x!= y"), so it is off
  // unless somebody wants exactly what another program prints.
  bool clean_up_spaces = false;
};

// Where a token lies in the text that was encoded (with invalid UTF-8 already replaced): bytes [begin, end). Byte
// tokens of one character all have that character's range; tokens that come from no text have an empty range.
struct TokenSpan {
  std::size_t begin = 0;
  std::size_t end = 0;
};

struct Encoding {
  std::vector<TokenId> ids;
  std::vector<TokenSpan> spans;  // one an id
  // Bytes that no token can express and that are missing in `ids`; 0 for all but a few old vocabularies.
  std::size_t dropped_bytes = 0;
};

class Tokenizer {
 public:
  // Checks everything that a file may have got wrong. Errors: corrupt, unsupported (naming the token, merge or
  // pattern).
  static Result<Tokenizer> create(Vocabulary vocabulary);
  Tokenizer(Tokenizer&&) noexcept;
  Tokenizer& operator=(Tokenizer&&) noexcept;
  ~Tokenizer();

  // Errors: exhausted (a text over kMaxTextBytes, or one on which a vocabulary's own pattern takes too long).
  Result<std::vector<TokenId>> encode(std::string_view text, EncodeOptions options = {}) const;
  Result<Encoding> encode_with_offsets(std::string_view text, EncodeOptions options = {}) const;

  // The bytes that the ids stand for. They need not be UTF-8: a model may write byte tokens that form no character
  // (Detokenizer gives the same text with such bytes replaced by U+FFFD). Error: invalid (an id out of range).
  Result<std::string> decode(std::span<const TokenId> ids, DecodeOptions options = {}) const;

  std::size_t size() const;
  bool contains(TokenId id) const { return id >= 0 && static_cast<std::size_t>(id) < size(); }
  // For ids that `contains` accepts; empty, or TokenType::unused, for others.
  std::string_view token_text(TokenId id) const;  // as the vocabulary spells it
  std::string token_bytes(TokenId id) const;      // what it adds to a text, special tokens included
  TokenType token_type(TokenId id) const;
  bool ends_generation(TokenId id) const;
  // The token spelled exactly so (the first of several); kNoToken if there is none.
  TokenId find_token(std::string_view text) const;

  // Everything but the merges, which are dropped after creation.
  const Vocabulary& vocabulary() const;

 private:
  friend class Detokenizer;
  struct State;
  explicit Tokenizer(std::unique_ptr<State> state);
  void append_bytes(TokenId id, const DecodeOptions& options, std::string& out) const;
  std::unique_ptr<State> state_;
};

}  // namespace freehold::text
