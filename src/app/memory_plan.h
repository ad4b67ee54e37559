// How much memory a model will take, before anything is loaded, and what to do when that is more than there is.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "app/open_model.h"
#include "base/result.h"
#include "engine/model_decoder.h"

namespace freehold::app {

struct MemoryPlan {
  std::uint64_t weights = 0;    // prepared panels, norms, biases
  std::uint64_t embedding = 0;  // read from the mapped file whenever a token is looked up
  std::uint64_t mapped = 0;     // the whole file(s): reclaimable, not counted in total()
  std::uint64_t runtime = 0;    // cache and scratch
  std::uint32_t context = 0;
  kernel::KvType cache_type = kernel::KvType::f32;
  std::uint64_t total() const { return weights + embedding + runtime; }
  // "weights 1.1 MiB, embedding …, cache (f16) and workspace 10 MiB for a context of 512: 11.2 MiB of 20 GiB
  // available".
  std::string describe(std::uint64_t available) const;
};

// For one sequence of `context` positions, fed in chunks of `chunk`.
Result<MemoryPlan> plan_memory(const model::Plan& plan, std::uint32_t context, std::uint32_t chunk, int threads,
                               model::KvChoice cache = model::KvChoice::automatic);

// The largest context, at most `wanted`, that fits into `available` bytes; nothing if not even 32 positions do.
std::optional<std::uint32_t> largest_context(const model::Plan& plan, std::uint32_t wanted, std::uint32_t chunk,
                                             int threads, std::uint64_t available,
                                             model::KvChoice cache = model::KvChoice::automatic);

struct ChosenContext {
  MemoryPlan memory;
  bool reduced = false;  // nobody asked for a length, and the model's own does not fit
};
// `wanted` 0 = the model's own context, or the largest that fits if that is at least 2,048 (the caller says so aloud).
// Errors: Errc::invalid if `wanted` is more than the model's; Errc::exhausted, naming the largest context or the
// smaller type that would fit.
Result<ChosenContext> choose_context(const model::Plan& plan, std::uint32_t wanted, std::uint32_t chunk, int threads,
                                     std::uint64_t available, model::KvChoice cache = model::KvChoice::automatic);

}  // namespace freehold::app
