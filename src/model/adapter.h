// A low-rank adapter over a model's linear layers: what training changes and what serving attaches, in one form.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "base/aligned.h"
#include "nn/low_rank.h"

namespace freehold::model {

// A block's linear layers that may carry an adapter.
enum class Site : std::uint8_t { q, k, v, o, gate, up, down };
inline constexpr std::size_t kSites = 7;
inline constexpr std::array<Site, kSites> kAllSites = {Site::q,    Site::k,  Site::v,   Site::o,
                                                       Site::gate, Site::up, Site::down};

// Immutable once it is attached, shared by all rows that use it.
struct Adapter {
  struct Block {
    std::array<nn::LowRank, kSites> sites;  // empty where there is none
    const nn::LowRank& at(Site site) const { return sites[static_cast<std::size_t>(site)]; }
    nn::LowRank& at(Site site) { return sites[static_cast<std::size_t>(site)]; }
  };
  AlignedBuffer<std::byte> panels;  // of all A and B
  std::vector<Block> blocks;

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
