// The two look-ups that tokenizing spends its time in: text -> token, and (left token, right token) -> merge. Open
// addressing with a hash keyed per process, so that no vocabulary can be made whose entries collide.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "text/text_table.h"
#include "text/vocabulary.h"

namespace freehold::text {

// Borrows the texts from a table that must outlive it and not grow; the caller hands it to each call.
class TextMap {
 public:
  // Room for `entries` texts.
  explicit TextMap(std::size_t entries = 0);
  // The first insertion of a text wins. Returns false if the text was there.
  bool insert(const TextTable& texts, TokenId id);
  TokenId find(const TextTable& texts, std::string_view text) const;  // kNoToken if absent

 private:
  std::size_t slot_of(const TextTable& texts, std::string_view text) const;
  std::vector<TokenId> slots_;
  std::vector<std::uint8_t> tags_;  // eight bits of the hash: most misses end here
};

struct Merge {
  std::uint32_t rank = UINT32_MAX;  // lower merges first
  TokenId result = kNoToken;
};

class MergeMap {
 public:
  explicit MergeMap(std::size_t entries = 0);
  // The first insertion of a pair wins.
  void insert(TokenId left, TokenId right, Merge merge);
  Merge find(TokenId left, TokenId right) const {
    if (left < 0 || right < 0) return {};
    const Entry& e = entries_[slot_of(key_of(left, right))];
    return e.merge;
  }

 private:
  struct Entry {
    std::uint64_t key = UINT64_MAX;
    Merge merge;
  };
  static std::uint64_t key_of(TokenId left, TokenId right) {
    return static_cast<std::uint64_t>(static_cast<std::uint32_t>(left)) << 32 | static_cast<std::uint32_t>(right);
  }
  std::size_t slot_of(std::uint64_t key) const;
  std::vector<Entry> entries_;
};

}  // namespace freehold::text
