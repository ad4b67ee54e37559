// `models synth`: deterministic random weights in the exact shape of a well-known model, written as a stream in bounded
// memory, so that anyone can measure their machine before they download anything.
#pragma once

#include <cstdint>

#include "base/thread_pool.h"
#include "format/gguf_writer.h"
#include "store/progress.h"
#include "store/synth/shapes.h"
#include "store/weight_type.h"

namespace freehold::store {

struct SynthOptions {
  Shape shape;
  kernel::Mix type;
  std::uint64_t seed = 0;
};

// The same options give the same bytes with any number of threads, on any machine. At most about 20 MB of memory beside
// the vocabulary.
Result<Written> synthesise(const SynthOptions& options, ThreadPool& pool, const format::Sink& sink,
                           const Progress& progress = {});

}  // namespace freehold::store
