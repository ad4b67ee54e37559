// Which tokens an answer may take next: those that its constraint allows (text/grammar, docs/adr/0015), and until
// min_tokens none that would end it. A constraint may begin later, where a trigger completes: a token that runs past
// the trigger with what the constraint forbids is then refused, and another one is drawn. One answer's state; what it
// shares is the request's MaskCache.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "base/result.h"
#include "engine/request.h"
#include "engine/sampling/sampler.h"
#include "text/grammar/matcher.h"
#include "text/tokenizer.h"
#include "text/tools/constraint.h"

namespace freehold::engine {

class AllowedTokens {
 public:
  // Without a constraint and min_tokens it holds nothing and allows everything.
  AllowedTokens(const Request& request, const text::Tokenizer& tokenizer);

  // Sets what the sampler may draw as token number `sampled` of an answer that may still have `left` (at least 1).
  // False if nothing may come: the answer ends as it is. Error: exhausted (a grammar so ambiguous that a step takes too
  // much work). Valid until the next call.
  Result<bool> narrow(SamplerInput& input, std::uint32_t sampled, std::uint32_t left);
  // Whether the token that was drawn may be taken. If not, narrow() must be asked again: the token is now forbidden.
  bool admits(std::int32_t token);
  // A token was drawn that does not end the answer. Error: as narrow().
  Result<> accept(std::int32_t token);

  bool constrained() const { return matcher_ != nullptr && !start_; }
  // For guesses, which may be tried and taken back; null unless constrained.
  text::grammar::Matcher* matcher() { return constrained() ? matcher_.get() : nullptr; }
  // Ends the answer because the constraint says so.
  bool is_end(std::int32_t token) const;
  // The text is complete and nothing may follow.
  bool at_end() { return constrained() && matcher_->at_end(); }
  bool incomplete() const { return constrained() && !matcher_->accepting(); }
  // The limit has forbidden a token that the constraint alone would have allowed.
  bool steered() const { return steered_; }

 private:
  const text::grammar::VocabularyIndex& vocabulary() const { return matcher_->cache().vocabulary(); }
  bool admits(std::int32_t token, text::tools::LazyStart& start);
  void refuse(std::int32_t token);

  std::unique_ptr<text::grammar::Matcher> matcher_;
  std::vector<std::uint64_t> mask_;
  std::uint32_t min_tokens_ = 0;
  std::vector<std::int32_t> enders_;     // that would end the answer; with a constraint or min_tokens
  std::vector<std::int32_t> end_marks_;  // of these, stop tokens without text: as end tokens of the constraint
  bool steered_ = false;

  // Until the constraint has begun.
  std::optional<text::tools::LazyStart> start_;
  std::optional<text::tools::LazyStart> next_start_;  // behind the token that admits() was asked about
  bool begins_ = false;                               // with that token; the matcher has its text
  const text::Tokenizer* tokenizer_ = nullptr;        // owner: the engine's caller
  std::span<const std::int32_t> shown_;               // owner: the request
  std::vector<std::int32_t> refused_;                 // of this draw
  std::vector<std::int32_t> forbidden_;               // scratch: refused_ and what min_tokens forbids
};

// The least max_tokens with which an answer under the constraint is certain to be complete. Error: unsupported if the
// vocabulary cannot write what the constraint asks for.
Result<std::uint32_t> fewest_tokens(const std::shared_ptr<text::grammar::MaskCache>& constraint);

}  // namespace freehold::engine
