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
// Writes dgate = dy * up * act'(gate) and dup = dy * act(gate); dgate may be dy.
void gated_backward(Context& context, tensor::Rows dgate, tensor::Rows dup, tensor::ConstRows dy,
                    tensor::ConstRows gate, tensor::ConstRows up, Gate act);
// y = cap * tanh(y / cap)
void softcap_forward(Context& context, tensor::Rows y, float cap);
// dy *= 1 - (y / cap)^2, y being what the forward pass wrote.
void softcap_backward(Context& context, tensor::Rows dy, tensor::ConstRows y, float cap);

}  // namespace freehold::nn
