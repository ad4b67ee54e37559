// What turns gradients into new values, whatever the rule, and what a checkpoint keeps of it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/thread_pool.h"
#include "train/parameter.h"
#include "train/recipe.h"

namespace freehold::train {

class Optimiser {
 public:
  // One of its arrays, as bytes to be written to a checkpoint and read back into place.
  struct State {
    std::string name;
    std::span<std::byte> bytes;  // owner: the optimiser
  };

  virtual ~Optimiser() = default;
  // One update from the gradients as they are. The parameters are those that it was made for.
  virtual void step(ThreadPool& pool, std::span<Parameter> parameters, double learning_rate) = 0;
  virtual std::uint64_t steps() const = 0;
  virtual void set_steps(std::uint64_t steps) = 0;  // as a checkpoint has it
  virtual std::vector<State> state() = 0;
  virtual std::uint64_t bytes() const = 0;  // of its states
};

// The one that the recipe names, for these parameters, whose number and sizes stay.
std::unique_ptr<Optimiser> make_optimiser(const Recipe& recipe, std::span<const Parameter> parameters);
// Bytes of its states for a parameter of so many elements.
std::uint64_t optimiser_bytes(const Recipe& recipe, std::uint64_t elements);

}  // namespace freehold::train
