// A low-rank adapter over a model's linear layers: what training changes and what serving attaches, in one form.
#pragma once

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

// A block's kinds of linear layers that may carry an adapter. In a mixture of experts there are gate, up and down for
// each expert, and the router.
enum class Site : std::uint8_t { q, k, v, o, gate, up, down, router };
inline constexpr std::size_t kSites = 7;  // of a dense block
inline constexpr std::array<Site, kSites> kAllSites = {Site::q,    Site::k,  Site::v,   Site::o,
                                                       Site::gate, Site::up, Site::down};
inline constexpr std::array<Site, kSites + 1> kMixtureSites = {Site::q,    Site::k,  Site::v,    Site::o,
                                                               Site::gate, Site::up, Site::down, Site::router};
// Those that a model with so many experts has, 0 being a dense one.
inline constexpr std::span<const Site> sites_of(std::size_t experts) {
  return experts == 0 ? std::span<const Site>(kAllSites) : std::span<const Site>(kMixtureSites);
}

// A block's layers are numbered: a dense block's as Site numbers them, then the second expert's gate, up and down, the
// third's and so on, and the router last.
struct Place {
  Site site = Site::q;
  std::uint32_t expert = 0;
};
inline constexpr std::size_t slots_of(std::size_t experts) {
  return experts == 0 ? kSites : kSites + 3 * (experts - 1) + 1;
}
inline constexpr std::size_t slot_of(Site site, std::size_t expert = 0) {
  return static_cast<std::size_t>(site) + 3 * expert;
}
// Whether there is one for each expert of a mixture.
inline constexpr bool of_experts(Site site) {
  return site == Site::gate || site == Site::up || site == Site::down;
}
inline constexpr Place place_of(std::size_t slot, std::size_t slots) {
  constexpr auto kFirst = static_cast<std::size_t>(Site::gate);
  if (slot < kFirst) return {static_cast<Site>(slot)};
  if (slots > kSites && slot + 1 == slots) return {Site::router};
  return {static_cast<Site>(kFirst + (slot - kFirst) % 3), static_cast<std::uint32_t>((slot - kFirst) / 3)};
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
    return sum;
  }
  std::size_t largest_rank() const {
    std::size_t r = 0;
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
