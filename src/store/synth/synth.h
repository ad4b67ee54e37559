// `models synth`: deterministic random weights in the exact shape of a well-known model, written as a stream in bounded
// memory, so that anyone can measure their machine before they download anything.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "base/thread_pool.h"
#include "format/gguf_writer.h"
#include "store/progress.h"
#include "store/synth/shapes.h"
#include "store/weight_type.h"

namespace freehold::store {

// A model that is to be trained, instead of one that is to be measured: norms of exactly one, matrices drawn with
// deviation 0.02, those that add to the residual stream with 0.02 / sqrt(2 layers) (GPT-2: Radford et al. 2019,
// section 2.3), and a tokenizer of its own.
struct Fresh {
  std::string name;                                          // general.name
  std::string description;                                   // general.description
  std::function<Result<>(format::Metadata&)> add_tokenizer;  // tokenizer.ggml.* for exactly shape.V tokens
};

struct SynthOptions {
  Shape shape;
  kernel::Mix type;
  std::uint64_t seed = 0;
  std::optional<Fresh> fresh = {};
};

// The same options give the same bytes with any number of threads, on any machine. At most about 20 MB of memory beside
// the vocabulary.
Result<Written> synthesise(const SynthOptions& options, ThreadPool& pool, const format::Sink& sink,
                           const Progress& progress = {}, const Expect& expect = {});

}  // namespace freehold::store
