// Guesses from a script: what a measurement or a test knows the answer to be, or something else on purpose.
#pragma once

#include <vector>

#include "engine/drafting/drafter.h"

namespace freehold::engine {

class ScriptedDrafter final : public Drafter {
 public:
  // `script`: the tokens of the answer, from its first.
  explicit ScriptedDrafter(std::vector<std::int32_t> script) : script_(std::move(script)) {}
  // The same with every `every`th token replaced by its neighbour in the vocabulary.
  static std::vector<std::int32_t> spoiled(std::vector<std::int32_t> script, std::size_t every, std::uint32_t vocab);

  std::unique_ptr<DraftState> start(const Request&, std::uint32_t, std::uint32_t) override { return nullptr; }
  void propose(std::span<DraftQuery> queries) override;

 private:
  std::vector<std::int32_t> script_;
};

}  // namespace freehold::engine
