#include "train/optimiser.h"

#include "train/adamw.h"
#include "train/adamw_8bit.h"

namespace freehold::train {

std::unique_ptr<Optimiser> make_optimiser(const Recipe& recipe, std::span<const Parameter> parameters) {
  const AdamWOptions options{recipe.adam_beta1, recipe.adam_beta2, recipe.adam_epsilon, recipe.weight_decay};
  if (recipe.optimizer == Optimizer::adamw_8bit) return std::make_unique<AdamW8bit>(options, parameters);
  return std::make_unique<AdamW>(options, parameters);
}

std::uint64_t optimiser_bytes(const Recipe& recipe, std::uint64_t elements) {
  if (recipe.optimizer == Optimizer::adamw_8bit) {
    return 2 * (elements + elements / AdamW8bit::kBlock * sizeof(float));
  }
  return 2 * sizeof(float) * elements;
}

}  // namespace freehold::train
