// Speculative decoding as `run`, `serve` and `batch` offer it: the options, and the drafter that they name.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "app/command.h"
#include "app/console.h"
#include "app/open_model.h"
#include "engine/drafting/drafter.h"
#include "engine/drafting/speculation.h"
#include "engine/model_decoder.h"

namespace freehold::app {

struct Loaded;

inline constexpr std::uint32_t kMostDraftTokens = 32;  // what memory plans count with

// --speculative, --draft-tokens.
std::vector<Option> guessing_options();
// These and --draft-model.
std::vector<Option> speculation_options();

// How guesses are made where earlier text is what guesses.
struct Guessing {
  std::uint32_t most = 0;  // tokens of a guess; 0: nothing is guessed
  bool adaptive = true;
  // Guessed tokens a step, of all answers together.
  std::uint32_t a_step() const { return most == 0 ? 0 : kMostDraftTokens; }
};
inline constexpr Guessing kUsualGuessing = {.most = 16, .adaptive = true};  // without any option
Guessing guessing_from(const Arguments& arguments);

// What the options say, with the draft model opened and checked against the model, not loaded.
struct SpeculationChoice {
  Guessing guessing;
  std::optional<CheckedModel> draft_model;
};
// Errors: invalid (options that contradict each other; a draft model with another vocabulary), and those of opening.
Result<SpeculationChoice> speculation_from(const Arguments& arguments, const CheckedModel& model, Console& console);

// A drafter with everything that it stands on.
class Speculator {
 public:
  // Loads the draft model if there is one; `model` is loaded already and outlives the speculator, which shares its
  // threads. Nothing to guess with, if the choice is off.
  static Result<Speculator> create(SpeculationChoice choice, const Loaded& model, const Arguments& arguments,
                                   Console& console);
  engine::DraftOptions options() const { return {drafter_.get(), guessing_.most, guessing_.adaptive}; }
  std::uint32_t most() const { return guessing_.most; }  // rows of logits that the decoder needs for it

 private:
  Guessing guessing_;
  std::unique_ptr<text::Tokenizer> tokenizer_;  // of the draft model, as the next one
  std::unique_ptr<engine::ModelDecoder> decoder_;
  std::unique_ptr<engine::Drafter> drafter_;
};

}  // namespace freehold::app
