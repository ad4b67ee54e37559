// Configurations met while trying many tokens from one place: each is numbered and remembers where its bytes lead, so a
// walk over a vocabulary's tree costs one table look-up a node. Memory is reused from walk to walk.
#pragma once

#include <bitset>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "text/grammar/stacks.h"
#include "text/grammar/vocabulary_index.h"

namespace freehold::text::grammar {

class Explorer {
 public:
  using Id = std::uint32_t;
  static constexpr Id kDead = UINT32_MAX;

  explicit Explorer(Stacks& stacks) : stacks_(&stacks) {}

  // Forgets everything and begins again.
  void reset();
  Id add(std::span<const Entry> config);
  // kDead when nothing follows (or failed()).
  Id next(Id from, std::uint8_t byte);
  std::span<const Entry> config(Id id) const { return std::span(entries_).subspan(items_[id].first, items_[id].count); }
  bool accepting(Id id) const { return items_[id].accepting; }
  bool can(Id id, std::uint8_t byte) const { return items_[id].possible.test(byte); }
  std::size_t size() const { return items_.size(); }
  bool failed() const { return failed_; }

  // Walks the tree from `start`: visit(node, configuration behind it) for every node that can be reached. `Tree` has
  // .end and .byte; a node's children lie in [node + 1, end).
  template <typename Tree, typename Visit>
  void walk(std::span<const Tree> tree, std::uint32_t begin, std::uint32_t end, Id start, Visit&& visit) {
    path_.clear();
    path_.push_back({end, start});
    for (std::uint32_t i = begin; i < end;) {
      while (i >= path_.back().end) path_.pop_back();
      Id at = path_.back().id;
      if (!can(at, tree[i].byte)) {
        i = tree[i].end;
        continue;
      }
      Id to = next(at, tree[i].byte);
      if (to == kDead) {
        if (failed_) return;
        i = tree[i].end;
        continue;
      }
      visit(i, to);
      if (tree[i].end > i + 1) path_.push_back({tree[i].end, to});
      ++i;
    }
  }

 private:
  struct Item {
    std::uint32_t first = 0;
    std::uint32_t count = 0;
    std::uint32_t table = UINT32_MAX;  // in tables_, 256 entries: id + 2, 1 = dead, 0 = not tried
    bool accepting = false;
    std::bitset<256> possible;
  };
  struct Level {
    std::uint32_t end = 0;
    Id id = 0;
  };
  static constexpr std::size_t kMaxItems = 100'000;

  Stacks* stacks_;
  std::vector<Item> items_;
  std::vector<Entry> entries_;
  std::vector<std::uint32_t> tables_;
  std::vector<std::uint32_t> buckets_;  // open addressing: id + 1
  std::vector<Level> path_;
  Config scratch_;
  bool failed_ = false;
};

}  // namespace freehold::text::grammar
