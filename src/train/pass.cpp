#include "train/pass.h"

#include <fmt/format.h>

#include <algorithm>
#include <new>

#include "model/adapted_linear.h"
#include "nn/attention.h"
#include "nn/elementwise.h"
#include "nn/rmsnorm.h"

namespace freehold::train {
namespace {

using nn::Workspace;
using tensor::Rows;

std::size_t stride_of(const model::Spec& spec) {
  return (std::size_t{spec.width} + 15) / 16 * 16;
}

AdapterShape adapter_shape(const Trainable& model) {
  const model::Adapter* a = model.adapter();
  if (a == nullptr) return {};
  return {a->largest_rank(), a->head.a.outputs(), !a->head.gain.empty()};
}

// Blocks of 32 positions that a batch's sequences need at most.
std::size_t kv_blocks(PassLimits limits) {
  return limits.tokens / model::kKvBlock + limits.sequences;
}

constexpr std::size_t kNone = SIZE_MAX;

std::size_t tapes_of(const model::Spec& spec, PassLimits limits, model::KvChoice cache) {
  const std::uint64_t more = limits.tape_bytes / std::max<std::uint64_t>(1, Pass::bytes_of_tape(spec, limits, cache));
  return static_cast<std::size_t>(std::min<std::uint64_t>(spec.blocks.size(), 1 + more));
}

std::size_t scratch_bytes(const model::Spec& spec, AdapterShape adapter, int threads, PassLimits limits) {
  const std::size_t T = limits.tokens, rank = adapter.rank;
  const std::size_t forward =
      model::block_workspace(spec, T, rank) +
      nn::attention_workspace(threads, T, limits.tokens, spec.heads, spec.kv_heads, spec.head_size);
  return model::angles_cost(spec, T) + 2 * Workspace::cost<float>(T * stride_of(spec)) +
         std::max({forward, model::block_backward_workspace(spec, threads, T, rank),
                   nn::cross_entropy_workspace(threads, spec.vocab, spec.width, adapter.head_rank, adapter.dora),
                   rank == 0 ? 0 : nn::lookup_workspace(threads, T, spec.width, rank),
                   Workspace::cost<float>(T * stride_of(spec)) + nn::linear_workspace(T, spec.width) +
                       (rank == 0 ? 0 : nn::low_rank_workspace(T, spec.vocab, spec.width, rank))});
}

}  // namespace

Result<std::unique_ptr<Pass>> Pass::create(const Trainable& model, ThreadPool& pool, const kernel::Table& kernels,
                                           PassLimits limits, model::KvChoice cache, nn::BackwardProducts products) {
  try {
    return std::unique_ptr<Pass>(new Pass(model, pool, kernels, limits, cache, products));
  } catch (const std::bad_alloc&) {
    return fail(Errc::exhausted, fmt::format("training: no memory for batches of {} tokens ({} bytes)", limits.tokens,
                                             bytes(model.spec(), adapter_shape(model), pool.threads(), limits, cache)));
  }
}

std::uint64_t Pass::bytes(const model::Spec& spec, AdapterShape adapter, int threads, PassLimits limits,
                          model::KvChoice cache) {
  const std::uint64_t row = stride_of(spec) * sizeof(float);
  return limits.tokens * (row * (spec.blocks.size() + 2) + sizeof(float)) +
         tapes_of(spec, limits, cache) * bytes_of_tape(spec, limits, cache) +
         scratch_bytes(spec, adapter, threads, limits);
}

std::uint64_t Pass::bytes_of_tape(const model::Spec& spec, PassLimits limits, model::KvChoice cache) {
  return model::BlockTape::bytes(spec, limits.tokens) +
         kv_blocks(limits) * model::KvLayout(spec, cache).bytes_per_layer();
}

Pass::Pass(const Trainable& model, ThreadPool& pool, const kernel::Table& kernels, PassLimits limits,
           model::KvChoice cache, nn::BackwardProducts products)
    : model_(model),
      pool_(pool),
      kernels_(kernels),
      limits_(limits),
      products_(products),
      stride_(stride_of(model.spec())),
      layout_(model.spec(), cache),
      workspace_(scratch_bytes(model.spec(), adapter_shape(model), pool.threads(), limits)),
      inputs_((model.spec().blocks.size() + 1) * limits.tokens * stride_),
      hidden_(limits.tokens * stride_),
      rstd_(limits.tokens),
      kv_(tapes_of(model.spec(), limits, cache) * kv_blocks(limits) * layout_.bytes_per_layer()) {
  const std::size_t tapes = tapes_of(model.spec(), limits, cache);
  tapes_.reserve(tapes);
  for (std::size_t i = 0; i < tapes; ++i) tapes_.emplace_back(model.spec(), limits.tokens);
  taped_.assign(tapes, kNone);
  ids_.reserve(limits.tokens);
  positions_.reserve(limits.tokens);
  rows_.reserve(limits.tokens);
  blocks_.reserve(kv_blocks(limits));
}

std::size_t Pass::slot_of(std::size_t layer) const {
  const std::size_t first = model_.spec().blocks.size() - tapes_.size();
  return layer > first ? layer - first : 0;
}

model::PassInputs Pass::inputs(const model::Angles& angles, std::size_t layer) const {
  const model::Angles::Table& a = angles[model_.spec().blocks[layer].rope];
  const std::size_t keys = slot_of(layer) * layout_.bytes_per_layer();
  return {rows_, {keys, keys + layout_.key_bytes_per_layer()}, layout_.type, a.cos, a.sin, layer, adapted_, dropout_};
}

Result<> Pass::forward(std::span<const std::span<const std::int32_t>> sequences, const model::Adapter* adapter,
                       const nn::Dropout& dropout) {
  const model::Spec& spec = model_.spec();
  std::size_t T = 0;
  for (const auto& sequence : sequences) {
    if (sequence.empty()) return fail(Errc::invalid, "training: a sequence without tokens");
    for (std::int32_t id : sequence) {
      if (id < 0 || static_cast<std::uint32_t>(id) >= spec.vocab) {
        return fail(Errc::invalid, fmt::format("token id {} is outside the vocabulary of {}", id, spec.vocab));
      }
    }
    T += sequence.size();
  }
  if (T == 0 || T > limits_.tokens || sequences.size() > limits_.sequences) {
    return fail(Errc::invalid, fmt::format("training: a batch of {} tokens in {} sequences, room is for {} in {}", T,
                                           sequences.size(), limits_.tokens, limits_.sequences));
  }
  T_ = T;
  dropout_ = dropout;
  ids_.clear(), positions_.clear(), rows_.clear(), blocks_.clear(), adapted_.clear();
  std::byte* next = kv_.data();
  for (const auto& sequence : sequences) {
    ids_.insert(ids_.end(), sequence.begin(), sequence.end());
    const std::size_t count = (sequence.size() + model::kKvBlock - 1) / model::kKvBlock, first = blocks_.size();
    for (std::size_t b = 0; b < count; ++b, next += tapes_.size() * layout_.bytes_per_layer()) blocks_.push_back(next);
    for (std::uint32_t i = 0; i < sequence.size(); ++i) {
      positions_.push_back(i);
      rows_.push_back({std::span(blocks_.data() + first, count), i});  // reserved: nothing moves
    }
  }
  if (adapter != nullptr) adapted_.push_back({adapter, 0, T});

  nn::Context c = context();
  const nn::WorkspaceScope scope(workspace_);
  const model::Weights& w = model_.weights();
  model::embed(c, spec, w, ids_, checkpoint(0), adapter);
  const model::Angles angles(c, spec, positions_);
  for (model::BlockTape& tape : tapes_) tape.begin(T);
  for (std::size_t l = 0; l < spec.blocks.size(); ++l) {
    if (pause_) pause_();
    const Rows x = checkpoint(l + 1);
    std::copy_n(checkpoint(l).data, T * stride_, x.data);
    // The block that a shared tape holds in the end is the last of those that share it.
    const bool taped = l + tapes_.size() >= spec.blocks.size();
    model::block_forward(c, spec, spec.blocks[l], w.blocks[l], inputs(angles, l), x,
                         taped ? &tapes_[slot_of(l)] : nullptr);
    if (taped) taped_[slot_of(l)] = l;
  }
  nn::rmsnorm_forward(c, hidden(), checkpoint(spec.blocks.size()), w.final_norm, spec.norm_eps, rstd_.span().first(T));
  return {};
}

nn::AdaptedOutput Pass::adapted_output() const {
  if (adapter() == nullptr) return {};
  const model::Spec& spec = model_.spec();  // the stream after those of the blocks' layers
  return {&adapter()->head, model::dropout_of(dropout_, spec.blocks.size(), 0, model::slots_of(spec.experts))};
}

void Pass::losses(std::span<const nn::Target> targets, std::span<float> loss) {
  nn::Context c = context();
  nn::cross_entropy(c, loss, hidden(), model_.weights().output, model_.spec().final_softcap, targets, {},
                    adapted_output());
}

void Pass::logits(std::span<const std::uint32_t> rows, std::span<float> logits) {
  nn::Context c = context();
  const nn::WorkspaceScope scope(workspace_);
  const model::Spec& spec = model_.spec();
  FH_CHECK(rows.size() <= limits_.tokens && logits.size() == rows.size() * spec.vocab, "the caller sized both");
  const Rows wanted{workspace_.take<float>(rows.size() * stride_), rows.size(), spec.width, stride_};
  for (std::size_t i = 0; i < rows.size(); ++i) std::copy_n(hidden()[rows[i]], spec.width, wanted[i]);
  const Rows out{logits.data(), rows.size(), spec.vocab, spec.vocab};
  nn::linear_forward(c, out, wanted, model_.weights().output);
  if (adapter() != nullptr && !adapter()->head.empty()) {
    nn::low_rank_forward(c, out, wanted, model_.weights().output, adapter()->head);
  }
  if (spec.final_softcap != 0) nn::softcap_forward(c, out, spec.final_softcap);
}

void Pass::backward(std::span<const nn::Target> targets, std::span<float> loss) {
  nn::Context c = context();
  const nn::WorkspaceScope scope(workspace_);
  const model::Spec& spec = model_.spec();
  const model::Weights& w = model_.weights();
  const model::Gradients& g = model_.gradients();
  auto zeroed = [&] {
    const Rows rows{workspace_.take<float>(T_ * stride_), T_, spec.width, stride_};
    std::fill_n(rows.data, T_ * stride_, 0.0f);
    return rows;
  };
  const Rows dx = zeroed();
  {
    const nn::WorkspaceScope inner(workspace_);
    const Rows dhidden = zeroed();
    nn::cross_entropy(c, loss, hidden(), w.output, spec.final_softcap, targets,
                      {dhidden, spec.tied ? g.embedding : g.output, g.head_adapter}, adapted_output());
    nn::rmsnorm_backward(c, dx, g.final_norm, dhidden, checkpoint(spec.blocks.size()), w.final_norm,
                         rstd_.span().first(T_));
  }
  const model::Angles angles(c, spec, positions_);
  for (std::size_t l = spec.blocks.size(); l-- > 0;) {
    if (pause_) pause_();
    const model::PassInputs in = inputs(angles, l);
    model::BlockTape& tape = tapes_[slot_of(l)];
    if (taped_[slot_of(l)] != l) {
      const nn::WorkspaceScope inner(workspace_);
      const Rows again{workspace_.take<float>(T_ * stride_), T_, spec.width, stride_};
      std::copy_n(checkpoint(l).data, T_ * stride_, again.data);
      model::block_forward(c, spec, spec.blocks[l], w.blocks[l], in, again, &tape);
      taped_[slot_of(l)] = l;
    }
    model::block_backward(c, spec, spec.blocks[l], w.blocks[l], in, tape, checkpoint(l), dx, g.blocks[l]);
  }
  if (adapter() != nullptr && !adapter()->embedding.empty()) {
    for (std::size_t t = 0; t < T_; ++t) kernels_.scale_row(dx[t], spec.embedding_scale, spec.width);
    nn::lookup_backward(c, dx, ids_, adapter()->embedding, g.embedding_adapter);
    return;  // the embedding itself is frozen
  }
  if (g.embedding.data == nullptr) return;
  // Columns are shared out, so that a token which occurs twice is added to by one thread, in the order of the rows.
  pool_.parallel_for(spec.width, 64, [&](std::size_t begin, std::size_t end, int) {
    for (std::size_t t = 0; t < T_; ++t) {
      float* row = g.embedding[static_cast<std::size_t>(ids_[t])];
      for (std::size_t i = begin; i < end; ++i) row[i] += spec.embedding_scale * dx[t][i];
    }
  });
}

}  // namespace freehold::train
