#include "nn/low_rank.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <cmath>

#include "base/random.h"
#include "kernel/transpose.h"

namespace freehold::nn {
namespace {

// y = x with what is dropped set to zero and the rest divided by 1 - rate.
void apply_dropout(Context& context, tensor::Rows y, tensor::ConstRows x, const Dropout& dropout) {
  const float kept = 1.0f / (1.0f - dropout.rate);
  const auto limit = static_cast<std::uint64_t>(static_cast<double>(dropout.rate) * 0x1.0p32);
  context.pool.parallel_for(x.rows, 4, [&](std::size_t begin, std::size_t end, int) {
    for (std::size_t t = begin; t < end; ++t) {
      PhiloxBlock words{};
      std::uint64_t drawn = UINT64_MAX;  // which block `words` is
      for (std::size_t k = 0; k < x.cols; ++k) {
        const std::uint64_t i = (dropout.first + t) * x.cols + k, block = i / 4;
        if (block != drawn) {
          words = philox4x32(dropout.seed, {static_cast<std::uint32_t>(block), static_cast<std::uint32_t>(block >> 32),
                                            static_cast<std::uint32_t>(dropout.stream),
                                            static_cast<std::uint32_t>(dropout.stream >> 32)});
          drawn = block;
        }
        y[t][k] = words[i % 4] < limit ? 0.0f : x[t][k] * kept;
      }
    }
  });
}

// x itself, or a copy after dropout.
tensor::ConstRows dropped(Context& context, tensor::ConstRows x, const Dropout& dropout) {
  if (dropout.rate == 0) return x;
  const tensor::Rows y = take_rows(context, x.rows, x.cols);
  apply_dropout(context, y, x, dropout);
  return y;
}

// y = bias + g * (y - bias)
void apply_gain(Context& context, tensor::Rows y, std::span<const float> gain, std::span<const float> bias) {
  context.pool.parallel_for(y.rows, 8, [&](std::size_t begin, std::size_t end, int) {
    for (std::size_t t = begin; t < end; ++t) {
      for (std::size_t n = 0; n < y.cols; ++n) {
        const float b = bias.empty() ? 0.0f : bias[n];
        y[t][n] = bias.empty() ? gain[n] * y[t][n] : b + gain[n] * (y[t][n] - b);
      }
    }
  });
}

// Pieces of B h, small enough for the first-level cache.
constexpr std::size_t kPartRows = 64, kPartPanels = 8, kPartColumns = kPartPanels * kernel::kPanelRows;

// y += s B h
void add_product(Context& context, tensor::Rows y, tensor::ConstRows h, const Linear& b, float scale) {
  const std::size_t panels = row_stride(y.cols) / 16, groups = (panels + kPartPanels - 1) / kPartPanels,
                    pieces = (y.rows + kPartRows - 1) / kPartRows;
  context.pool.parallel_for(groups * pieces, 4, [&](std::size_t begin, std::size_t end, int) {
    alignas(64) float part[kPartRows * kPartColumns];
    for (std::size_t i = begin; i < end; ++i) {
      const std::size_t p = i / pieces * kPartPanels, n = p * kernel::kPanelRows, t0 = i % pieces * kPartRows;
      const std::size_t rows = std::min(kPartRows, y.rows - t0), columns = std::min(kPartColumns, y.cols - n);
      context.kernels.matmul_f32({b.panel(p), b.panel_bytes(), 0, row_stride(columns) / 16, columns, b.inputs(), rows,
                                  h[t0], h.stride, part, kPartColumns});
      for (std::size_t t = 0; t < rows; ++t) {
        context.kernels.axpy_row(y[t0 + t] + n, scale, part + t * kPartColumns, columns);
      }
    }
  });
}

// dm[n] += sum over t of dy[t, n] z[t, n] / norm[n], z = W x + s B A x computed again.
void magnitude_backward(Context& context, std::span<float> dm, tensor::ConstRows dy, tensor::ConstRows x,
                        tensor::ConstRows h, const Linear& base, const LowRank& adapter) {
  const WorkspaceScope scope(context.workspace);
  const tensor::Rows z = take_rows(context, dy.rows, dy.cols);
  linear_forward(context, z, x, base);
  add_product(context, z, h, adapter.b, adapter.scale);
  context.pool.parallel_for(dm.size(), 64, [&](std::size_t begin, std::size_t end, int) {
    for (std::size_t t = 0; t < dy.rows; ++t) {
      for (std::size_t n = begin; n < end; ++n) {
        dm[n] += dy[t][n] * (base.bias.empty() ? z[t][n] : z[t][n] - base.bias[n]) / adapter.norm[n];
      }
    }
  });
}

}  // namespace

void low_rank_forward(Context& context, tensor::Rows y, tensor::ConstRows x, const Linear& base, const LowRank& adapter,
                      const Dropout& dropout) {
  const WorkspaceScope scope(context.workspace);
  const tensor::Rows h = take_rows(context, x.rows, adapter.a.outputs());
  linear_forward(context, h, dropped(context, x, dropout), adapter.a);
  add_product(context, y, h, adapter.b, adapter.scale);
  if (!adapter.gain.empty()) apply_gain(context, y, adapter.gain, base.bias);
}

void low_rank_backward(Context& context, tensor::Rows dx, tensor::Rows dz, tensor::ConstRows dy, tensor::ConstRows x,
                       const Linear& base, const LowRank& adapter, const LowRankGradients& gradients,
                       const Dropout& dropout) {
  // Narrow products: the tile unit gains nothing, so they stay in float32 whatever the base's are.
  Context exact = context;
  exact.products = BackwardProducts::f32;
  const WorkspaceScope scope(context.workspace);
  const std::size_t T = x.rows, K = x.cols, r = adapter.a.outputs();
  const tensor::ConstRows xd = dropped(context, x, dropout);
  const tensor::Rows h = take_rows(context, T, r);
  linear_forward(context, h, xd, adapter.a);
  if (!gradients.magnitude.empty()) magnitude_backward(context, gradients.magnitude, dy, x, h, base, adapter);
  tensor::ConstRows d = dy;
  if (!adapter.gain.empty()) {
    context.pool.parallel_for(T, 8, [&](std::size_t begin, std::size_t end, int) {
      for (std::size_t t = begin; t < end; ++t) {
        for (std::size_t n = 0; n < dy.cols; ++n) dz[t][n] = adapter.gain[n] * dy[t][n];
      }
    });
    d = dz;
  }
  for (std::size_t t = 0; t < T; ++t) context.kernels.scale_row(h[t], adapter.scale, r);
  if (gradients.b.data != nullptr) linear_backward_weight(exact, gradients.b, d, h);
  const tensor::Rows dh = h;  // s dz B; what was there is used up
  std::fill_n(dh.data, T * dh.stride, 0.0f);
  linear_backward_input(exact, dh, d, adapter.b);
  for (std::size_t t = 0; t < T; ++t) context.kernels.scale_row(dh[t], adapter.scale, r);
  if (gradients.a.data != nullptr) linear_backward_weight(exact, gradients.a, dh, xd);
  if (dropout.rate == 0) {
    linear_backward_input(exact, dx, dh, adapter.a);
    return;
  }
  const tensor::Rows part = take_rows(context, T, K);
  std::fill_n(part.data, T * part.stride, 0.0f);
  linear_backward_input(exact, part, dh, adapter.a);
  apply_dropout(context, part, part, dropout);
  context.pool.parallel_for(T, 8, [&](std::size_t begin, std::size_t end, int) {
    for (std::size_t t = begin; t < end; ++t) context.kernels.add_row(dx[t], part[t], K);
  });
}

void dora_norm(Context& context, std::span<float> norm, const Linear& base, float scale, tensor::ConstRows a,
               tensor::ConstRows b) {
  const std::size_t K = base.inputs(), N = base.outputs(), r = a.rows;
  context.pool.parallel_for((N + 15) / 16, 1, [&](std::size_t begin, std::size_t end, int) {
    for (std::size_t p = begin; p < end; ++p) {
      double sums[16] = {};
      float w[2 * 256];
      for (std::size_t block = 0; block * 32 < K; ++block) {
        kernel::transpose_panel_block(context.kernels, base.type(), base.panel(p), K, block, w, 256);
        for (std::size_t row = 0; row < std::min<std::size_t>(16, N - 16 * p); ++row) {
          for (std::size_t i = 0; i < 32 && block * 32 + i < K; ++i) {
            double v = 0;
            for (std::size_t j = 0; j < r; ++j) {
              v += static_cast<double>(b[16 * p + row][j]) * static_cast<double>(a[j][block * 32 + i]);
            }
            v = v * static_cast<double>(scale) + static_cast<double>(w[i / 16 * 256 + row * 16 + i % 16]);
            sums[row] += v * v;
          }
        }
      }
      for (std::size_t row = 0; row < std::min<std::size_t>(16, N - 16 * p); ++row) {
        norm[16 * p + row] = static_cast<float>(std::sqrt(sums[row]));
      }
    }
  });
}

Result<> dora_gain(Context& context, LowRank& adapter, const Linear& base, std::span<const float> m,
                   tensor::ConstRows a, tensor::ConstRows b) {
  adapter.norm.resize(base.outputs());
  adapter.gain.resize(base.outputs());
  dora_norm(context, adapter.norm, base, adapter.scale, a, b);
  for (std::size_t n = 0; n < m.size(); ++n) {
    if (!(adapter.norm[n] > 0)) {
      return fail(Errc::invalid,
                  fmt::format("DoRA: output {} of the adapted layer has no direction (its weights are zero)", n));
    }
    adapter.gain[n] = m[n] / adapter.norm[n];
  }
  return {};
}

std::size_t low_rank_workspace(std::size_t T, std::size_t N, std::size_t K, std::size_t r) {
  (void)N;
  return rows_cost(T, r) + rows_cost(T, K) + std::max(linear_workspace(T, K), linear_workspace(T, r));
}

std::size_t low_rank_backward_workspace(int threads, std::size_t T, std::size_t N, std::size_t K, std::size_t r,
                                        bool dora) {
  return 2 * rows_cost(T, K) + rows_cost(T, r) + (dora ? 2 * rows_cost(T, N) : 0) +
         std::max({linear_workspace(T, K), linear_workspace(T, r), linear_backward_workspace(threads, T, N, r),
                   linear_backward_workspace(threads, T, r, K)});
}

namespace {

// h (T, r) = s A[:, ids]
tensor::Rows looked_up(Context& context, std::span<const std::int32_t> ids, const LowRankLookup& adapter, float scale) {
  const std::size_t r = adapter.b.inputs();
  const tensor::Rows h = take_rows(context, ids.size(), r);
  for (std::size_t t = 0; t < ids.size(); ++t) {
    std::copy_n(adapter.columns.data() + static_cast<std::size_t>(ids[t]) * r, r, h[t]);
    if (scale != 1) context.kernels.scale_row(h[t], scale, r);
  }
  return h;
}

}  // namespace

void lookup_forward(Context& context, tensor::Rows x, std::span<const std::int32_t> ids, const LowRankLookup& adapter) {
  const WorkspaceScope scope(context.workspace);
  add_product(context, x, looked_up(context, ids, adapter, 1), adapter.b, adapter.scale);
}

void lookup_backward(Context& context, tensor::ConstRows dx, std::span<const std::int32_t> ids,
                     const LowRankLookup& adapter, const LowRankGradients& gradients) {
  Context exact = context;
  exact.products = BackwardProducts::f32;
  const WorkspaceScope scope(context.workspace);
  const std::size_t T = ids.size(), r = adapter.b.inputs();
  const tensor::Rows h = looked_up(context, ids, adapter, adapter.scale);
  if (gradients.b.data != nullptr) linear_backward_weight(exact, gradients.b, dx, h);
  if (gradients.a.data == nullptr) return;
  const tensor::Rows dh = h;  // s dx B; what was there is used up
  std::fill_n(dh.data, T * dh.stride, 0.0f);
  linear_backward_input(exact, dh, dx, adapter.b);
  for (std::size_t t = 0; t < T; ++t) context.kernels.scale_row(dh[t], adapter.scale, r);
  context.pool.parallel_for(r, 1, [&](std::size_t begin, std::size_t end, int) {
    for (std::size_t j = begin; j < end; ++j) {
      for (std::size_t t = 0; t < T; ++t) gradients.a[j][ids[t]] += dh[t][j];
    }
  });
}

std::size_t lookup_workspace(int threads, std::size_t T, std::size_t C, std::size_t r) {
  return rows_cost(T, r) + linear_backward_workspace(threads, T, C, r);
}

}  // namespace freehold::nn
