// A loaded model (immutable, shared) and the executor that runs batches of tokens of several sequences through it.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "base/result.h"
#include "base/thread_pool.h"
#include "format/checkpoint.h"
#include "kernel/table.h"
#include "model/kv_cache.h"
#include "model/spec.h"

namespace freehold::model {

struct Adapter;
struct Weights;
class PreparedFile;

// done of total bytes prepared so far; called from the loading thread. Returning false cancels.
using Progress = std::function<bool(std::uint64_t done, std::uint64_t total)>;

class Model {
 public:
  // Reads the metadata, checks every tensor's name, type and shape against it, and prepares the weights into panels.
  // The checkpoint's bytes must stay mapped while the model lives (embedding rows are read from them): the model keeps
  // it.
  // With `prepared` (model/prepared.h), which was written from this very checkpoint, its panels are used in place:
  // nothing is copied.
  static Result<std::shared_ptr<const Model>> load(std::shared_ptr<const format::Checkpoint> checkpoint,
                                                   ThreadPool& pool, const Progress& progress = {},
                                                   std::shared_ptr<const PreparedFile> prepared = {});
  // A model over weights that somebody else prepared, such as those that are being trained.
  static std::shared_ptr<const Model> over(Spec spec, std::unique_ptr<Weights> weights);
  ~Model();
  Model(const Model&) = delete;
  Model& operator=(const Model&) = delete;

  const Spec& spec() const { return spec_; }
  const Weights& weights() const { return *weights_; }
  // Bytes that one decoded token reads: all prepared weights but the embedding table (counted once if tied).
  std::uint64_t bytes_per_token() const;
  // Multiply-adds one token costs outside attention.
  std::uint64_t macs_per_token() const;
  std::uint64_t prepared_bytes() const;

 private:
  Model() = default;
  Spec spec_;
  std::unique_ptr<Weights> weights_;
};

// Spec of a checkpoint, with every tensor checked, without touching the weights' bytes: what `inspect` shows.
Result<Spec> inspect_spec(const format::Checkpoint& checkpoint);

enum class LogitsWanted : std::uint8_t { none, last, all };

// Some new tokens of one sequence, at positions sequence->length() … (room must have been reserved).
struct BatchItem {
  KvSequence* sequence = nullptr;
  std::span<const std::int32_t> tokens;
  LogitsWanted logits = LogitsWanted::last;
  // (n, C): where the final hidden states of the last n tokens go, after the last norm: what the output matrix reads.
  // Empty = nowhere.
  std::span<float> hidden = {};
  // The item's tokens go through this adapter. Its keys and values in the cache are the adapter's, too: a sequence
  // keeps to one. Owner: the caller.
  const Adapter* adapter = nullptr;
};

// Runs the decoder. Owns scratch memory for batches of up to `max_tokens` tokens; used by one thread at a time. What it
// computes for an item does not depend on the other items, on how the tokens are chunked, on threads or on the kernel
// level. `max_rank` is the largest rank of any adapter.
class Executor {
 public:
  Executor(std::shared_ptr<const Model> model, ThreadPool& pool, const kernel::Table& kernels, std::uint32_t max_tokens,
           std::uint32_t longest_sequence, std::uint32_t max_logit_rows, std::uint32_t max_rank = 0);
  ~Executor();

  // Bytes of scratch memory that the constructor will take.
  static std::uint64_t workspace_bytes(const Spec& spec, int threads, std::uint32_t max_tokens,
                                       std::uint32_t longest_sequence, std::uint32_t max_logit_rows,
                                       std::uint32_t max_rank = 0);

  // Writes the wanted logits, (rows, V) in the order of the items, to `logits`, writes keys and values to the cache and
  // advances each sequence. Errors: Errc::invalid for a token id outside the vocabulary (nothing has been done then).
  Result<> forward(std::span<const BatchItem> items, std::span<float> logits);
  // The logits (rows, V) of final hidden states (rows, C) that a forward pass gave through this adapter (null: none),
  // with the bits that it would have given them itself. At most max_logit_rows rows.
  void logits_of(std::span<const float> hidden, const Adapter* adapter, std::span<float> logits);

  const Model& model() const { return *model_; }

 private:
  struct State;
  std::shared_ptr<const Model> model_;
  std::unique_ptr<State> state_;
};

}  // namespace freehold::model
