// How much memory a model will take, before anything is loaded, and what to do when that is more than there is.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "app/open_model.h"
#include "base/result.h"
#include "engine/model_decoder.h"

namespace freehold::app {

// What is to run: everything that decides about memory beside the model and the length of its context.
struct RunShape {
  std::uint32_t chunk = 0;  // tokens of a prompt that one step takes
  int threads = 1;
  std::uint32_t sequences = 1;  // at the same time
  // Of these, as many have room for a whole context at the same time, at most; the others for a chunk.
  std::uint32_t whole = 1;
  std::uint32_t drafted = 0;        // guessed tokens a step
  std::uint32_t max_rank = 0;       // of adapters; 0: none can be used
  std::uint64_t adapter_bytes = 0;  // of those that are there from the start
  model::KvChoice cache = model::KvChoice::automatic;
};

struct MemoryPlan {
  std::uint64_t weights = 0;    // prepared panels (packed, or mapped from where they were kept), norms, biases
  std::uint64_t embedding = 0;  // read from the mapped file whenever a token is looked up
  std::uint64_t mapped = 0;     // the whole file(s): reclaimable, not counted in total()
  std::uint64_t runtime = 0;    // cache, scratch, and the engine's rows of logits and hidden states
  std::uint32_t context = 0;
  std::uint32_t sequences = 1;
  std::uint32_t drafted = 0;       // guessed tokens a step
  std::uint64_t cache_tokens = 0;  // positions of all sequences together
  kernel::KvType cache_type = kernel::KvType::f32;
  std::uint64_t total() const { return weights + embedding + runtime; }
  // "weights 1.1 MiB, embedding …, cache (f16) and workspace 10 MiB for a context of 512"
  std::string parts() const;
  // "memory: (parts): 11.2 MiB of 20 GiB available"
  std::string describe(std::uint64_t available) const;
};

// For sequences of up to `context` positions.
Result<MemoryPlan> plan_memory(const model::Plan& plan, std::uint32_t context, const RunShape& shape);

// The largest context, at most `wanted`, that fits into `available` bytes; nothing if not even 32 positions do.
std::optional<std::uint32_t> largest_context(const model::Plan& plan, std::uint32_t wanted, const RunShape& shape,
                                             std::uint64_t available);

struct ChosenContext {
  MemoryPlan memory;
  bool reduced = false;  // nobody asked for a length, and the model's own does not fit
};
// `wanted` 0 = the model's own context, or the largest that fits if that is at least 2,048 (the caller says so aloud).
// One sequence of that length must fit into `available` bytes; as many more of shape.whole as fit into `comfortable`
// bytes get room for theirs as well. Errors: Errc::invalid if `wanted` is more than the model's; Errc::exhausted,
// naming the largest context or the smaller type that would fit.
Result<ChosenContext> choose_context(const model::Plan& plan, std::uint32_t wanted, const RunShape& shape,
                                     std::uint64_t available, std::uint64_t comfortable = UINT64_MAX);

}  // namespace freehold::app
