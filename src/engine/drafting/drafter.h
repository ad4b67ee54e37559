// Speculative decoding: who guesses what an answer will say next. The engine runs a guess through the model in one
// pass and draws every position as it would without it, so a guess decides how fast an answer comes and never what it
// says (docs/adr/0010-speculative-decoding.md). Whatever a drafter writes is allowed: ids outside the vocabulary end
// the guess.
#pragma once

#include <cstdint>
#include <memory>
#include <span>

#include "engine/request.h"

namespace freehold::text::grammar {
class Matcher;
}

namespace freehold::engine {

// What a drafter keeps for one answer.
class DraftState {
 public:
  virtual ~DraftState() = default;
};

// How well founded a guess is; the engine counts for each how often the first token of such a guess is right.
enum class Evidence : std::uint8_t { weak, fair, good, strong };
inline constexpr std::size_t kEvidences = 4;

// One answer's question: what comes after `tokens`?
struct DraftQuery {
  const Request* request = nullptr;
  std::uint32_t choice = 0;
  std::uint32_t sampled = 0;                  // of tokens; so the next one comes of draw number `sampled`
  std::span<const std::int32_t> tokens;       // prompt and answer so far, not empty
  DraftState* state = nullptr;                // what `start` returned for the answer
  text::grammar::Matcher* matcher = nullptr;  // of the request's constraint, behind `tokens`; as it was after any use

  std::span<std::int32_t> draft;  // room for the guess
  std::uint32_t count = 0;        // to be set: tokens written there, 0 = no idea
  Evidence evidence = Evidence::good;
};

// Used by the engine's driver thread. The steady state allocates nothing.
class Drafter {
 public:
  virtual ~Drafter() = default;
  // An answer of up to `limit` tokens begins. Guesses have up to `most` tokens. May return null.
  virtual std::unique_ptr<DraftState> start(const Request& request, std::uint32_t limit, std::uint32_t most) = 0;
  // Answers all questions. Every answer is asked with a longer `tokens` than before, beginning with the same ones.
  virtual void propose(std::span<DraftQuery> queries) = 0;
  // Whether guessing takes time that matters. Then only as much is asked for as is likely to be used; otherwise the
  // engine asks for the most and takes what pays.
  virtual bool costly() const { return false; }
};

}  // namespace freehold::engine
