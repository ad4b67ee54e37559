// What the engine is asked to do: token ids in, sampling, stopping and accounting as plain data. No JSON, no template,
// no message: prompt.h turns a conversation into token ids.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/random.h"
#include "base/result.h"

namespace freehold::text::grammar {
class MaskCache;
}
namespace freehold::text::tools {
struct Constraint;
}

namespace freehold::model {
struct Adapter;
struct Weights;
}  // namespace freehold::model

namespace freehold::engine {

struct LogitBias {
  std::int32_t token = 0;
  double bias = 0;  // added to the token's logit; -infinity forbids it
};

// Which tokens the penalties count.
enum class PenaltyScope : std::uint8_t {
  prompt_and_answer,
  answer,  // what the prompt repeats is free
};

// How the next token is chosen, among those that a constraint allows. Applied in the order of the fields
// (docs/adr/0006-sampling-order.md): bias, repetition, frequency and presence, temperature, top-k, typical, top-p,
// min-p; then one draw. A value that changes nothing is skipped.
struct Sampling {
  std::vector<LogitBias> logit_bias;
  double repetition_penalty =
      1;  // 0.01 … 100. l > 0: l / r, else l * r, once per token seen (Keskar et al. 2019, "CTRL")
  double frequency_penalty = 0;    // -100 … 100. l -= count * f
  double presence_penalty = 0;     // -100 … 100. l -= p if count > 0
  std::uint32_t penalty_last = 0;  // count only the last so many tokens; 0 = all
  PenaltyScope penalty_scope = PenaltyScope::prompt_and_answer;
  double temperature = 1;   // 0 = the likeliest token (ties: lowest id), else 1e-100 … 100
  std::uint32_t top_k = 0;  // keep the k likeliest; 0 = all
  double typical_p = 1;     // 0 < p <= 1 (Meister et al. 2022, "Locally Typical Sampling"); 1 = off
  double top_p = 1;         // 0 < p <= 1 (Holtzman et al. 2019, "nucleus"); 1 = off
  double min_p = 0;         // 0 … 1: keep p_i >= m * p_max; 0 = off
};

struct Request {
  std::vector<std::int32_t> prompt;  // at least one token; the caller has put the bos there if the model wants one
  Sampling sampling;
  std::uint64_t seed = 0;        // of draw_of(): neighbours cannot change it
  std::uint32_t n = 1;           // independent answers to the one prompt
  std::uint32_t max_tokens = 0;  // of each answer; 0 = until the context ends
  // So many tokens are sampled before any that ends the answer may be (those of stop_tokens and end of generation; stop
  // strings are not held up, and a constraint whose text is complete ends it all the same).
  std::uint32_t min_tokens = 0;

  std::vector<std::string> stop;          // the answer ends before any of these; UTF-8, not empty
  std::vector<std::int32_t> stop_tokens;  // the answer ends with any of these
  // Also with those that the tokenizer calls end of generation; under a constraint always.
  bool stop_at_end_of_generation = true;

  // What the text must be, in whole: its tokens come from nowhere else, whatever sampling says, and the end is kept
  // reachable within max_tokens and the context (docs/adr/0015). Null = anything. Shared by all answers; made for the
  // engine's tokenizer. Penalties, bias and log-probabilities keep their meaning.
  std::shared_ptr<text::grammar::MaskCache> constraint;
  // The constraint does not hold from the beginning, but from where one of these triggers completes (a tool call in an
  // answer that is free otherwise); it then includes the trigger. Null = from the beginning. Needs `constraint`; of
  // kind lazy.
  std::shared_ptr<const text::tools::Constraint> constraint_start;
  // Control tokens that are part of the answer's text, as what they spell; sorted.
  std::vector<std::int32_t> shown_tokens;

  // The log-probability of each sampled token and of so many of the likeliest (0 = only the sampled one). They are of
  // the model's own distribution: before bias, penalties, temperature and filters.
  std::optional<std::uint32_t> logprobs;

  bool text_starts =
      false;  // the answer begins a text: drop the space that SentencePiece puts first (DecodeOptions::at_start)
  bool render_special = false;  // control tokens of the answer appear as text
  // Null = the base model. Whoever asks holds it, so it may be detached anywhere meanwhile. Made for the decoder's
  // model.
  std::shared_ptr<const model::Adapter> adapter;
  // What the answer is expected to be, for whoever guesses ahead: decides how fast it comes, and nothing else.
  std::vector<std::int32_t> expected;
  std::string tenant;  // cached prefixes are shared only within one tenant

  // The log-probability of each token of the prompt given those before it, and of so many of the likeliest, reported
  // before the answer. All of the prompt is computed then: nothing is taken from cached prefixes.
  std::optional<std::uint32_t> prompt_logprobs;
  // Of `n` answers that are asked for in several requests: the number of this one's first. Draws depend on it, events
  // do not.
  std::uint32_t first_choice = 0;
  bool score_only = false;  // no answer: choices end (FinishReason::length) where the prompt does; max_tokens is 0

  // Whose turn it is among those that wait (waiting.h). 0 = normal; below it, background: batches, fine-tuning jobs.
  std::int32_t priority = 0;  // -100 … 100
  // A request that still waits so long after submit fails (exhausted, "busy"). 0 = never.
  double deadline_seconds = 0;  // 0 … 1e9
};

// Draw i of choice c (docs/adr/0006): choice c is what a request of its own with the seed `seed + c` gets.
inline double draw_of(const Request& request, std::uint64_t c, std::uint64_t i) {
  return uniform_draw(request.seed + c, 0, i);
}

inline constexpr std::uint32_t kMaxLogprobs = 100;
inline constexpr std::size_t kMaxStopStrings = 64;
inline constexpr std::size_t kMaxStopBytes = 4096;  // of one stop string

// What a request is checked against.
struct RequestLimits {
  std::uint32_t vocab = 0;
  std::uint32_t context = 0;                // positions of one sequence
  std::uint32_t max_choices = 0;            // of one request
  std::uint32_t width = 0;                  // of a hidden state; 0 = the decoder gives none
  const model::Weights* weights = nullptr;  // which adapters must be for; null = the decoder takes no adapters
  std::uint32_t max_rank = 0;               // of an adapter
};

// Errors: invalid naming the field, its value and the legal range; exhausted if prompt and answer exceed the context,
// with both numbers; for an adapter see check_adapter. Nothing is clamped, cut or ignored.
Result<> validate(const Request& request, const RequestLimits& limits);

// The part of it that all kinds of requests share: at least one token, and every id inside the vocabulary.
Result<> check_prompt(const std::vector<std::int32_t>& prompt, const RequestLimits& limits);

// Errors: unsupported if the decoder takes no adapters; invalid for one of another model or without a digest; exhausted
// for a rank that there is no room for.
Result<> check_adapter(const model::Adapter* adapter, const RequestLimits& limits);

// Its place in the queue: priority and deadline.
Result<> check_waiting(std::int32_t priority, double deadline_seconds);

// How many tokens each answer may have: max_tokens, or what the context leaves. For a request that `validate` accepts.
std::uint32_t answer_limit(const Request& request, const RequestLimits& limits);

}  // namespace freehold::engine
