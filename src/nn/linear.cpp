#include "nn/linear.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <cstring>
#include <new>

#include "base/check.h"
#include "base/half.h"
#include "base/utf8.h"
#include "kernel/finite.h"
#include "kernel/pack.h"

namespace freehold::nn {
namespace {

using tensor::DType;

std::size_t panels_of(std::size_t N) {
  return (N + kernel::kPanelRows - 1) / kernel::kPanelRows;
}
std::size_t padded(std::size_t K) {
  return (K + kernel::kBlock - 1) / kernel::kBlock * kernel::kBlock;
}

// The input in each form that some layer wants.
struct Inputs {
  tensor::ConstRows x;
  kernel::QuantRows quantised{};
  const std::uint16_t* bf16 = nullptr;
};

Inputs prepare_inputs(Context& context, std::span<const LinearTask> tasks, tensor::ConstRows x) {
  Inputs in;
  in.x = x;
  bool want_quantised = false, want_bf16 = false;
  for (const LinearTask& task : tasks) {
    if (tensor::info(task.layer->type()).quantised) want_quantised = true;
    if (task.layer->type() == DType::bf16) want_bf16 = true;
  }
  const std::size_t T = x.rows, K = x.cols;
  if (want_quantised) {
    auto* q = context.workspace.take<std::int8_t>(kernel::q_elements(T, K));
    auto* d = context.workspace.take<float>(kernel::d_elements(T, K));
    auto* sum32 = context.workspace.take<float>(kernel::d_elements(T, K));
    auto* sum16 = context.workspace.take<float>(kernel::sum16_elements(T, K));
    context.pool.parallel_for(T, 4, [&](std::size_t begin, std::size_t end, int) {
      for (std::size_t t = begin; t < end; ++t) {
        context.kernels.quantise_row(x[t], K, kernel::row_out(q, d, sum32, sum16, T, K, t));
      }
    });
    in.quantised = {q, d, sum32, sum16};
  }
  if (want_bf16) {
    const std::size_t P = padded(K);
    auto* tiles = context.workspace.take<std::uint16_t>(kernel::q_elements(T, P));
    context.pool.parallel_for(T, 4, [&](std::size_t begin, std::size_t end, int) {
      for (std::size_t t = begin; t < end; ++t) {
        const std::size_t rows = kernel::rows_of_tile(T, t / kernel::kTileRows);
        std::uint16_t* out =
            tiles + t / kernel::kTileRows * kernel::kTileRows * P + t % kernel::kTileRows * kernel::kBlock;
        for (std::size_t b = 0; b < P; b += kernel::kBlock, out += rows * kernel::kBlock) {
          const std::size_t n = std::min(kernel::kBlock, K - b);
          for (std::size_t k = 0; k < n; ++k) out[k] = f32_to_bf16(x[t][b + k]);
          std::fill(out + n, out + kernel::kBlock, std::uint16_t{0});
        }
      }
    });
    in.bf16 = tiles;
  }
  return in;
}

}  // namespace

std::uint64_t Linear::prepared_bytes(const tensor::View& weight) {
  return panels_of(weight.rows()) * kernel::prepared_panel_bytes(weight.type, weight.row_elems());
}

Linear Linear::over(const tensor::View& weight, std::span<const std::byte> panels) {
  FH_CHECK(panels.size() == prepared_bytes(weight), "the caller has compared the sizes");
  Linear layer;
  layer.type_ = weight.type;
  layer.N_ = weight.rows();
  layer.K_ = weight.row_elems();
  layer.panel_bytes_ = kernel::prepared_panel_bytes(layer.type_, layer.K_);
  layer.borrowed_ = panels;
  return layer;
}

Result<Linear> Linear::prepare(ThreadPool& pool, const tensor::View& weight) {
  Linear layer;
  layer.type_ = weight.type;
  layer.N_ = weight.rows();
  layer.K_ = weight.row_elems();
  layer.panel_bytes_ = kernel::prepared_panel_bytes(layer.type_, layer.K_);
  const std::size_t panels = panels_of(layer.N_);
  try {
    layer.owned_ = AlignedBuffer<std::byte>(panels * layer.panel_bytes_);
  } catch (const std::bad_alloc&) {
    return fail(Errc::exhausted, fmt::format("prepare '{}': no memory for {} bytes", printable(weight.name),
                                             panels * layer.panel_bytes_));
  }
  const auto& type = tensor::info(layer.type_);
  const std::size_t row_bytes = layer.K_ / type.block_elems * type.block_bytes;
  std::atomic<std::size_t> bad_row{SIZE_MAX};
  pool.parallel_for(panels, 4, [&](std::size_t begin, std::size_t end, int) {
    for (std::size_t p = begin; p < end; ++p) {
      const std::size_t first = p * kernel::kPanelRows;
      for (std::size_t r = first; r < std::min(first + kernel::kPanelRows, layer.N_); ++r) {
        if (kernel::all_finite(layer.type_, weight.bytes.data() + r * row_bytes, layer.K_)) continue;
        std::size_t seen = bad_row.load();
        while (r < seen && !bad_row.compare_exchange_weak(seen, r)) {
        }
      }
      kernel::pack_panel(layer.type_, weight.bytes.data(), layer.N_, layer.K_, p,
                         layer.owned_.data() + p * layer.panel_bytes_);
    }
  });
  if (bad_row.load() != SIZE_MAX) {
    return fail(Errc::corrupt,
                fmt::format("tensor '{}', row {}: holds an infinity or NaN", printable(weight.name), bad_row.load()));
  }
  return layer;
}

std::size_t linear_workspace(std::size_t T, std::size_t K) {
  const std::size_t P = padded(K);
  return Workspace::cost<std::int8_t>(kernel::q_elements(T, P)) + 2 * Workspace::cost<float>(kernel::d_elements(T, P)) +
         Workspace::cost<float>(kernel::sum16_elements(T, P)) +
         Workspace::cost<std::uint16_t>(kernel::q_elements(T, P));
}

void linear_forward(Context& context, std::span<const LinearTask> tasks, tensor::ConstRows x) {
  const WorkspaceScope scope(context.workspace);
  const Inputs in = prepare_inputs(context, tasks, x);
  std::size_t total = 0;
  for (const LinearTask& task : tasks) total += panels_of(task.layer->N_);
  // Chunks of a few panels: small enough that a thread which loses its core leaves little behind, large enough to pay
  // the claim.
  const std::size_t grain =
      std::clamp<std::size_t>(total / (static_cast<std::size_t>(context.pool.threads()) * 16), 1, 8);
  context.pool.parallel_for(total, grain, [&](std::size_t begin, std::size_t end, int) {
    std::size_t first = 0;
    for (const LinearTask& task : tasks) {
      const Linear& layer = *task.layer;
      const std::size_t count = panels_of(layer.N_);
      const std::size_t from = std::max(begin, first), to = std::min(end, first + count);
      if (from < to) {
        const std::size_t p0 = from - first, p1 = to - first;
        if (auto kind = kernel::panel_kind(layer.type_)) {
          context.kernels.matmul_quant[static_cast<std::size_t>(*kind)]({layer.panels().data(), layer.panel_bytes_, p0,
                                                                         p1, layer.N_, layer.K_, x.rows, in.quantised,
                                                                         task.y.data, task.y.stride});
        } else if (layer.type_ == DType::bf16) {
          context.kernels.matmul_bf16({layer.panels().data(), layer.panel_bytes_, p0, p1, layer.N_, padded(layer.K_),
                                       x.rows, in.bf16, task.y.data, task.y.stride});
        } else {
          auto* matmul = layer.type_ == DType::f16 ? context.kernels.matmul_f16 : context.kernels.matmul_f32;
          matmul({layer.panels().data(), layer.panel_bytes_, p0, p1, layer.N_, layer.K_, x.rows, x.data, x.stride,
                  task.y.data, task.y.stride});
        }
        if (!layer.bias.empty()) {
          const std::size_t n0 = p0 * kernel::kPanelRows, n1 = std::min(p1 * kernel::kPanelRows, layer.N_);
          for (std::size_t t = 0; t < x.rows; ++t)
            context.kernels.add_row(task.y[t] + n0, layer.bias.data() + n0, n1 - n0);
        }
      }
      first += count;
    }
  });
}

}  // namespace freehold::nn
