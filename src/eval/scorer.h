// Log-probabilities of given continuations, with everything that texts have in common computed once.
//
// 1. An item is a beginning and some tails behind it (the choices). The beginning is run once, each tail forks its
// cache.
// 2. Items that follow one another and begin alike (the examples before every question of a subject) share that part:
//    it is run once for all of them.
// 3. A tail's last token is never run, and the output matrix is applied only where a log-probability is wanted; so four
//    choices of one token each cost one row of logits.
// 4. What comes out does not depend on any of this (numerics version 1): every log-probability has the bits that
// running
//    the whole text alone gives.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "base/result.h"
#include "base/thread_pool.h"
#include "engine/decoder.h"

namespace freehold::model {
struct Adapter;
}

namespace freehold::eval {

// A text to be scored: the log-probabilities of tokens[first …], each given all before it. 0 < first < tokens.size().
struct Scored {
  std::vector<std::int32_t> tokens;
  std::uint32_t first = 0;
};

struct ScoreItem {
  std::vector<std::int32_t> prefix;  // what all texts begin with
  struct Tail {
    std::vector<std::int32_t> tokens;  // what comes behind; at least one
    std::uint32_t first = 0;           // as Scored::first, counted from the beginning of the prefix
  };
  std::vector<Tail> tails;
};
// Splits off what the texts have in common. At least one text.
ScoreItem make_score_item(std::span<const Scored> texts);

struct Score {
  double logprob = 0;        // sum over the scored tokens, in order
  std::uint32_t tokens = 0;  // that were scored
  bool greedy = true;        // each was the likeliest (ties: lowest id)
  bool operator==(const Score&) const = default;
};

struct ScoreStats {
  std::uint64_t computed = 0;  // tokens run through the model
  std::uint64_t saved = 0;     // more that running each text alone would have taken
  std::uint64_t rows = 0;      // of logits
  void add(const ScoreStats& other) {
    computed += other.computed;
    saved += other.saved;
    rows += other.rows;
  }
};

// What `run` will compute for these items, without a model.
ScoreStats plan_scores(std::span<const ScoreItem> items);

// Used by one thread.
class Scorer {
 public:
  // Borrows all; they outlive it. The decoder must give hidden states. `pool` sums rows of logits, and is not used by
  // anybody else while run() is under way but the decoder.
  Scorer(engine::Decoder& decoder, ThreadPool& pool, std::shared_ptr<const model::Adapter> adapter = {});
  ~Scorer();

  // `done(i, scores)` in the order in which items are finished (the items' own, but for neighbours). Errors: exhausted
  // (an item longer than the context or than the whole cache: checked before anything is run), cancelled (`stop` was
  // set), internal (logits that are no numbers), and what `done` returns.
  using Done = std::function<Result<>(std::size_t item, std::span<const Score> scores)>;
  Result<> run(std::span<const ScoreItem> items, const Done& done, const std::atomic<bool>* stop = nullptr);
  const ScoreStats& stats() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace freehold::eval
