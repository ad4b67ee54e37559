#include "model/adapted_linear.h"

#include <algorithm>

#include "base/check.h"
#include "nn/low_rank.h"

namespace freehold::model {
namespace {

using tensor::ConstRows;
using tensor::Rows;

}  // namespace

nn::Dropout dropout_of(nn::Dropout pass, std::size_t block, std::size_t slot, std::size_t slots) {
  const int bits = slots == kSites ? 16 : 24;  // blocks times slots fit
  pass.stream = (pass.stream << bits) + block * slots + slot;
  return pass;
}

void adapt(nn::Context& context, const PassInputs& in, std::size_t slot, const nn::Linear& base, Rows y, ConstRows x) {
  for (const AdaptedRows& r : in.adapters) {
    const auto& sites = r.adapter->blocks[in.layer].sites;
    if (r.begin == r.end || sites[slot].empty()) continue;
    nn::low_rank_forward(context, {y[r.begin], r.end - r.begin, y.cols, y.stride},
                         {x[r.begin], r.end - r.begin, x.cols, x.stride}, base, sites[slot],
                         dropout_of(in.dropout, in.layer, slot, sites.size()));
  }
}

void adapted_backward(nn::Context& context, const PassInputs& in, std::size_t slot, const nn::Linear& base,
                      const LayerGradients& g, Rows dx, ConstRows dy, ConstRows x) {
  const nn::WorkspaceScope scope(context.workspace);
  ConstRows dz = dy;
  if (!in.adapters.empty()) {
    const AdaptedRows& all = in.adapters.front();
    FH_CHECK(in.adapters.size() == 1 && all.begin == 0 && all.end == x.rows, "a training batch has one adapter");
    const auto& sites = all.adapter->blocks[in.layer].sites;
    const nn::LowRank& adapter = sites[slot];
    if (!adapter.empty()) {
      const bool dora = !adapter.gain.empty();
      const Rows scaled = dora ? take_zeroed(context, dy.rows, dy.cols) : Rows{};
      nn::low_rank_backward(context, dx, scaled, dy, x, base, adapter, g.adapter,
                            dropout_of(in.dropout, in.layer, slot, sites.size()));
      if (dora) dz = scaled;
    }
  }
  if (g.weight.data != nullptr) nn::linear_backward_weight(context, g.weight, dz, x);
  nn::linear_backward_bias(context, g.bias, dy);
  nn::linear_backward_input(context, dx, dz, base);
}

std::size_t adapted_backward_workspace(int threads, std::size_t T, std::size_t widest, std::size_t rank) {
  return nn::rows_cost(T, widest) +
         std::max(nn::linear_backward_workspace(threads, T, widest, widest),
                  rank == 0 ? 0 : nn::low_rank_backward_workspace(threads, T, widest, widest, rank));
}

Rows take_zeroed(nn::Context& context, std::size_t T, std::size_t cols) {
  const Rows rows = nn::take_rows(context, T, cols);
  context.pool.parallel_for(T, 64, [&](std::size_t begin, std::size_t end, int) {
    std::fill_n(rows[begin], (end - begin) * rows.stride, 0.0f);
  });
  return rows;
}

}  // namespace freehold::model
