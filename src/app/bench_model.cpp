// Reading prompts and writing answers with a loaded model, timed.
#include <fmt/format.h>

#include <algorithm>

#include "app/bench.h"
#include "app/bench_child.h"
#include "app/machine.h"
#include "app/peaks_crew.h"
#include "base/random.h"
#include "kernel/kernels.h"
#include "model/kv_cache.h"
#include "model/weights.h"
#include "tensor/dtype.h"

namespace freehold::app {
namespace {

// The same tokens every time, spread over the vocabulary.
std::vector<std::int32_t> some_tokens(std::size_t count, std::uint32_t vocab) {
  std::vector<std::int32_t> ids(count);
  for (std::size_t i = 0; i < count; ++i) ids[i] = static_cast<std::int32_t>(uniform_draw(1, 0, i) * vocab);
  return ids;
}

// Numerics version 1: quantised weights are multiplied as int8. Float weights take FMAs in float32, but BF16 takes the
// tile unit's bfloat16 where there is one.
const ArithmeticLoop& arithmetic_of(const model::Model& model, kernel::Level level) {
  const auto& weights = model.weights();
  const tensor::DType type = weights.blocks.empty() ? weights.output.type() : weights.blocks[0].q.type();
  if (tensor::info(type).quantised) return bounding_loop("int8", level);
  if (type == tensor::DType::bf16 && kernel::name_of(level) == "amx") return bounding_loop("bf16", level);
  return bounding_loop("f32", level);
}

}  // namespace

Result<std::unique_ptr<ModelBench>> ModelBench::create(const Bench& bench, const Loaded& loaded, std::uint32_t longest,
                                                       std::uint32_t batch) {
  auto b = std::unique_ptr<ModelBench>(new ModelBench(bench, loaded));
  const std::uint32_t rows = std::max(kChunk, batch);
  b->ids_ = some_tokens(longest, loaded.spec.vocab);
  b->logits_.resize(std::size_t{batch} * loaded.spec.vocab);
  // Only decoding has several sequences, and there they are short.
  const std::uint64_t tokens = longest + std::uint64_t{batch - 1} * std::min<std::uint32_t>(longest, kChunk);
  FH_TRY(b->cache_, model::KvCache::create(model::KvLayout(loaded.spec, loaded.cache), tokens, batch, kChunk, longest));
  b->executor_ = std::make_unique<model::Executor>(loaded.model, *loaded.pool, kernel::table_up_to(loaded.level), rows,
                                                   longest, batch);
  return b;
}

Result<> ModelBench::feed(model::KvSequence& sequence, std::span<const std::int32_t> ids) const {
  for (std::size_t first = 0; first < ids.size(); first += kChunk) {
    FH_TRY_VOID(check_interrupt());
    const std::size_t count = std::min<std::size_t>(kChunk, ids.size() - first);
    const bool end = first + count == ids.size();
    FH_TRY_VOID(sequence.reserve(static_cast<std::uint32_t>(count)));
    model::BatchItem item{.sequence = &sequence,
                          .tokens = ids.subspan(first, count),
                          .logits = end ? model::LogitsWanted::last : model::LogitsWanted::none};
    std::span<float> out(logits_.data(), end ? loaded_.spec.vocab : 0);
    FH_TRY_VOID(executor_->forward({&item, 1}, out));
  }
  return {};
}

BenchWork ModelBench::prefill_work(std::uint32_t tokens) const {
  const model::Model& m = *loaded_.model;
  // What stays in the caches between two passes is not read from memory, so memory does not bound it.
  const bool cached = m.bytes_per_token() < 2 * read_machine().l3_bytes;
  const double passes = (tokens + kChunk - 1) / kChunk;
  return {.bytes = cached ? 0 : static_cast<double>(m.bytes_per_token()) * passes,
          .operations = 2 * static_cast<double>(m.macs_per_token()) * tokens,
          .arithmetic = &arithmetic_of(m, loaded_.level),
          .units = static_cast<double>(tokens)};
}

BenchWork ModelBench::decode_work(std::uint32_t batch, std::uint32_t steps, std::uint32_t depth) const {
  BenchWork one = prefill_work(1);  // reads all weights once
  one.bytes *= steps;
  one.units = static_cast<double>(steps) * batch;
  one.operations *= one.units;
  if (one.bytes == 0) return one;
  // Every token reads the keys and values before it: in whole blocks, but for windows, so the smaller of two counts.
  const model::KvLayout& layout = cache_->layout();
  const std::uint32_t positions = depth + steps / 2, block = model::kKvBlock;
  const auto one_block = static_cast<double>(layout.bytes_needed(2 * block, 1, 1) - layout.bytes_needed(block, 1, 1));
  one.bytes +=
      one.units * std::min(one_block / block * positions, static_cast<double>(layout.bytes_needed(positions, 1, 1)));
  return one;
}

Result<> ModelBench::fill(std::uint32_t tokens) const {
  auto sequence = cache_->new_sequence();
  return feed(sequence, std::span(ids_).first(tokens));
}

Result<> ModelBench::prefill(std::uint32_t tokens) const {
  bench_.report.progress(fmt::format("reading {} tokens", tokens));
  FH_TRY(BenchLine line, measure(bench_, "prefill", "tokens/s", prefill_work(tokens), [&]() -> Result<double> {
           const double begin = wall_seconds();
           FH_TRY_VOID(fill(tokens));
           return wall_seconds() - begin;
         }));
  line.detail = {{"tokens", std::to_string(tokens)}};
  bench_.report.line(line);
  return {};
}

Result<> ModelBench::step(std::vector<model::KvSequence>& sequences, std::vector<model::BatchItem>& items,
                          std::uint32_t number) const {
  FH_TRY_VOID(check_interrupt());
  for (std::size_t s = 0; s < sequences.size(); ++s) {
    FH_TRY_VOID(sequences[s].reserve(1));
    // Different tokens, so that a mixture of experts does not send all rows to the same ones.
    const std::size_t token = (number * sequences.size() + s) % ids_.size();
    items[s] = {.sequence = &sequences[s], .tokens = std::span(ids_).subspan(token, 1)};
  }
  return executor_->forward(items, std::span(logits_).first(sequences.size() * loaded_.spec.vocab));
}

Result<double> ModelBench::decode_seconds(std::uint32_t batch, std::uint32_t steps, std::uint32_t depth) const {
  std::vector<model::KvSequence> sequences;
  for (std::uint32_t s = 0; s < batch; ++s) {
    sequences.push_back(cache_->new_sequence());
    FH_TRY_VOID(feed(sequences.back(), std::span(ids_).first(depth)));
  }
  std::vector<model::BatchItem> items(batch);
  const double begin = wall_seconds();
  for (std::uint32_t t = 0; t < steps; ++t) FH_TRY_VOID(step(sequences, items, t));
  return wall_seconds() - begin;
}

Result<> ModelBench::decode(std::uint32_t batch, std::uint32_t steps, std::uint32_t depth) const {
  bench_.report.progress(fmt::format("writing {} at a time", batch));
  FH_TRY(BenchLine line, measure(bench_, "decode", "tokens/s", decode_work(batch, steps, depth),
                                 [&] { return decode_seconds(batch, steps, depth); }));
  line.detail = {{"batch", std::to_string(batch)}, {"depth", std::to_string(depth)}};
  bench_.report.line(line);
  return {};
}

Result<> ModelBench::long_context(std::uint32_t depth, std::uint32_t steps) const {
  bench_.report.progress(fmt::format("reading {} tokens", depth));
  Bench once = bench_;
  once.repeat = 1;
  std::vector<model::KvSequence> sequence;
  // Read only once, for it may take minutes: the run that would not count is left out.
  auto read = [&]() -> Result<double> {
    if (sequence.empty()) {
      sequence.push_back(cache_->new_sequence());
      return 1.0;
    }
    const double begin = wall_seconds();
    FH_TRY_VOID(feed(sequence[0], std::span(ids_).first(depth)));
    return wall_seconds() - begin;
  };
  FH_TRY(BenchLine prefill, measure(once, "prefill", "tokens/s", prefill_work(depth), read));
  prefill.detail = {{"tokens", std::to_string(depth)}};
  bench_.report.line(prefill);

  bench_.report.progress(fmt::format("writing after {} tokens", depth));
  Bench thrice = bench_;
  thrice.repeat = std::min(bench_.repeat, 3);  // and one that does not count: the cache holds no more
  std::vector<model::BatchItem> items(1);
  std::uint32_t written = 0;
  auto write = [&]() -> Result<double> {
    const double begin = wall_seconds();
    for (std::uint32_t t = 0; t < steps; ++t) FH_TRY_VOID(step(sequence, items, written++));
    return wall_seconds() - begin;
  };
  FH_TRY(BenchLine decode, measure(thrice, "decode", "tokens/s", decode_work(1, steps, depth), write));
  decode.detail = {{"batch", "1"}, {"depth", std::to_string(depth)}};
  bench_.report.line(decode);
  return {};
}

Result<> ModelBench::decode_beside_noise(std::uint32_t steps) const {
  bench_.report.progress("writing beside a busy process");
  FH_TRY(BusyProcess busy, BusyProcess::start());
  Samples quiet, noisy, ratio;
  FH_TRY(const double warm, decode_seconds(1, steps, 1));
  (void)warm;
  for (int i = 0; i < bench_.repeat; ++i) {
    FH_TRY(const double alone, decode_seconds(1, steps, 1));
    busy.resume();
    auto beside = decode_seconds(1, steps, 1);
    busy.pause();
    FH_TRY(const double seconds, std::move(beside));
    quiet.values.push_back(steps / alone);
    noisy.values.push_back(steps / seconds);
    ratio.values.push_back(alone / seconds);
  }
  bench_.report.line(line_of("decode-quiet", "tokens/s", quiet));
  bench_.report.line(line_of("decode-beside-noise", "tokens/s", noisy));
  bench_.report.line(line_of("decode-beside-noise-ratio", "of quiet", ratio));
  return {};
}

}  // namespace freehold::app
