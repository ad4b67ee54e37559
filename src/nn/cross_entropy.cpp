#include "nn/cross_entropy.h"

#include <algorithm>

#include "base/mathd.h"
#include "nn/elementwise.h"

namespace freehold::nn {
namespace {

constexpr std::size_t kRows = 64;  // whose logits exist at the same time

// Loss of one row of logits; leaves weight * (softmax - onehot) in `probabilities`, if wanted (may be `logits`).
float row_loss(const kernel::Table& kernels, float* probabilities, const float* logits, std::size_t V,
               const Target& target) {
  const float wanted = logits[target.target];
  const float max = kernels.max_row(logits, V);
  if (probabilities != logits) std::copy_n(logits, V, probabilities);
  const float sum = kernels.attn_exp(probabilities, V, max);
  kernels.scale_row(probabilities, target.weight / sum, V);
  probabilities[target.target] -= target.weight;
  return static_cast<float>(mathd::log(static_cast<double>(sum)) +
                            (static_cast<double>(max) - static_cast<double>(wanted)));
}

}  // namespace

void cross_entropy(Context& context, std::span<float> loss, tensor::ConstRows hidden, const Linear& output,
                   float softcap, std::span<const Target> targets, const CrossEntropyGradients& gradients,
                   const AdaptedOutput& adapted) {
  const WorkspaceScope scope(context.workspace);
  const std::size_t V = output.outputs(), C = hidden.cols, V16 = row_stride(V), C16 = row_stride(C);
  const LowRank* const adapter = adapted.adapter != nullptr && !adapted.adapter->empty() ? adapted.adapter : nullptr;
  const bool backward = gradients.dhidden.data != nullptr || gradients.dweight.data != nullptr;
  auto* h = context.workspace.take<float>(kRows * C16);
  auto* l = context.workspace.take<float>(kRows * V16);
  auto* p = softcap != 0 && backward ? context.workspace.take<float>(kRows * V16) : l;
  auto* dh = context.workspace.take<float>(kRows * C16);
  for (std::size_t first = 0; first < targets.size(); first += kRows) {
    const std::size_t n = std::min(kRows, targets.size() - first);
    const auto chunk = targets.subspan(first, n);
    const tensor::Rows rows{h, n, C, C16}, logits{l, n, V, V16}, dlogits{p, n, V, V16};
    for (std::size_t i = 0; i < n; ++i) std::copy_n(hidden[chunk[i].row], C, rows[i]);
    linear_forward(context, logits, rows, output);
    Dropout dropout = adapted.dropout;
    dropout.first += first;
    if (adapter != nullptr) low_rank_forward(context, logits, rows, output, *adapter, dropout);
    if (softcap != 0) softcap_forward(context, logits, softcap);
    context.pool.parallel_for(n, 1, [&](std::size_t begin, std::size_t end, int) {
      for (std::size_t i = begin; i < end; ++i) {
        loss[first + i] = row_loss(context.kernels, dlogits[i], logits[i], V, chunk[i]);
      }
    });
    if (!backward) continue;
    if (softcap != 0) softcap_backward(context, dlogits, logits, softcap);
    const WorkspaceScope inner(context.workspace);
    std::fill_n(dh, n * C16, 0.0f);
    tensor::Rows dz = dlogits;  // the gradient of what the base gave
    if (adapter != nullptr) {
      const bool dora = !adapter->gain.empty();
      const tensor::Rows scaled = dora ? take_rows(context, n, V) : tensor::Rows{};
      low_rank_backward(context, {dh, n, C, C16}, scaled, dlogits, rows, output, *adapter, gradients.adapter, dropout);
      if (dora) dz = scaled;
    }
    if (gradients.dweight.data != nullptr) linear_backward_weight(context, gradients.dweight, dz, rows);
    if (gradients.dhidden.data == nullptr) continue;
    linear_backward_input(context, {dh, n, C, C16}, dz, output);
    for (std::size_t i = 0; i < n; ++i) {
      context.kernels.add_row(gradients.dhidden[chunk[i].row], dh + i * C16, C);
    }
  }
}

std::size_t cross_entropy_workspace(int threads, std::size_t V, std::size_t C, std::size_t rank, bool dora) {
  return (rank == 0 ? 0
                    : std::max(low_rank_workspace(kRows, V, C, rank),
                               low_rank_backward_workspace(threads, kRows, V, C, rank, dora))) +
         2 * Workspace::cost<float>(kRows * row_stride(C)) + 2 * Workspace::cost<float>(kRows * row_stride(V)) +
         linear_workspace(kRows, C) + linear_backward_workspace(threads, kRows, V, C);
}

}  // namespace freehold::nn
