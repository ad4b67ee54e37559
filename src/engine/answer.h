// One answer of a request while it grows: its tokens, its place in the cache, and what becomes of a sampled token
// (text, stop, log-probabilities, events).
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "engine/allowed_tokens.h"
#include "engine/drafting/draft.h"
#include "engine/engine.h"
#include "engine/event.h"
#include "engine/request.h"
#include "engine/stop_matcher.h"
#include "model/kv_cache.h"
#include "text/detokenizer.h"
#include "text/tokenizer.h"

namespace freehold::engine {

// What an answer reports about its request.
struct Admission {
  std::uint32_t cached_tokens = 0;
  double submitted = 0;  // seconds of the engine's clock
  double admitted = 0;
};

class Answer {
 public:
  // Borrows everything; `request` and `tokenizer` outlive the answer. Allocates all that decoding will need.
  Answer(const Request& request, const text::Tokenizer& tokenizer, std::uint32_t index, std::uint32_t limit);

  std::uint32_t index() const { return index_; }
  bool done() const { return done_; }
  std::uint32_t sampled() const { return sampled_; }
  std::uint32_t left() const { return limit_ - sampled_; }          // tokens that it may still have
  std::span<const std::int32_t> tokens() const { return tokens_; }  // prompt, then what was sampled
  std::span<const std::int32_t> history() const;                    // what the penalties count
  text::grammar::Matcher* matcher() { return allowed_.matcher(); }  // null while there is no constraint
  std::vector<std::int32_t> take_tokens() { return std::move(tokens_); }

  // Takes the next token, sampled from `logits` at time `now`, and reports what follows from it. Error: exhausted (the
  // constraint); nothing is reported then.
  Result<> accept(std::int32_t token, std::span<const float> logits, double now, const Admission& admission,
                  const EventSink& sink);
  // What may be drawn next, see AllowedTokens. If it is false, `end` must follow.
  Result<bool> narrow(SamplerInput& input) { return allowed_.narrow(input, sampled_, left()); }
  // Whether the token that was drawn may be taken; otherwise another must be drawn.
  bool admits(std::int32_t token) { return ends_answer(token) || allowed_.admits(token); }
  // Ends the answer because nothing may follow.
  void end(const Admission& admission, const EventSink& sink);
  // Ends the answer as it stands.
  void cancel(const Admission& admission, const EventSink& sink);
  // The prompt was read at time `now`, and no answer is wanted.
  void end_with_prompt(double now, const Admission& admission, const EventSink& sink);

  model::KvSequence sequence;
  Draft draft;
  std::uint64_t compute_us = 0;             // see Usage
  std::optional<std::uint64_t> energy_nwh;  // likewise

 private:
  void report_logprobs(std::int32_t token, std::span<const float> logits, const EventSink& sink);
  bool ends_answer(std::int32_t token) const;
  void emit(const EventSink& sink);
  void finish(FinishReason reason, const Admission& admission, const EventSink& sink, std::int32_t stop_token = -1);
  Usage usage(const Admission& admission) const;

  const Request* request_;            // owner: the engine's record of the request
  const text::Tokenizer* tokenizer_;  // owner: the engine's caller
  std::uint32_t index_;
  std::uint32_t limit_;
  std::uint32_t sampled_ = 0;
  bool done_ = false;
  bool prompt_read_ = false;
  double first_time_ = 0;
  double last_time_ = 0;
  std::vector<std::int32_t> tokens_;
  AllowedTokens allowed_;
  text::Detokenizer detokenizer_;
  StopMatcher stops_;
  std::size_t stop_found_ = StopMatcher::kNone;
  std::string decoded_;  // scratch: text of one token
  std::string text_;     // scratch: text that may be sent
  std::vector<TokenLogprob> top_;
  std::vector<std::string> bytes_;  // of top_, then of the sampled token
};

}  // namespace freehold::engine
