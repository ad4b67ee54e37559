// What the engine reports. A request's events are: one Started, any PromptLogprobs, any number of TextDelta and
// TokenLogprobs, and at the end one Finished for each choice, or one Failed for the whole request (perhaps after some
// choices' Finished). A request that is cancelled while it waits gets its Finished without a Started. Those of an
// EmbedRequest are in embedding.h.
//
// Views and spans are valid until the callback returns.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <variant>

#include "base/result.h"

namespace freehold::engine {

using RequestId = std::uint64_t;

// The request has left the queue.
struct Started {
  std::uint32_t prompt_tokens = 0;
  std::uint32_t cached_tokens = 0;  // of these, taken from an earlier sequence with the same beginning
};

// More text of a choice: whole UTF-8 characters, never empty, never a part of a stop string.
struct TextDelta {
  std::uint32_t choice = 0;
  std::string_view text;
};

struct TokenLogprob {
  std::int32_t token = 0;
  double logprob = 0;      // natural logarithm
  std::string_view bytes;  // what the token adds to the text; need not be whole characters
};

// A token was sampled (only if the request asks for logprobs). Comes before the text it adds to, and also for tokens
// whose text turns out to belong to a stop string; not for the token that ends the answer.
struct TokenLogprobs {
  std::uint32_t choice = 0;
  TokenLogprob sampled;
  std::span<const TokenLogprob> top;  // by falling probability, ties by id
};

enum class FinishReason : std::uint8_t {
  stop,       // a stop token, a stop string, or a constraint whose text is complete so that nothing may follow
  length,     // max_tokens, or the end of the context; or the limit has steered the answer to its end (Finished)
  cancelled,  // somebody called cancel
};

std::string_view name_of(FinishReason reason);

struct Usage {
  std::uint32_t prompt_tokens = 0;
  std::uint32_t cached_tokens = 0;
  std::uint32_t completion_tokens = 0;  // sampled, with the one that ended the answer
  std::uint32_t drafted_tokens = 0;     // guessed and run through the model
  std::uint32_t accepted_tokens = 0;    // of these, those that were drawn: they came without a step of their own
  double queue_seconds = 0;             // submit to admission
  double prefill_seconds = 0;           // admission to the first sampled token
  double decode_seconds = 0;            // first sampled token to the last
  // This answer's share of what the machine worked, in microseconds: the time of every step is split among the answers
  // of its batch by the tokens they had in it, so that the shares of a step add up to it exactly. What the prompt took
  // is the first answer's.
  std::uint64_t compute_us = 0;
  std::optional<std::uint64_t> energy_nwh;  // the same of the energy, in nanowatt-hours, where it is measured
};

struct Finished {
  std::uint32_t choice = 0;
  FinishReason reason = FinishReason::stop;
  std::string_view stop_string;  // the one that ended the answer, or empty
  std::int32_t stop_token = -1;  // the one that ended the answer, or -1
  // Under a constraint, the limit (max_tokens or the context) forbade tokens that the constraint alone would have
  // allowed, so that the text could still be completed. Then the reason is `length`, though the text is complete and
  // perhaps ended by a token: it might have gone on. Only a stop string (`stop`) and cancel keep their reason.
  bool steered = false;
  // Under a constraint, the limit came before the text was complete: even its shortest form does not fit (see
  // fewest_tokens), or the vocabulary cannot write it. The text is the beginning of a valid one; the reason is
  // `length`.
  bool cannot_complete = false;
  Usage usage;
  std::span<const std::int32_t> tokens;  // the prompt's, then all that were sampled
};

struct Failed {
  Error error;
};

// The vector of an EmbedRequest (embedding.h), and its last event.
struct Embedded {
  std::span<const float> vector;  // of length 1
  Usage usage;                    // of the prompt: there is no answer
};

// A token of the prompt (only if the request asks for prompt_logprobs): one event each, in order, after Started and
// before anything of the answer. Nothing stands before the one at position 0: its logprob is NaN, and there is no top.
struct PromptLogprobs {
  std::uint32_t position = 0;
  TokenLogprob token;
  std::span<const TokenLogprob> top;  // by falling probability, ties by id
};

using Event = std::variant<Started, TextDelta, TokenLogprobs, Finished, Failed, Embedded, PromptLogprobs>;

}  // namespace freehold::engine
