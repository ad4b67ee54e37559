// A low-rank adapter over a model's linear layers: what training changes and what serving attaches, in one form.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "base/aligned.h"
#include "base/hash.h"
#include "nn/low_rank.h"

namespace freehold::model {

struct Weights;

// What may carry an adapter: a block's linear layers, and the model's two ends. In a mixture of experts there are gate,
// up and down for each expert, and the router. PEFT calls the ends lm_head, the output matrix, and embed_tokens, the
// embedding, whose A is (r, V) and whose B is (C, r).
enum class Site : std::uint8_t { q, k, v, o, gate, up, down, router, head, embedding };
inline constexpr std::size_t kSites = 7;  // of a dense block
inline constexpr std::array<Site, kSites> kAllSites = {Site::q,    Site::k,  Site::v,   Site::o,
                                                       Site::gate, Site::up, Site::down};
inline constexpr std::array<Site, kSites + 1> kMixtureSites = {Site::q,    Site::k,  Site::v,    Site::o,
                                                               Site::gate, Site::up, Site::down, Site::router};
// Those of a block of a model with so many experts, 0 being a dense one.
inline constexpr std::span<const Site> sites_of(std::size_t experts) {
  return experts == 0 ? std::span<const Site>(kAllSites) : std::span<const Site>(kMixtureSites);
}
inline constexpr std::array<Site, 2> kEnds = {Site::head, Site::embedding};
constexpr bool is_end(Site site) {
  return site >= Site::head;
}
// Whether there is one for each expert of a mixture.
constexpr bool of_experts(Site site) {
  return site == Site::gate || site == Site::up || site == Site::down;
}

// One of a model's layers that may carry an adapter. Ends are in no block: theirs is 0.
struct Place {
  std::size_t block = 0;
  Site site = Site::q;
  std::uint32_t expert = 0;
  bool mixture = false;  // the block has experts
};

// A block's layers are numbered: a dense block's as Site numbers them, then the second expert's gate, up and down, the
// third's and so on, and the router last.
inline constexpr std::size_t slots_of(std::size_t experts) {
  return experts == 0 ? kSites : kSites + 3 * (experts - 1) + 1;
}
inline constexpr std::size_t slot_of(Site site, std::size_t expert = 0) {
  return static_cast<std::size_t>(site) + 3 * expert;
}
inline constexpr std::size_t slot_of(const Place& place, std::size_t slots) {
  return place.site == Site::router ? slots - 1 : slot_of(place.site, place.expert);
}
inline constexpr Place place_of(std::size_t slot, std::size_t slots, std::size_t block = 0) {
  constexpr auto kFirst = static_cast<std::size_t>(Site::gate);
  const bool mixture = slots > kSites;
  if (slot < kFirst) return {block, static_cast<Site>(slot), 0, mixture};
  if (mixture && slot + 1 == slots) return {block, Site::router, 0, mixture};
  return {block, static_cast<Site>(kFirst + (slot - kFirst) % 3), static_cast<std::uint32_t>((slot - kFirst) / 3),
          mixture};
}

// Immutable once it is attached, shared by all rows that use it.
struct Adapter {
  struct Block {
    std::vector<nn::LowRank> sites = std::vector<nn::LowRank>(kSites);       // by slot; empty where there is none
    const nn::LowRank& at(Site site) const { return sites[slot_of(site)]; }  // of a dense block
    nn::LowRank& at(Site site) { return sites[slot_of(site)]; }
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
      sum += sizeof(Block) + b.sites.size() * sizeof(nn::LowRank);
      for (const nn::LowRank& l : b.sites) sum += (l.gain.size() + l.norm.size()) * sizeof(float);
    }
    return sum + (head.gain.size() + head.norm.size()) * sizeof(float);
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
