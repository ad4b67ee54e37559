#include "engine/answer.h"

#include <algorithm>

#include "engine/sampling/logprobs.h"

namespace freehold::engine {
namespace {

constexpr std::size_t kTextCapacity = 256;  // bytes that a token's text rarely exceeds

text::DecodeOptions decode_options(const Request& request) {
  text::DecodeOptions options;
  options.render_special = request.render_special;
  options.shown = request.shown_tokens;
  // Under a constraint the text is what the constraint says, to the byte.
  options.at_start = request.text_starts && (!request.constraint || request.constraint_start);
  options.clean_up_spaces = false;  // what the model wrote, not a prettier version of it
  return options;
}

}  // namespace

Answer::Answer(const Request& request, const text::Tokenizer& tokenizer, std::uint32_t index, std::uint32_t limit)
    : request_(&request),
      tokenizer_(&tokenizer),
      index_(index),
      limit_(limit),
      allowed_(request, tokenizer),
      detokenizer_(tokenizer, decode_options(request)),
      stops_(request.stop) {
  tokens_.reserve(request.prompt.size() + limit);
  tokens_ = request.prompt;
  decoded_.reserve(kTextCapacity);
  text_.reserve(kTextCapacity);
  if (request.logprobs) {
    top_.resize(*request.logprobs);
    bytes_.resize(*request.logprobs + std::size_t{1});
  }
}

std::span<const std::int32_t> Answer::history() const {
  const Sampling& s = request_->sampling;
  std::span<const std::int32_t> all = tokens_;
  if (s.penalty_scope == PenaltyScope::answer) all = all.subspan(request_->prompt.size());
  if (s.penalty_last != 0 && all.size() > s.penalty_last) all = all.last(s.penalty_last);
  return all;
}

bool Answer::ends_answer(std::int32_t token) const {
  if (std::find(request_->stop_tokens.begin(), request_->stop_tokens.end(), token) != request_->stop_tokens.end())
    return true;
  if (allowed_.is_end(token)) return true;
  return request_->stop_at_end_of_generation && tokenizer_->contains(token) && tokenizer_->ends_generation(token);
}

Result<> Answer::accept(std::int32_t token, std::span<const float> logits, double now, const Admission& admission,
                        const EventSink& sink) {
  const bool ends = ends_answer(token);
  if (!ends) FH_TRY_VOID(allowed_.accept(token));
  if (sampled_ == 0) first_time_ = now;
  prompt_read_ = true;
  last_time_ = now;
  ++sampled_;
  tokens_.push_back(token);
  if (ends) {
    finish(FinishReason::stop, admission, sink, token);
    return {};
  }

  if (request_->logprobs) report_logprobs(token, logits, sink);
  decoded_.clear();
  // A model may have more rows than the tokenizer has tokens (padding): such a token has no text.
  if (tokenizer_->contains(token)) (void)detokenizer_.push(token, decoded_);
  stop_found_ = stops_.push(decoded_, text_);
  if (stop_found_ != StopMatcher::kNone || allowed_.at_end()) {
    finish(FinishReason::stop, admission, sink);
  } else if (sampled_ == limit_) {
    finish(FinishReason::length, admission, sink);
  } else {
    emit(sink);
  }
  return {};
}

void Answer::end(const Admission& admission, const EventSink& sink) {
  finish(allowed_.incomplete() ? FinishReason::length : FinishReason::stop, admission, sink);
}

void Answer::cancel(const Admission& admission, const EventSink& sink) {
  finish(FinishReason::cancelled, admission, sink);
}

void Answer::end_with_prompt(double now, const Admission& admission, const EventSink& sink) {
  first_time_ = last_time_ = now;
  prompt_read_ = true;
  finish(FinishReason::length, admission, sink);
}

void Answer::report_logprobs(std::int32_t token, std::span<const float> logits, const EventSink& sink) {
  double log_sum = log_sum_exp(logits);
  top_logprobs(logits, log_sum, top_);
  auto bytes_of = [&](std::int32_t id, std::string& bytes) -> std::string_view {
    bytes = tokenizer_->contains(id) ? tokenizer_->token_bytes(id) : std::string();
    return bytes;
  };
  for (std::size_t i = 0; i < top_.size(); ++i) top_[i].bytes = bytes_of(top_[i].token, bytes_[i]);
  double logprob = logprob_of(logits[static_cast<std::size_t>(token)], log_sum);
  TokenLogprob sampled{token, logprob, bytes_of(token, bytes_.back())};
  sink(TokenLogprobs{index_, sampled, top_});
}

void Answer::emit(const EventSink& sink) {
  if (!text_.empty()) sink(TextDelta{index_, text_});
  text_.clear();
}

void Answer::finish(FinishReason reason, const Admission& admission, const EventSink& sink, std::int32_t stop_token) {
  if (stop_found_ == StopMatcher::kNone) {
    // What was held back is text now, unless it completes a stop string after all.
    decoded_.clear();
    // A part of a character is no beginning of a text that the constraint allows.
    if (!allowed_.constrained()) detokenizer_.finish(decoded_);
    stop_found_ = stops_.push(decoded_, text_);
    if (stop_found_ == StopMatcher::kNone) {
      stops_.finish(text_);
    } else if (reason == FinishReason::length) {
      reason = FinishReason::stop;
    }
  }
  // The end was not the text's own. A stop string's is the caller's wish.
  if (reason == FinishReason::stop && stop_found_ == StopMatcher::kNone && allowed_.steered())
    reason = FinishReason::length;
  done_ = true;
  emit(sink);
  Finished event;
  event.choice = index_;
  event.reason = reason;
  if (stop_found_ != StopMatcher::kNone) event.stop_string = request_->stop[stop_found_];
  event.stop_token = stop_token;
  event.steered = allowed_.steered();
  event.cannot_complete = reason == FinishReason::length && allowed_.incomplete();
  event.usage = usage(admission);
  event.tokens = tokens_;
  sink(event);
}

Usage Answer::usage(const Admission& admission) const {
  Usage u;
  u.prompt_tokens = static_cast<std::uint32_t>(request_->prompt.size());
  u.cached_tokens = admission.cached_tokens;
  u.completion_tokens = sampled_;
  u.drafted_tokens = draft.drafted;
  u.accepted_tokens = draft.accepted;
  u.compute_us = compute_us;
  u.energy_nwh = energy_nwh;
  u.queue_seconds = admission.admitted - admission.submitted;
  if (prompt_read_) {
    u.prefill_seconds = first_time_ - admission.admitted;
    u.decode_seconds = last_time_ - first_time_;
  }
  return u;
}

}  // namespace freehold::engine
