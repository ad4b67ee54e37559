#include "engine/prompt_scorer.h"

#include <limits>

#include "engine/sampling/logprobs.h"

namespace freehold::engine {

PromptScorer::PromptScorer(const Request& request, const text::Tokenizer& tokenizer)
    : request_(&request), tokenizer_(&tokenizer), top_(request.prompt_logprobs.value_or(0)), bytes_(top_.size() + 1) {}

std::string_view PromptScorer::bytes_of(std::int32_t token, std::string& bytes) const {
  bytes = tokenizer_->contains(token) ? tokenizer_->token_bytes(token) : std::string();
  return bytes;
}

void PromptScorer::report_first(const EventSink& sink) {
  const std::int32_t token = request_->prompt[0];
  sink(PromptLogprobs{
      0, {token, std::numeric_limits<double>::quiet_NaN(), bytes_of(token, bytes_.back())}, std::span(top_).first(0)});
}

Result<> PromptScorer::report(std::uint32_t position, std::span<const float> logits, Sampler& sampler,
                              const EventSink& sink) {
  // Drawing greedily checks the row, with the errors that an answer would get.
  constexpr SamplerStep kGreedy{SamplerKind::temperature, 0};
  FH_TRY_VOID(sampler.sample({&kGreedy, 1}, logits, {}, 0));
  const double log_sum = log_sum_exp(logits);
  top_logprobs(logits, log_sum, top_);
  for (std::size_t i = 0; i < top_.size(); ++i) top_[i].bytes = bytes_of(top_[i].token, bytes_[i]);
  const std::int32_t token = request_->prompt[position];
  const double logprob = double{logits[static_cast<std::size_t>(token)]} - log_sum;
  sink(PromptLogprobs{position, {token, logprob, bytes_of(token, bytes_.back())}, top_});
  return {};
}

}  // namespace freehold::engine
