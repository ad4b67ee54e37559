// Promises of cache blocks: a request is admitted when the blocks that it may hold at most are free of promises, so it
// never runs out midway. Kept prefixes hold no promise: they are given up when a promise is called in.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "model/kv_cache.h"

namespace freehold::engine {

class BlockBudget {
 public:
  using Blocks = std::vector<std::size_t>;  // by group of the cache

  // `chunk`: the most tokens of one sequence in a batch.
  BlockBudget(const model::KvCache& cache, std::uint32_t chunk);

  // What `n` sequences hold at most that share a prompt and then go on for themselves up to `positions` each.
  Blocks needed(std::uint32_t prompt, std::uint32_t positions, std::uint32_t n) const;
  bool fits_at_all(const Blocks& blocks) const { return fits(blocks, 0); }
  bool fits_now(const Blocks& blocks) const { return fits(blocks, 1); }
  void promise(const Blocks& blocks);
  void release(const Blocks& blocks);

 private:
  bool fits(const Blocks& blocks, std::size_t with_promises) const;
  const model::KvCache* cache_;  // owner: the decoder
  std::uint32_t chunk_;
  Blocks promised_;
};

}  // namespace freehold::engine
