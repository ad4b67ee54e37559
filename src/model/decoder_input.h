// What goes into the first decoder block: embedded tokens and the angles of their positions. Serving and training share
// it.
#pragma once

#include <cstdint>
#include <span>

#include "model/adapter.h"
#include "model/spec.h"
#include "model/weights.h"
#include "nn/context.h"
#include "tensor/view.h"

namespace freehold::model {

// x (T, C): the tokens' rows of the embedding, with the adapter's part if there is one (null: none), scaled as the Spec
// says. The ids are below V. Takes nn::lookup_workspace for an adapter.
void embed(nn::Context& context, const Spec& spec, const Weights& weights, std::span<const std::int32_t> tokens,
           tensor::Rows x, const Adapter* adapter);

// Cosines and sines of each of the Spec's ropes for the rows' positions, in the workspace.
class Angles {
 public:
  struct Table {
    float* cos;  // (T, n)
    float* sin;
  };
  Angles(nn::Context& context, const Spec& spec, std::span<const std::uint32_t> positions);
  const Table& operator[](std::size_t rope) const { return tables_[rope]; }

 private:
  static constexpr std::size_t kMostRopes = 4;  // families have one or two
  Table tables_[kMostRopes];
};

// Workspace bytes of Angles for T rows.
std::size_t angles_cost(const Spec& spec, std::size_t T);

}  // namespace freehold::model
