// A low-rank adapter over a model's linear layers: what training changes and what serving attaches, in one form.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "base/aligned.h"
#include "base/hash.h"
#include "nn/low_rank.h"

namespace freehold::model {

struct Weights;

// What may carry an adapter: a block's linear layers, and the model's two ends. PEFT calls these lm_head, the output
// matrix, and embed_tokens, the embedding, whose A is (r, V) and whose B is (C, r).
enum class Site : std::uint8_t { q, k, v, o, gate, up, down, head, embedding };
inline constexpr std::size_t kSites = 7;  // of a block
inline constexpr std::array<Site, kSites> kAllSites = {Site::q,    Site::k,  Site::v,   Site::o,
                                                       Site::gate, Site::up, Site::down};
inline constexpr std::array<Site, 2> kEnds = {Site::head, Site::embedding};
constexpr bool is_end(Site site) {
  return site >= Site::head;
}

// One of a model's layers that may carry an adapter. Ends are in no block: theirs is 0.
struct Place {
  std::size_t block = 0;
  Site site = Site::q;
};

// Immutable once it is attached, shared by all rows that use it.
struct Adapter {
  struct Block {
    std::array<nn::LowRank, kSites> sites;  // empty where there is none
    const nn::LowRank& at(Site site) const { return sites[static_cast<std::size_t>(site)]; }
    nn::LowRank& at(Site site) { return sites[static_cast<std::size_t>(site)]; }
  };
  AlignedBuffer<std::byte> panels;  // of all A and B
  std::vector<Block> blocks;
  nn::LowRank head;             // on the output matrix, tied or not; empty: none
  nn::LowRankLookup embedding;  // beside the rows that are looked up
  // The weights that it was built beside, told apart by address: whoever keeps adapters lets go of them with the model.
  const Weights* base = nullptr;
  // Of all its numbers (digest_of): part of what decides the logits. All zeros for one that only training uses.
  Digest digest{};

  // Memory of its own.
  std::uint64_t bytes() const {
    std::uint64_t sum = panels.size();
    for (const Block& b : blocks) {
      for (const nn::LowRank& l : b.sites) sum += (l.gain.size() + l.norm.size()) * sizeof(float);
    }
    return sum + (head.gain.size() + head.norm.size()) * sizeof(float) + blocks.size() * sizeof(Block);
  }
  std::size_t largest_rank() const {
    std::size_t r = std::max(head.a.outputs(), embedding.b.inputs());
    for (const Block& b : blocks) {
      for (const nn::LowRank& l : b.sites) r = l.a.outputs() > r ? l.a.outputs() : r;
    }
    return r;
  }
};

// Rows begin … end - 1 of a batch go through this adapter; rows that no range names through the base alone.
struct AdaptedRows {
  const Adapter* adapter = nullptr;  // owner: whoever asked for the pass
  std::size_t begin = 0, end = 0;
};

}  // namespace freehold::model
