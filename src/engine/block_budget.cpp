#include "engine/block_budget.h"

#include <algorithm>

namespace freehold::engine {

BlockBudget::BlockBudget(const model::KvCache& cache, std::uint32_t chunk)
    : cache_(&cache), chunk_(chunk), promised_(cache.layout().groups.size(), 0) {}

BlockBudget::Blocks BlockBudget::needed(std::uint32_t prompt, std::uint32_t positions, std::uint32_t n) const {
  const model::KvLayout& layout = cache_->layout();
  Blocks blocks(layout.groups.size());
  for (std::size_t g = 0; g < blocks.size(); ++g) {
    std::size_t each = layout.blocks_needed(g, positions, 1, chunk_);
    // Whole blocks of the prompt are shared. In a window they may be dropped by one sequence and kept by another: count
    // them all.
    std::size_t shared = layout.groups[g].window == 0 ? std::min<std::size_t>(prompt / model::kKvBlock, each) : 0;
    blocks[g] = shared + n * (each - shared);
  }
  return blocks;
}

bool BlockBudget::fits(const Blocks& blocks, std::size_t with_promises) const {
  for (std::size_t g = 0; g < blocks.size(); ++g) {
    if (blocks[g] + promised_[g] * with_promises > cache_->total_blocks(g)) return false;
  }
  return true;
}

void BlockBudget::promise(const Blocks& blocks) {
  for (std::size_t g = 0; g < blocks.size(); ++g) promised_[g] += blocks[g];
}

void BlockBudget::release(const Blocks& blocks) {
  for (std::size_t g = 0; g < blocks.size(); ++g) promised_[g] -= blocks[g];
}

}  // namespace freehold::engine
