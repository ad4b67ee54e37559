#include "nn/linear.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <cstring>

#include "base/aligned.h"
#include "base/check.h"
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

  // After the prepared forms, which begin at `from`, have been copied to `to`.
  void move(const std::byte* from, const std::byte* to) {
    auto moved = [&](auto*& p) {
      using Pointer = std::remove_reference_t<decltype(p)>;
      if (p != nullptr) p = reinterpret_cast<Pointer>(to + (reinterpret_cast<const std::byte*>(p) - from));
    };
    moved(quantised.q), moved(quantised.d), moved(quantised.sum32), moved(quantised.sum16), moved(bf16);
  }
};

constexpr std::size_t kMostPanels = 8;  // of a chunk

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
        context.kernels.bf16_row(out, rows * kernel::kBlock, x[t], K);
      }
    });
    in.bf16 = tiles;
  }
  return in;
}

}  // namespace

std::uint64_t Linear::prepared_bytes(const tensor::View& weight) {
  const std::uint64_t bytes = panels_of(weight.rows()) * kernel::prepared_panel_bytes(weight.type, weight.row_elems());
  return (bytes + kAlignment - 1) / kAlignment * kAlignment;
}

Linear Linear::over(const tensor::View& weight, std::span<const std::byte> panels) {
  FH_CHECK(panels.size() == prepared_bytes(weight), "the caller has compared the sizes");
  Linear layer;
  layer.type_ = weight.type;
  layer.N_ = weight.rows();
  layer.K_ = weight.row_elems();
  layer.panel_bytes_ = kernel::prepared_panel_bytes(layer.type_, layer.K_);
  layer.panels_ = panels.first(panels_of(layer.N_) * layer.panel_bytes_);
  return layer;
}

Result<Linear> Linear::prepare(ThreadPool& pool, const tensor::View& weight, std::span<std::byte> memory) {
  Linear layer;
  layer.type_ = weight.type;
  layer.N_ = weight.rows();
  layer.K_ = weight.row_elems();
  layer.panel_bytes_ = kernel::prepared_panel_bytes(layer.type_, layer.K_);
  const std::size_t panels = panels_of(layer.N_);
  FH_CHECK(memory.size() == prepared_bytes(weight), "the caller asked how much it takes");
  layer.panels_ = memory.first(panels * layer.panel_bytes_);
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
                         memory.data() + p * layer.panel_bytes_);
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

std::size_t linear_thread_memory(std::size_t K) {
  return linear_workspace(kDetachedRows, K) + Workspace::cost<float>(kMostPanels * kernel::kPanelRows * kDetachedRows);
}

// The loop over the panels of all layers that share an input. A detached loop's job (thread_pool.h): what it needs is
// in it or outlives it, but for the inputs, which `enter` copies, and the outputs, which `publish` writes.
struct LinearLoop {
  static constexpr std::size_t kMostTasks = 3;
  const kernel::Table* kernels;
  std::size_t T;
  Inputs in;
  std::size_t tasks = 0;
  LinearTask task[kMostTasks];
  const std::byte* inputs = nullptr;  // what `in` points into; null: nobody copies
  std::size_t input_bytes = 0;
  ThreadMemory memory{};

  // Calls body(task, its first panel, its last panel + 1, panels of the range before it) for each layer of a range.
  template <typename Body>
  static void split(std::span<const LinearTask> tasks, std::size_t begin, std::size_t end, Body body) {
    std::size_t first = 0;
    for (const LinearTask& t : tasks) {
      const std::size_t count = panels_of(t.layer->N_);
      const std::size_t from = std::max(begin, first), to = std::min(end, first + count);
      if (from < to) body(t, from - first, to - first, from - begin);
      first += count;
    }
  }

  // Outputs 16 p0 … 16 p1 (or the layer's last) of one layer, y (T, stride) beginning at output 16 p0.
  static void multiply(const kernel::Table& kernels, const Linear& layer, std::size_t p0, std::size_t p1,
                       const Inputs& in, std::size_t T, float* y, std::size_t stride) {
    const std::byte* panels = layer.panels_.data() + p0 * layer.panel_bytes_;
    const std::size_t n0 = p0 * kernel::kPanelRows, N = layer.N_ - n0;
    if (auto kind = kernel::panel_kind(layer.type_)) {
      kernels.matmul_quant[static_cast<std::size_t>(*kind)](
          {panels, layer.panel_bytes_, 0, p1 - p0, N, layer.K_, T, in.quantised, y, stride});
    } else if (layer.type_ == DType::bf16) {
      kernels.matmul_bf16({panels, layer.panel_bytes_, 0, p1 - p0, N, padded(layer.K_), T, in.bf16, y, stride});
    } else {
      auto* matmul = layer.type_ == DType::f16   ? kernels.matmul_f16
                     : layer.type_ == DType::nf4 ? kernels.matmul_nf4
                                                 : kernels.matmul_f32;
      matmul({panels, layer.panel_bytes_, 0, p1 - p0, N, layer.K_, T, in.x.data, in.x.stride, y, stride});
    }
    if (layer.bias.empty()) return;
    const std::size_t n = std::min((p1 - p0) * kernel::kPanelRows, N);
    for (std::size_t t = 0; t < T; ++t) kernels.add_row(y + t * stride, layer.bias.data() + n0, n);
  }

