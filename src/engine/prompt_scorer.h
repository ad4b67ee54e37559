// Log-probabilities of a prompt's own tokens, as an answer's are reported: of the model's own distribution, before any
// sampler. The pass gives hidden states of a chunk; the output matrix is applied to a few of them at a time, so that
// memory does not grow with the chunk.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "engine/engine.h"
#include "engine/event.h"
#include "engine/request.h"
#include "engine/sampling/sampler.h"
#include "text/tokenizer.h"

namespace freehold::engine {

class PromptScorer {
 public:
  static constexpr std::uint32_t kRows = 16;  // of logits at a time, at most

  // Borrows both, which outlive it.
  PromptScorer(const Request& request, const text::Tokenizer& tokenizer);

  // The first token, which nothing stands before.
  void report_first(const EventSink& sink);
  // The token at `position`, given the logits (V) of the position before. Errors: as Sampler::sample.
  Result<> report(std::uint32_t position, std::span<const float> logits, Sampler& sampler, const EventSink& sink);

 private:
  std::string_view bytes_of(std::int32_t token, std::string& bytes) const;

  const Request* request_;            // owner: the engine's record of the request
  const text::Tokenizer* tokenizer_;  // owner: the engine's caller
  std::vector<TokenLogprob> top_;
  std::vector<std::string> bytes_;  // of top_, then of the token itself
};

}  // namespace freehold::engine
