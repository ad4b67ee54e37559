// Speculative decoding as `run` offers it: the options, and the drafter that they name.
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

// --speculative, --draft-model, --draft-tokens.
std::vector<Option> speculation_options();

// What the options say, with the draft model opened and checked against the model, not loaded.
struct SpeculationChoice {
  bool on = false;
  bool adaptive = true;
  std::uint32_t most = 0;  // guessed tokens a step; 0 when off
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
  engine::DraftOptions options() const { return {drafter_.get(), most_, adaptive_}; }
  std::uint32_t most() const { return most_; }  // rows of logits that the decoder needs for it

 private:
  std::uint32_t most_ = 0;
  bool adaptive_ = true;
  std::unique_ptr<text::Tokenizer> tokenizer_;  // of the draft model, as the next one
  std::unique_ptr<engine::ModelDecoder> decoder_;
  std::unique_ptr<engine::Drafter> drafter_;
};

}  // namespace freehold::app
