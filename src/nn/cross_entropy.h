// Cross-entropy over the vocabulary, from the last hidden states: the logits exist for a few rows at a time only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "nn/context.h"
#include "nn/linear.h"
#include "nn/low_rank.h"
#include "tensor/view.h"

namespace freehold::nn {

// One scored position: row `row` of the hidden states should have predicted token `target`.
struct Target {
  std::uint32_t row = 0;
  std::int32_t target = 0;  // below V
  float weight = 1;         // of its loss in what is differentiated
};

// The gradients that are wanted; an empty part costs nothing.
struct CrossEntropyGradients {
  tensor::Rows dhidden = {};  // (T, C), added to
  tensor::Rows dweight = {};  // (V, C), added to
  LowRankGradients adapter = {};
};

// An adapter on the output matrix. Row i of its dropout is target i's.
struct AdaptedOutput {
  const LowRank* adapter = nullptr;  // owner: the caller; null or empty: none
  Dropout dropout = {};
};

// loss[i] = logsumexp(l) - l[target] of target i, l = cap(W hidden[row], with its adapter) with the logits' very bits
// of serving; dl = weight (softmax(l) - onehot(target)), through the soft cap if there is one (`softcap` 0: none).
// `targets` name rows in any order; rows that no target names cost nothing. The sum of a row's exponentials runs in 16
// lanes (kernel::Table::attn_exp), gradients add up in the order of the targets.
void cross_entropy(Context& context, std::span<float> loss, tensor::ConstRows hidden, const Linear& output,
                   float softcap, std::span<const Target> targets, const CrossEntropyGradients& gradients = {},
                   const AdaptedOutput& adapted = {});

// Workspace bytes of cross_entropy; `rank` is that of the output's adapter, 0 without one.
std::size_t cross_entropy_workspace(int threads, std::size_t V, std::size_t C, std::size_t rank = 0, bool dora = false);

}  // namespace freehold::nn
