// The scheduler: runs the answers of many requests in one batch a step, prefilling new prompts in chunks beside the
// decoding.
//
// 1. A request is admitted when its answers fit into the batch and when the cache has room for all it may ever need, so
//    it never runs out midway. Among those that wait, the next is the oldest of the tenant with the fewest running
//    sequences (of several, the one admitted least recently), higher priorities first; one tenant's requests of one
//    priority stay in the order of submit. Nobody starves: who was passed over 16 times (in the background 64) is next,
//    and the places that become free are held for it until it fits (waiting.h). A request may have a deadline for its
//    admission.
// 2. A step decodes one token of every running answer, and prefills up to `chunk` prompt tokens, oldest request first.
// 3. What a request gets does not depend on its neighbours, the chunk, cached prefixes or guesses: tokens, text and
// probabilities are
//    equal bit for bit (event order within a choice too; only timings, cached_tokens and counts of guesses differ).
// 4. Once all are decoding, a step allocates nothing (logprobs of tokens over 15 bytes excepted).
//
// 5. With a drafter, a step that reads no prompt may run a guess behind an answer's last token (LogitsWanted::all).
// Each position is
//    drawn as it would be without; the first that differs from the guess is taken as drawn, and what follows it is
//    forgotten.
// 6. Embeddings run in the same batches: their text is prefilled, and the pass gives hidden states instead of logits.
//    So do prompts whose tokens' log-probabilities are wanted: the output matrix is applied to a few hidden states at a
//    time. Hidden states need chunk * C floats, and those logits 16 * V; both are set aside when first asked for.
// 7. Answers of several adapters (Request::adapter) share each batch: the base model's products are computed for all
//    rows at once, the adapters' for the rows that have them. A kept sequence is continued by the same adapter only.
//
// One driver thread calls everything; there are no locks. Callbacks run inside step() and may call submit and cancel,
// but not step.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>

#include "base/result.h"
#include "base/thread_pool.h"
#include "engine/decoder.h"
#include "engine/drafting/speculation.h"
#include "engine/embedding.h"
#include "engine/event.h"
#include "engine/request.h"
#include "text/tokenizer.h"

namespace freehold::engine {

using EventSink = std::function<void(const Event&)>;

struct EngineOptions {
  std::uint32_t max_sequences = 8;  // answers that run at the same time; at most the decoder's logit rows
  std::uint32_t chunk = 256;        // prompt tokens prefilled a step; chunk + max_sequences at most the decoder's batch
  bool prefix_cache = true;         // keep finished sequences and continue them
  std::uint64_t prefix_tokens = UINT64_MAX;  // positions kept for that at most; room that others need is taken anyway
  std::uint32_t prefix_entries = 64;         // sequences kept at most
  DraftOptions drafting;                     // needs a decoder with more logit rows than max_sequences
  // The answers of a step draw their tokens on these threads at the same time. Null = one after the other. Outlives the
  // engine, and is used by nobody else while it steps (the decoder may: they take turns).
  ThreadPool* pool = nullptr;
  // Energy that the machine has used, in nanowatt-hours from any fixed point. Empty = it is not measured.
  std::function<std::uint64_t()> energy;
  // Seconds, from any fixed point. Empty = the system's monotonic clock.
  std::function<double()> clock;
};

// Never fall.
struct EngineCounters {
  std::uint64_t steps = 0;
  std::uint64_t prefilled_tokens = 0;
  std::uint64_t sampled_tokens = 0;
  std::uint64_t reused_tokens = 0;    // taken from cached prefixes
  std::uint64_t drafted_tokens = 0;   // guessed and run
  std::uint64_t accepted_tokens = 0;  // guessed and drawn: part of sampled_tokens
  std::uint64_t embeddings = 0;       // finished
  std::uint64_t expired = 0;          // requests whose deadline passed while they waited
  std::uint64_t prefix_hits = 0;      // requests that continued a cached prefix
  std::uint64_t prefix_misses = 0;    // that might have, and found none

  void add(const EngineCounters& other);
};

// How things stand between two steps.
struct EngineStatus {
  std::size_t waiting = 0;         // requests
  std::size_t running = 0;         // requests
  std::uint32_t sequences = 0;     // of max_sequences, those that the running requests hold
  std::size_t kv_blocks_used = 0;  // of all groups of layers; kept prefixes count
  std::size_t kv_blocks_total = 0;
  std::uint64_t prefix_tokens = 0;    // positions of kept prefixes
  std::uint32_t batch_tokens = 0;     // of the last batch
  std::uint32_t batch_sequences = 0;  // of the last batch
};

class Engine {
 public:
  // Borrows the decoder and the tokenizer, which outlive the engine. Error: invalid (options that contradict the
  // decoder).
  static Result<std::unique_ptr<Engine>> create(Decoder& decoder, const text::Tokenizer& tokenizer,
                                                EngineOptions options = {});
  // Bytes that an engine sets aside beside its decoder's: rows of logits and of hidden states, those for scoring
  // prompts, and what the sampler counts. `logit_rows`: of the decoder.
  static std::uint64_t bytes_needed(std::uint32_t vocab, std::uint32_t width, std::uint32_t logit_rows,
                                    std::uint32_t chunk);
  ~Engine();
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;

  // Checks the request and puts it in the queue. Errors: as `validate`; exhausted if the whole cache is too small for
  // it.
  Result<RequestId> submit(Request request, EventSink sink);
  // The same for an embedding, which runs in the same batches.
  Result<RequestId> submit(EmbedRequest request, EventSink sink);
  // Ends a request at the beginning of the next step; its unfinished choices report FinishReason::cancelled. False if
  // there is no such request (any more).
  bool cancel(RequestId id);
  // Runs one batch. True while there is more to do.
  bool step();
  // Requests that wait or run.
  std::size_t pending() const;

  // submit, and step until it has finished; other requests move on as well. `cancelled`, if given, is looked at between
  // steps (a signal handler may set it). The sink sees every event; the error, if any, is returned as well.
  Result<> run(Request request, const EventSink& sink, const std::atomic<bool>* cancelled = nullptr);

  // Forgets all cached prefixes (of one tenant).
  void drop_cached();
  void drop_cached(const std::string& tenant);

  const RequestLimits& limits() const;
  const EngineCounters& counters() const;
  EngineStatus status() const;  // cheap: no walk over requests or blocks

 private:
  struct State;
  explicit Engine(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace freehold::engine
