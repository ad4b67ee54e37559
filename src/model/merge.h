// An adapter folded into its base's weights: W' = W + s B A, for DoRA m / |W + s B A| times that, row by row.
#pragma once

#include <vector>

#include "base/result.h"
#include "base/thread_pool.h"
#include "model/adapter_values.h"
#include "tensor/view.h"

namespace freehold::model {

// (N, K), of a layer's weight as its file has it, in the order of rows that the values have too. Sums in double over
// increasing rank, rounded once. Errors: Errc::invalid for a DoRA row without direction, Errc::corrupt for a result
// that is not finite; the tensor is named.
Result<std::vector<float>> merge_layer(ThreadPool& pool, const tensor::View& weight, const LowRankValues& adapter);

}  // namespace freehold::model
