// What the engine keeps between steps. engine.cpp is the outside (queue, cancellation, run), scheduler.cpp the inside
// (admission, one batch, what becomes of its logits), with prompt_reading.cpp, adapter_groups.cpp and work_shares.cpp
// for parts of a step that stand by themselves.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "engine/answer.h"
#include "engine/block_budget.h"
#include "engine/embedding.h"
#include "engine/engine.h"
#include "engine/prefix_cache.h"
#include "engine/prompt_scorer.h"
#include "engine/sampling/chain.h"
#include "engine/sampling/sampler.h"
#include "engine/waiting.h"

namespace freehold::engine {

// A request with everything that belongs to it, from submit to its last event.
struct Job {
  Job(RequestId job_id, Request r, EventSink s)
      : id(job_id), request(std::move(r)), sink(std::move(s)), chain(request.sampling) {}

  RequestId id;
  Request request;
  EventSink sink;
  DefaultChain chain;
  BlockBudget::Blocks blocks;      // promised while it runs
  std::uint64_t positions = 0;     // that the prompt and all answers may come to
  std::unique_ptr<Pooler> pooler;  // of an embedding: the prompt is all there is, answers[0] stands for its sequence
  std::unique_ptr<PromptScorer> scorer;
  std::vector<Answer> answers;  // empty while it waits; only the first while the prompt is prefilled
  Admission admission;
  bool cancelled = false;  // to be ended at the beginning of the next step
  bool failed = false;
  bool embedded = false;  // the vector is out

  // While it runs: the end of the prompt has not been reached, from which every answer draws its first token.
  bool prefilling() const { return answers[0].sampled() == 0; }
  bool finished() const;
  // Sequences that it runs or is to run: all of its answers until the prompt is read, then those that go on.
  std::uint32_t places() const;
  Digest adapter() const;  // zeros: the base model
  // There is nothing after the prompt.
  bool reads_only() const { return pooler != nullptr || request.score_only; }
  // Positions of the prompt that were computed earlier may be left out.
  bool may_continue() const { return scorer == nullptr && (pooler == nullptr || pooler->may_continue()); }
};

struct Engine::State {
  State(Decoder& decoder, const text::Tokenizer& tokenizer, EngineOptions options, RequestLimits limits);

  RequestId enqueue(std::unique_ptr<Job> job);

  // The steps of a step.
  void end_cancelled();
  void end_expired();
  void admit();
  void run_batch();
  void remove_finished();

  // The parts of run_batch.
  void guess();
  void add_decoding();
  void add_prefill();
  // Makes room for `count` tokens after those the answer has in the cache and puts them into the batch.
  bool add_item(Job& job, Answer& answer, std::uint32_t count, model::LogitsWanted logits);
  void group_by_adapter();
  // What the machine worked is measured from begin_work() on, and charged to those in the batch. What follows a step's
  // pass (drawing, events) is charged with the next one.
  void begin_work();
  void measure_work();
  void charge_work();
  void take_hidden();
  void take_logits();
  void embed(Job& job, Answer& answer, std::span<const float> rows);
  void score(Job& job, std::uint32_t begin, std::span<const float> rows);
  void end_with_prompt(Job& job);
  void start_other_answers(Job& job);
  // What an answer draws from a row of logits.
  struct Drawn {
    Result<std::int32_t> token = 0;
    bool closed = false;  // nothing may follow: the answer ends
  };
  Drawn draw(const Job& job, Answer& answer, std::span<const float> row, Sampler& with) const;
  bool draw_ahead();
  bool take(Job& job, Answer& answer, std::span<const float> row, const Drawn& drawn);
  bool sample(Job& job, Answer& answer, std::span<const float> row) {
    return take(job, answer, row, draw(job, answer, row, samplers[0]));
  }
  void sample_guess(Job& job, Answer& answer, std::span<const float> rows, const Drawn* ahead);
  void keep_if_done(Job& job, Answer& answer);

  void start(Job& job);
  model::KvSequence continue_longest_prefix(const Job& job);
  // `try_it` until it does not fail for want of cache blocks or nothing kept is left to give up.
  template <typename Try>
  auto with_evictions(const PrefixCache::Entry* spare, Try try_it);
  void fail_job(Job& job, Error error);
  // What all that runs takes of options.max_sequences.
  std::uint32_t sequences() const;

  Decoder& decoder;
  const text::Tokenizer& tokenizer;
  EngineOptions options;
  RequestLimits limits;
  BlockBudget budget;
  PrefixCache kept;
  bool windows = false;           // some layers forget: a kept sequence cannot be continued from just anywhere
  std::vector<Sampler> samplers;  // one a thread that draws; at least one
  std::uint32_t draft_room;       // guessed tokens a step at most
  Speculation speculation;
  EngineCounters counters;
  RequestId next_id = 1;

  Waiting waiting;
  std::vector<std::unique_ptr<Job>> running;  // in the order of admission

  // The batch under construction; capacity for the largest, so that a step allocates nothing.
  struct Owner {
    Job* job;
    Answer* answer;
  };
  std::vector<model::BatchItem> items;
  std::vector<Owner> owners;         // of items
  std::vector<std::uint32_t> order;  // scratch of group_by_adapter, with the two below
  std::vector<model::BatchItem> ordered_items;
  std::vector<Owner> ordered_owners;
  std::vector<Drawn> drawn;             // by draw_ahead, of items
  std::vector<std::size_t> first_rows;  // of logits, of items
  std::vector<float> logits;            // (rows, V), in the order of the items
  std::vector<float> hidden;            // (chunk, C), likewise; empty until somebody asks for hidden states
  std::size_t hidden_used = 0;
  std::uint32_t batch_tokens = 0;  // of the last one that ran
  std::uint32_t batch_sequences = 0;
  struct Work {
    double clock = 0, seconds = 0;            // of the last look; worked and not charged yet
    std::uint64_t meter = 0, energy_nwh = 0;  // likewise
  };
  Work work;
  std::vector<std::uint64_t> weights, shares;  // scratch of charge_work, of items
  std::vector<float> score_logits;             // (PromptScorer::kRows, V); empty until a prompt is to be scored
};

template <typename Try>
auto Engine::State::with_evictions(const PrefixCache::Entry* spare, Try try_it) {
  auto result = try_it();
  while (!result && result.error().code == Errc::exhausted && kept.evict_one(spare)) result = try_it();
  return result;
}

}  // namespace freehold::engine
