// Low-rank adapters on a linear layer: LoRA (Hu et al. 2021), rsLoRA (Kalajdzievski 2023: only another scale) and DoRA
// (Liu et al. 2024). The base layer stays as it is, of any type.
//
//   LoRA   y = W x + bias + s B (A d(x))
//   DoRA   y = bias + g * (W x + s B (A d(x))),  g[n] = m[n] / |W[n,:] + s B[n,:] A|, whose norm is a constant in
//   backward
//          (section 4.3 of the paper)
// d is dropout in training and nothing in serving. A and B are F32 layers: h = A x and B h are FMA chains
// (kernel/table.h), s B h is added with one FMA. A row's result depends on that row alone, so rows of several adapters
// may share a batch.
//
// The same on a table of rows, an embedding (PEFT's lora_embedding_A and _B): token i's row gets s B A[:,i].
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "nn/context.h"
#include "nn/linear.h"
#include "tensor/view.h"

namespace freehold::nn {

struct LowRank {
  Linear a;                 // (r, K); empty: no adapter here
  Linear b;                 // (N, r)
  float scale = 0;          // alpha / r, or alpha / sqrt(r)
  std::vector<float> gain;  // (N): g of DoRA; empty for LoRA
  std::vector<float> norm;  // (N): |W + s B A| by rows, m = g * norm

  bool empty() const { return a.empty(); }
};

// Which inputs of A are dropped (Srivastava et al. 2014; the others are divided by 1 - rate): element k of row t is
// decided by word ((first + t) K + k) of Philox stream `stream` under `seed`, so backward asks again instead of keeping
// a mask.
struct Dropout {
  float rate = 0;  // 0: none
  std::uint64_t seed = 0;
  std::uint64_t stream = 0;
  std::uint64_t first = 0;  // which row of the stream the first row of x is
};

// y (T, N) holds W x + bias and gets the adapter's part.
void low_rank_forward(Context& context, tensor::Rows y, tensor::ConstRows x, const Linear& base, const LowRank& adapter,
                      const Dropout& dropout = {});

// The adapter's gradients, each added to; empty where frozen.
struct LowRankGradients {
  tensor::Rows a = {};              // (r, K)
  tensor::Rows b = {};              // (N, r)
  std::span<float> magnitude = {};  // (N), of DoRA's m
};

// Adds the adapter's part to dx (T, K) and its gradients. `dy` is the gradient of y; `dz` (T, N) is written for DoRA: g
// * dy, which the base layer's backward takes in place of dy.
void low_rank_backward(Context& context, tensor::Rows dx, tensor::Rows dz, tensor::ConstRows dy, tensor::ConstRows x,
                       const Linear& base, const LowRank& adapter, const LowRankGradients& gradients,
                       const Dropout& dropout = {});

// Sets norm and gain of a DoRA adapter from its magnitudes m (N) and its matrices a (r, K), b (N, r). Sums in double
// over increasing k. Errors: Errc::invalid if a row of W + s B A is zero (its direction is undefined).
Result<> dora_gain(Context& context, LowRank& adapter, const Linear& base, std::span<const float> m,
                   tensor::ConstRows a, tensor::ConstRows b);
// |W + s B A| by rows into `norm` (N): the magnitudes that a fresh DoRA adapter begins with.
void dora_norm(Context& context, std::span<float> norm, const Linear& base, float scale, tensor::ConstRows a,
               tensor::ConstRows b);

// Workspace bytes of forward and of backward for T rows, N outputs and K inputs at rank r; those of backward with `dz`,
// both only where there is DoRA.
std::size_t low_rank_workspace(std::size_t T, std::size_t N, std::size_t K, std::size_t r);
std::size_t low_rank_backward_workspace(int threads, std::size_t T, std::size_t N, std::size_t K, std::size_t r,
                                        bool dora = true);

// An adapter on a table of V rows of C numbers, of which each token picks one.
struct LowRankLookup {
  std::span<const float> columns;  // (V, r): A's columns one after the other; owner: whoever prepared the adapter
  Linear b;                        // (C, r)
  float scale = 0;

  bool empty() const { return b.empty(); }
};

// x (T, C) holds the table's rows of `ids` and gets the adapter's part. The ids are below V.
void lookup_forward(Context& context, tensor::Rows x, std::span<const std::int32_t> ids, const LowRankLookup& adapter);
// Adds to the adapter's gradients, a as (r, V); dx (T, C) is that of x. The table is frozen, so nothing goes further.
// Columns of a token that occurs several times are added to in the order of the rows.
void lookup_backward(Context& context, tensor::ConstRows dx, std::span<const std::int32_t> ids,
                     const LowRankLookup& adapter, const LowRankGradients& gradients);
// Workspace bytes of either for T rows.
std::size_t lookup_workspace(int threads, std::size_t T, std::size_t C, std::size_t r);

}  // namespace freehold::nn
