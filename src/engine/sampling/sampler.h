// Chooses the next token: runs a chain over one row of logits, then draws.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/result.h"
#include "engine/request.h"
#include "engine/sampling/candidates.h"
#include "engine/sampling/chain.h"

namespace freehold::engine {

// What a chain may look at beside the logits.
struct SamplerInput {
  std::span<const LogitBias> logit_bias;
  std::span<const std::int32_t> history;  // what the penalties count; ids inside the vocabulary

  // Which tokens may be drawn at all, before any step of the chain. A mask (see Candidates::reset), empty = no mask;
  // and ids that may not. Forbidden tokens are as absent: nothing that is added to a logit brings them back.
  std::span<const std::uint64_t> allowed;
  std::span<const std::int32_t> forbidden;
};

// Scratch memory for one thread; between calls it remembers nothing that changes a result. Allocates only when
// constructed.
class Sampler {
 public:
  explicit Sampler(std::uint32_t vocab);

  // The candidates that the chain leaves, with weights. Errors: corrupt (NaN or +infinity among the logits), invalid
  // (no token has any probability). With a mask, only what Candidates::reset says. Valid until the next call.
  Result<Candidates*> apply(Chain chain, std::span<const float> logits, const SamplerInput& input);

  // The token at `uniform` (0 <= uniform < 1) of the distribution: candidates by falling probability, ties by id,
  // inverse of the running sum.
  Result<std::int32_t> sample(Chain chain, std::span<const float> logits, const SamplerInput& input, double uniform);

 private:
  friend struct SamplerTable;
  void count(std::span<const std::int32_t> history);
  void forget_counts();

  Candidates candidates_;
  std::vector<std::uint32_t> counts_;  // (V): how often in the history; zero between calls
  std::vector<std::int32_t> seen_;     // ids whose count is not zero, in order of appearance
};

}  // namespace freehold::engine
