// The tokens that may stand inside a constrained text, as a tree of their bytes: built once for a tokenizer, immutable,
// shared by all grammars and threads. Control, unknown and unused tokens, those that end an answer and those without
// bytes are not in it.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "text/tokenizer.h"

namespace freehold::text::grammar {

class VocabularyIndex {
 public:
  // Nodes in preorder: node i's subtree is [i, end).
  struct TreeNode {
    std::uint32_t end = 0;
    std::uint32_t first_token = 0;  // its tokens: tokens()[first_token, first_token of node i + 1)
    std::uint16_t depth = 0;        // 1 for the first byte of a token
    std::uint8_t byte = 0;
  };

  // `shown`: control tokens that stand inside texts after all, as what they spell; sorted.
  static std::shared_ptr<const VocabularyIndex> create(const Tokenizer& tokenizer, std::span<const TokenId> shown = {});
  // From plain bytes: token i's text, empty for those that may not be used, and the ids that end an answer.
  static std::shared_ptr<const VocabularyIndex> create(std::span<const std::string> texts,
                                                       std::span<const TokenId> ends);

  std::size_t size() const { return size_; }                    // V
  std::size_t mask_words() const { return (size_ + 63) / 64; }  // of a mask: bit i of word i / 64 is token i
  std::size_t node_count() const { return nodes_.size() - 1; }
  std::span<const TreeNode> nodes() const { return nodes_; }  // one more than node_count(): where the last one ends
  std::span<const std::uint32_t> tokens() const { return tokens_; }
  std::span<const std::uint32_t> tokens_of(std::uint32_t node) const {
    return std::span(tokens_).subspan(nodes_[node].first_token,
                                      nodes_[node + 1].first_token - nodes_[node].first_token);
  }
  std::string_view bytes_of(TokenId id) const;  // empty if the token may not stand inside
  bool ends_generation(TokenId id) const;
  std::span<const TokenId> ends() const { return ends_; }
  std::uint32_t longest() const { return longest_; }  // bytes of the longest token
  // Every byte that UTF-8 uses is a token: then any text can be written with as many tokens as it has bytes.
  bool has_all_bytes() const { return has_all_bytes_; }
  // The fewest tokens that write exactly `text`; UINT32_MAX if there are none, or more than `limit`.
  std::uint32_t fewest_tokens(std::string_view text, std::uint32_t limit, std::vector<std::uint32_t>& scratch) const;
  std::size_t memory() const;

 private:
  std::size_t size_ = 0;
  std::vector<TreeNode> nodes_;
  std::vector<std::uint32_t> tokens_;
  std::array<std::uint32_t, 256> first_level_{};
  std::string bytes_;
  std::vector<std::uint32_t> byte_ends_;
  std::vector<TokenId> ends_;
  std::uint32_t longest_ = 0;
  bool has_all_bytes_ = false;
};

}  // namespace freehold::text::grammar
