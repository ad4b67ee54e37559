// An adapter as numbers, before it is prepared for a model: what a file holds and what training changes. Rows of q and
// k lie as the base model's do.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/thread_pool.h"
#include "kernel/table.h"
#include "model/adapter.h"
#include "model/spec.h"
#include "model/weights.h"

namespace freehold::model {

struct LowRankValues {
  std::uint32_t rank = 0;  // 0: no adapter here
  float scale = 0;
  std::vector<float> a;          // (rank, K)
  std::vector<float> b;          // (N, rank)
  std::vector<float> magnitude;  // (N) of DoRA; empty for LoRA
};

// Of one block's layers, by slot (model/adapter.h).
struct BlockValues {
  std::vector<LowRankValues> layers = std::vector<LowRankValues>(kSites);  // dense unless made larger

  std::size_t size() const { return layers.size(); }
  LowRankValues& operator[](std::size_t slot) { return layers[slot]; }
  const LowRankValues& operator[](std::size_t slot) const { return layers[slot]; }
  auto begin() const { return layers.begin(); }
  auto end() const { return layers.end(); }
};

struct AdapterValues {
  std::vector<BlockValues> blocks;
  LowRankValues head, embedding;

  LowRankValues& at(const Place& place) {
    if (is_end(place.site)) return place.site == Site::head ? head : embedding;
    BlockValues& block = blocks[place.block];
    return block[slot_of(place, block.size())];
  }
  const LowRankValues& at(const Place& place) const { return const_cast<AdapterValues*>(this)->at(place); }
};
// No adapter anywhere, room for those of all the model's layers.
AdapterValues no_values(const Spec& spec);

// Every place of a model with so many blocks, and experts in each: block by block, by slot, then the ends.
std::vector<Place> all_places(std::size_t blocks, std::size_t experts);
std::vector<Place> all_places(const AdapterValues& values);

// PEFT's and Hugging Face's names: "q_proj", …, "down_proj", "lm_head", "embed_tokens"; of a mixture's experts "w1",
// "w3", "w2", its router "gate".
std::string_view name_of(Site site, bool mixture = false);
// "block 3, q_proj", "block 3, w1 of expert 2"; an end's is its site's: for messages.
std::string name_of(const Place& place);
const nn::Linear& linear_at(const BlockWeights& weights, std::size_t slot);
inline const nn::Linear& linear_at(const BlockWeights& weights, Site site) {
  return linear_at(weights, slot_of(site));
}
// The same, or the output matrix. The embedding is no linear layer.
const nn::Linear& linear_at(const Weights& weights, const Place& place);

// SHA-256 of all ranks, scales and numbers, in the order of blocks and slots, and of the ends if either has any.
Digest digest_of(const AdapterValues& values);
std::uint32_t largest_rank(const AdapterValues& values);
// Memory that the adapter will take (Adapter::bytes).
std::uint64_t adapter_bytes(const AdapterValues& values);

// Prepares the values for serving and training beside these weights. `adapter` may have been built from values of the
// same shapes before: then its memory is used again. Errors: Errc::invalid for shapes that do not fit the weights and
// for a DoRA layer without direction, Errc::unsupported for DoRA on the embedding, Errc::corrupt for a number that is
// not finite; block and layer are named.
Result<> build_adapter(Adapter& adapter, ThreadPool& pool, const kernel::Table& kernels, const Spec& spec,
                       const Weights& weights, const AdapterValues& values);

// The same for serving: an adapter of its own, with its digest.
class Model;
Result<std::shared_ptr<const Adapter>> make_adapter(const Model& model, ThreadPool& pool, const kernel::Table& kernels,
                                                    const AdapterValues& values);

}  // namespace freehold::model
