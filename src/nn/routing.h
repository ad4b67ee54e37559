// Who of a mixture's experts takes a token (Shazeer et al. 2017; Jiang et al. 2024, Mixtral): softmax over all of the
// router's logits, the best of them, their parts renormalised to sum 1.
#pragma once

#include <cstdint>

#include "nn/context.h"
#include "tensor/view.h"

namespace freehold::nn {

// share (T, E) holds the router's logits and gets each expert's share: 0 for those that are not among the `used`
// largest of their row (ties: the lower index).
void routing_forward(Context& context, tensor::Rows share, std::uint32_t used);
// dshare (T, E) holds the gradient of the shares and gets that of the logits. The choice has none, and what softmax
// over all divides by cancels in renormalising, so over the chosen it is a softmax of their own: share[e] * (dshare[e]
// - the sum of share * dshare over the row), 0 for the others. Sums in increasing expert index.
void routing_backward(Context& context, tensor::Rows dshare, tensor::ConstRows share);

}  // namespace freehold::nn
