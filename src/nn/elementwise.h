// Row-wise operations between the linear layers.
#pragma once

#include <cstdint>

#include "nn/context.h"
#include "tensor/view.h"

namespace freehold::nn {

enum class Gate : std::uint8_t { silu, gelu_tanh };

// y += x
void add_forward(Context& context, tensor::Rows y, tensor::ConstRows x);
// y = act(gate) * up; y may be gate.
void gated_forward(Context& context, tensor::Rows y, tensor::ConstRows gate, tensor::ConstRows up, Gate act);
// y = cap * tanh(y / cap)
void softcap_forward(Context& context, tensor::Rows y, float cap);

}  // namespace freehold::nn