  std::span<const LinearTask> all() const { return {task, tasks}; }
  // A thread's outputs of one chunk: (T, kMostPanels * 16), after its copy of the inputs.
  static constexpr std::size_t kStride = kMostPanels * kernel::kPanelRows;
  float* results(int thread) const { return reinterpret_cast<float*>(memory.of(thread) + input_bytes); }

  void enter(int thread) {
    std::memcpy(memory.of(thread), inputs, input_bytes);
    in.move(inputs, memory.of(thread));
  }
  void compute(std::size_t begin, std::size_t end, int thread) const {
    split(all(), begin, end, [&](const LinearTask& t, std::size_t p0, std::size_t p1, std::size_t at) {
      multiply(*kernels, *t.layer, p0, p1, in, T, results(thread) + at * kernel::kPanelRows, kStride);
    });
  }
  void publish(std::size_t begin, std::size_t end, int thread) const {
    split(all(), begin, end, [&](const LinearTask& t, std::size_t p0, std::size_t p1, std::size_t at) {
      const std::size_t n0 = p0 * kernel::kPanelRows, n1 = std::min(p1 * kernel::kPanelRows, t.layer->N_);
      for (std::size_t r = 0; r < T; ++r) {
        std::copy_n(results(thread) + r * kStride + at * kernel::kPanelRows, n1 - n0, t.y[r] + n0);
      }
    });
  }
};

void linear_forward(Context& context, std::span<const LinearTask> tasks, tensor::ConstRows x) {
  const WorkspaceScope scope(context.workspace);
  const std::byte* inputs = context.workspace.top();
  const Inputs in = prepare_inputs(context, tasks, x);
  const auto input_bytes = static_cast<std::size_t>(context.workspace.top() - inputs);
  std::size_t total = 0;
  bool copied = true;  // all inputs lie in the workspace
  bool floats = true;  // none does
  for (const LinearTask& task : tasks) {
    total += panels_of(task.layer->outputs());
    const bool prepared = kernel::panel_kind(task.layer->type()) || task.layer->type() == DType::bf16;
    copied = copied && prepared;
    floats = floats && !prepared;
  }
  // Chunks of a few panels: small enough that a thread which loses its core leaves little behind, large enough to pay
  // the claim.
  std::size_t grain =
      std::clamp<std::size_t>(total / (static_cast<std::size_t>(context.pool.threads()) * 16), 1, kMostPanels);
  // Float kernels take two panels at a time; with one they would wait for loads.
  if (floats && x.rows > kDetachedRows) grain = (grain + 1) / 2 * 2;
  LinearLoop loop{&context.kernels, x.rows, in};
  if (copied && x.rows <= kDetachedRows && tasks.size() <= LinearLoop::kMostTasks && context.thread_memory.bytes > 0) {
    for (const LinearTask& task : tasks) loop.task[loop.tasks++] = task;
    loop.inputs = inputs;
    loop.input_bytes = input_bytes;
    loop.memory = context.thread_memory;
    context.pool.parallel_for_detached(total, grain, loop);
    return;
  }
  // A narrow layer (an adapter's A) has too few panels for all threads, but rows.
  if (floats && total < 2 * static_cast<std::size_t>(context.pool.threads())) {
    context.pool.parallel_for(x.rows, 32, [&](std::size_t begin, std::size_t end, int) {
      const Inputs part{{x[begin], end - begin, x.cols, x.stride}};
      for (const LinearTask& t : tasks) {
        LinearLoop::multiply(context.kernels, *t.layer, 0, panels_of(t.layer->outputs()), part, end - begin, t.y[begin],
                             t.y.stride);
      }
    });
    return;
  }
  context.pool.parallel_for(total, grain, [&](std::size_t begin, std::size_t end, int) {
    LinearLoop::split(tasks, begin, end, [&](const LinearTask& t, std::size_t p0, std::size_t p1, std::size_t) {
      LinearLoop::multiply(context.kernels, *t.layer, p0, p1, in, x.rows, t.y.data + p0 * kernel::kPanelRows,
                           t.y.stride);
    });
  });
}

}  // namespace freehold::nn
