// Finds special tokens in text: at each place the longest that begins there, from left to right.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "text/regex.h"
#include "text/vocabulary.h"

namespace freehold::text {

inline constexpr std::size_t kMaxAddedTokenBytes = 512;

// A trie over the texts of all control, unknown and user-defined tokens. Immutable. A search costs at most
// kMaxAddedTokenBytes steps a byte of text, in practice about one.
class AddedTokens {
 public:
  // Errors: unsupported (a special token longer than kMaxAddedTokenBytes).
  static Result<AddedTokens> create(const Vocabulary& vocabulary);

  struct Hit {
    Span text;  // with the white space that belongs to it
    TokenId token = kNoToken;
  };
  // The first hit at `from` or later; user-defined tokens only, or all special ones.
  std::optional<Hit> find(std::string_view text, std::size_t from, bool parse_special) const;

 private:
  struct Node {
    std::uint32_t child = 0;    // first child; 0 = none
    std::uint32_t sibling = 0;  // next child of the same parent
    TokenId any = kNoToken;
    TokenId user_defined = kNoToken;
    char byte = 0;
  };
  void insert(std::string_view text, TokenId id, bool user_defined);
  std::uint32_t child_of(std::uint32_t node, char byte) const;

  std::vector<Node> nodes_{1};  // the root is never used: first_ stands for its children
  std::array<std::uint32_t, 256> first_{};
  std::vector<StripRule> strips_;  // sorted by token
};

}  // namespace freehold::text
