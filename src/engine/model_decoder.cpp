#include "engine/model_decoder.h"

#include <fmt/format.h>

#include <new>
#include <utility>

#include "base/checked.h"

namespace freehold::engine {
namespace {

// Fills in what is left to us, and checks the rest.
Result<DecoderSize> complete(const model::Spec& spec, DecoderSize size) {
  if (size.context == 0) size.context = spec.context;
  if (size.context > spec.context) {
    return fail(Errc::invalid,
                fmt::format("context is {}, must be at most the model's {}", size.context, spec.context));
  }
  constexpr std::uint32_t kMost = 1u << 16;  // sequences, and tokens of a batch
  if (size.sequences < 1 || size.sequences > kMost) {
    return fail(Errc::invalid, fmt::format("sequences is {}, must be from 1 to {}", size.sequences, kMost));
  }
  if (size.chunk < 1 || size.chunk > kMost) {
    return fail(Errc::invalid, fmt::format("chunk is {}, must be from 1 to {}", size.chunk, kMost));
  }
  if (size.drafted > kMost) {
    return fail(Errc::invalid, fmt::format("drafted is {}, must be at most {}", size.drafted, kMost));
  }
  if (size.max_rank > kMost) {
    return fail(Errc::invalid, fmt::format("max_rank is {}, must be at most {}", size.max_rank, kMost));
  }
  if (size.cache_tokens == 0) {
    size.cache_tokens = size.context + std::uint64_t{size.sequences - 1} * size.chunk;
  }
  if (size.cache_tokens < size.context) {
    return fail(Errc::invalid,
                fmt::format("cache_tokens is {}, must be at least the context's {}", size.cache_tokens, size.context));
  }
  return size;
}

}  // namespace

Result<std::uint64_t> ModelDecoder::bytes_needed(const model::Spec& spec, int threads, DecoderSize wanted) {
  FH_TRY(DecoderSize size, complete(spec, wanted));
  std::uint64_t cache =
      model::KvLayout(spec, size.cache_type).bytes_needed(size.cache_tokens, size.sequences, size.chunk);
  std::uint64_t scratch = model::Executor::workspace_bytes(spec, threads, size.chunk + size.sequences, size.context,
                                                           size.sequences + size.drafted, size.max_rank);
  auto sum = add_ok(cache, scratch);
  if (!sum) return fail(Errc::exhausted, "the cache would be larger than any machine's memory");
  return *sum;
}

Result<std::unique_ptr<ModelDecoder>> ModelDecoder::create(std::shared_ptr<const model::Model> model, ThreadPool& pool,
                                                           const kernel::Table& kernels, DecoderSize wanted) {
  FH_TRY(DecoderSize size, complete(model->spec(), wanted));
  auto decoder = std::unique_ptr<ModelDecoder>(new ModelDecoder);
  decoder->size_ = size;
  FH_TRY(decoder->cache_, model::KvCache::create(model::KvLayout(model->spec(), size.cache_type), size.cache_tokens,
                                                 size.sequences, size.chunk, size.context));
  try {
    decoder->executor_ = std::make_unique<model::Executor>(model, pool, kernels, size.chunk + size.sequences,
                                                           size.context, size.sequences + size.drafted, size.max_rank);
  } catch (const std::bad_alloc&) {
    return fail(Errc::exhausted, fmt::format("no memory to run batches of {} tokens with {} positions",
                                             size.chunk + size.sequences, size.context));
  }
  decoder->model_ = std::move(model);
  return decoder;
}

}  // namespace freehold::engine
