#include "model/decoder_input.h"

#include "base/check.h"
#include "kernel/blocks/dequantise.h"
#include "nn/rope.h"

namespace freehold::model {

void embed(nn::Context& context, const Spec& spec, const Weights& weights, std::span<const std::int32_t> tokens,
           tensor::Rows x, const Adapter* adapter) {
  const std::size_t row_bytes = weights.embedding.bytes.size() / weights.embedding.rows();
  for (std::size_t t = 0; t < tokens.size(); ++t) {
    kernel::dequantise(weights.embedding.type,
                       weights.embedding.bytes.data() + static_cast<std::size_t>(tokens[t]) * row_bytes, x[t],
                       spec.width);
  }
  if (adapter != nullptr && !adapter->embedding.empty()) {
    nn::lookup_forward(context, {x.data, tokens.size(), x.cols, x.stride}, tokens, adapter->embedding);
  }
  if (spec.embedding_scale == 1.0f) return;
  for (std::size_t t = 0; t < tokens.size(); ++t) context.kernels.scale_row(x[t], spec.embedding_scale, spec.width);
}

Angles::Angles(nn::Context& context, const Spec& spec, std::span<const std::uint32_t> positions) : tables_{} {
  FH_CHECK(spec.ropes.size() <= kMostRopes, "families have one or two ropes");
  const std::size_t T = positions.size();
  for (std::size_t r = 0; r < spec.ropes.size(); ++r) {
    const std::size_t n = spec.ropes[r].inv_freq.size();
    Table& table = tables_[r];
    table = {context.workspace.take<float>(T * n), context.workspace.take<float>(T * n)};
    context.pool.parallel_for(T, 16, [&](std::size_t begin, std::size_t end, int) {
      nn::rope_angles(spec.ropes[r], positions.subspan(begin, end - begin), table.cos + begin * n,
                      table.sin + begin * n);
    });
  }
}

std::size_t angles_cost(const Spec& spec, std::size_t T) {
  std::size_t bytes = 0;
  for (const nn::Rope& rope : spec.ropes) bytes += 2 * nn::Workspace::cost<float>(T * rope.inv_freq.size());
  return bytes;
}

}  // namespace freehold::model
