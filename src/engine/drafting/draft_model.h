// Guesses by a smaller model with the same vocabulary. It draws with the request's own sampling and the draws that the
// answer itself will use, so that two models of one mind agree at any temperature (Leviathan et al. 2023, "Fast
// Inference from Transformers via Speculative Decoding", with the randomness shared instead of corrected for).
#pragma once

#include <vector>

#include "engine/decoder.h"
#include "engine/drafting/drafter.h"
#include "engine/sampling/sampler.h"
#include "text/tokenizer.h"

namespace freehold::engine {

// Whether both give every token the same number, text and meaning. Error: invalid naming the first difference.
Result<> same_vocabulary(const text::Tokenizer& model, const text::Tokenizer& draft);

class ModelDrafter final : public Drafter {
 public:
  // Borrows the draft model's decoder and tokenizer, which are not used by anybody else at the same time. Where its
  // context or cache end, it has no guesses.
  ModelDrafter(Decoder& decoder, const text::Tokenizer& tokenizer);

  std::unique_ptr<DraftState> start(const Request& request, std::uint32_t limit, std::uint32_t most) override;
  // Reads what is new of the answers (at most a batch of it a call), then writes guesses for all of them together.
  void propose(std::span<DraftQuery> queries) override;
  bool costly() const override { return true; }

 private:
  struct State;
  struct Row {
    DraftQuery* query;
    State* state;
  };
  void catch_up(std::span<DraftQuery> queries);
  bool add(const Row& row, std::uint32_t count, bool logits);
  void run_batch();
  bool guess(const Row& row, std::span<const float> logits);

  Decoder& decoder_;
  const text::Tokenizer& tokenizer_;
  Sampler sampler_;
  std::vector<model::BatchItem> items_;  // the batch under construction
  std::vector<Row> rows_;                // of its logits
  std::vector<Row> ready_;               // rows_ of the batch before
  std::vector<float> logits_;            // (rows, V)
};

}  // namespace freehold::engine
