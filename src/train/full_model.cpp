#include "train/full_model.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <new>

#include "base/half.h"
#include "base/utf8.h"
#include "kernel/blocks/dequantise.h"

namespace freehold::train {
namespace {

using model::Site;
using tensor::View;

std::size_t padded_elements(std::uint64_t elements) {
  return (elements + 15) / 16 * 16;
}

Result<> copy_values(ThreadPool& pool, const View& view, std::span<float> out) {
  const std::uint64_t row = view.row_elems();
  if (row % tensor::info(view.type).block_elems != 0) {
    return fail(Errc::unsupported, fmt::format("tensor '{}': rows are no whole blocks", printable(view.name)));
  }
  const std::size_t bytes = view.bytes.size() / view.rows();
  pool.parallel_for(view.rows(), 16, [&](std::size_t begin, std::size_t end, int) {
    for (std::size_t r = begin; r < end; ++r) {
      kernel::dequantise(view.type, view.bytes.data() + r * bytes, out.data() + r * row, row);
    }
  });
  return {};
}

View as_view(const Parameter& p) {
  return {p.name, tensor::DType::f32, p.shape, std::as_bytes(std::span<const float>(p.value))};
}

void round_to_bf16(ThreadPool& pool, std::span<const float> from, std::uint16_t* to) {
  pool.parallel_for(from.size(), 1 << 14, [&](std::size_t begin, std::size_t end, int) {
    for (std::size_t i = begin; i < end; ++i) to[i] = f32_to_bf16(from[i]);
  });
}

}  // namespace

// Goes over a plan's tensors twice: first for their sizes, then for their places.
struct FullModel::Builder {
  FullModel& m;
  const model::Plan& plan;
  std::size_t next = 0;        // of values_
  std::size_t next_panel = 0;  // of weights_.panels
  Result<> done{};

  Parameter& parameter(const View& view) {
    const std::size_t n = view.elems();
    const auto value = m.values_.span().subspan(next, n), gradient = m.differences_.span().subspan(next, n);
    next += padded_elements(n);
    if (done) done = copy_values(m.pool_, view, value);
    m.parameters_.push_back({view.name, view.shape, value, gradient, view.shape.size() > 1});
    return m.parameters_.back();
  }
  // One matrix of the last parameter, from its value `first` on.
  tensor::Rows matrix_of(std::size_t first, std::vector<std::uint64_t> shape, nn::Linear& layer) {
    const std::size_t N = shape[0], K = shape[1], bytes = nn::Linear::prepared_bytes({"", m.type(), shape, {}});
    m.matrices_.push_back({m.parameters_.size() - 1, first, std::move(shape), &layer,
                           m.weights_.panels.span().subspan(next_panel, bytes)});
    next_panel += bytes;
    return {m.parameters_.back().gradient.data() + first, N, K, K};
  }
  tensor::Rows matrix(const View& view, nn::Linear& layer) {
    parameter(view);
    return matrix_of(0, {view.rows(), view.row_elems()}, layer);
  }
  // Of all experts: one parameter for a stack, else one each. `layer(e)` and `gradient(e)` are the expert's.
  template <typename LayerOf, typename GradientOf>
  void experts(const std::vector<View>& views, const View* stack, LayerOf layer, GradientOf gradient) {
    if (stack != nullptr) parameter(*stack);
    for (std::size_t e = 0; e < views.size(); ++e) {
      const std::size_t N = views[e].rows(), K = views[e].row_elems();
      gradient(e) = stack != nullptr ? matrix_of(e * N * K, {N, K}, layer(e)) : matrix(views[e], layer(e));
    }
  }
  void mixture(const model::Layout::Block& b, model::BlockWeights& w, model::BlockGradients& g) {
    const std::size_t E = b.gate.size(), slots = model::slots_of(E);
    w.experts.resize(E);
    g.sites.resize(slots);
    g.sites[slots - 1].weight = matrix(*b.router, w.router);
    const auto of = [&](Site site) {
      return [&g, site](std::size_t e) -> tensor::Rows& { return g.sites[model::slot_of(site, e)].weight; };
    };
    experts(
        b.gate, b.gate_stack, [&](std::size_t e) -> nn::Linear& { return w.experts[e].gate; }, of(Site::gate));
    experts(
        b.up, b.up_stack, [&](std::size_t e) -> nn::Linear& { return w.experts[e].up; }, of(Site::up));
    experts(
        b.down, b.down_stack, [&](std::size_t e) -> nn::Linear& { return w.experts[e].down; }, of(Site::down));
  }
  std::span<float> vector(const View* view, std::vector<float>& weights, float offset = 0) {
    if (view == nullptr) return {};
    weights.resize(view->elems());
    const Parameter& p = parameter(*view);
    m.vectors_.push_back({m.parameters_.size() - 1, &weights, offset});
    return p.gradient;
  }
  void block(const model::Layout::Block& b, model::BlockWeights& w, model::BlockGradients& g) {
    const float offset = plan.spec.norm_offset;
    g.attention_norm = vector(b.attention_norm, w.attention_norm, offset);
    g.at(Site::q).weight = matrix(*b.q, w.q);
    g.at(Site::q).bias = vector(b.q_bias, w.q.bias);
    g.at(Site::k).weight = matrix(*b.k, w.k);
    g.at(Site::k).bias = vector(b.k_bias, w.k.bias);
    g.at(Site::v).weight = matrix(*b.v, w.v);
    g.at(Site::v).bias = vector(b.v_bias, w.v.bias);
    g.q_norm = vector(b.q_norm, w.q_norm, offset);
    g.k_norm = vector(b.k_norm, w.k_norm, offset);
    g.at(Site::o).weight = matrix(*b.o, w.o);
    g.post_attention_norm = vector(b.post_attention_norm, w.post_attention_norm, offset);
    g.ffn_norm = vector(b.ffn_norm, w.ffn_norm, offset);
    if (b.router != nullptr) {
      mixture(b, w, g);
    } else {
      g.at(Site::gate).weight = matrix(b.gate[0], w.ffn.gate);
      g.at(Site::up).weight = matrix(b.up[0], w.ffn.up);
      g.at(Site::down).weight = matrix(b.down[0], w.ffn.down);
    }
    g.post_ffn_norm = vector(b.post_ffn_norm, w.post_ffn_norm, offset);
  }
  void all() {
    const model::Layout& l = plan.layout;
    model::Weights& w = m.weights_;
    model::Gradients& g = m.gradients_;
    if (plan.spec.tied) {
      g.embedding = matrix(*l.embedding, w.output);
    } else {
      const Parameter& p = parameter(*l.embedding);
      g.embedding = {p.gradient.data(), l.embedding->rows(), l.embedding->row_elems(), l.embedding->row_elems()};
    }
    w.embedding = as_view(m.parameters_.front());
    if (m.precision_ == Precision::bf16) {
      w.embedding.type = m.type();
      w.embedding.bytes = std::as_bytes(std::span<const std::uint16_t>(m.embedding_.span()));
    }
    w.blocks.resize(l.blocks.size());
    g.blocks.resize(l.blocks.size());
    for (std::size_t i = 0; i < l.blocks.size(); ++i) block(l.blocks[i], w.blocks[i], g.blocks[i]);
    g.final_norm = vector(l.final_norm, w.final_norm, plan.spec.norm_offset);
    if (!plan.spec.tied) g.output = matrix(*l.output, w.output);
  }
};

Result<std::unique_ptr<FullModel>> FullModel::load(const format::Checkpoint& checkpoint, ThreadPool& pool,
                                                   Precision precision) {
  FH_TRY(model::Plan plan, model::plan(checkpoint));
  std::unique_ptr<FullModel> m(new FullModel(pool, precision));
  std::size_t elements = 0, panels = 0, largest = 0;
  auto count = [&](const View* view) { elements += view == nullptr ? 0 : padded_elements(view->elems()); };
  auto count_matrix = [&](const View* view) {
    count(view);
    panels += nn::Linear::prepared_bytes({"", m->type(), view->shape, {}});
    largest = std::max(largest, view->elems());
  };
  for (const View* view : model::linear_views(plan)) count_matrix(view);
  if (!plan.spec.tied) count(plan.layout.embedding);
  count(plan.layout.final_norm);
  for (const model::Layout::Block& b : plan.layout.blocks) {
    for (const View* view : {b.attention_norm, b.ffn_norm, b.q_norm, b.k_norm, b.post_attention_norm, b.post_ffn_norm,
                             b.q_bias, b.k_bias, b.v_bias}) {
      count(view);
    }
  }
  try {
    m->values_ = AlignedBuffer<float>(elements);
    m->differences_ = AlignedBuffer<float>(elements);
    m->weights_.panels = AlignedBuffer<std::byte>(panels);
    if (precision == Precision::bf16) {
      m->rounded_ = AlignedBuffer<std::uint16_t>(largest);
      m->embedding_ = AlignedBuffer<std::uint16_t>(plan.layout.embedding->elems());
    }
  } catch (const std::bad_alloc&) {
    return fail(Errc::exhausted, fmt::format("training: no memory for {} weights in float32", elements));
  }
  m->parameters_.reserve(checkpoint.tensors().size());
  Builder builder{*m, plan};
  builder.all();
  FH_TRY_VOID(std::move(builder.done));
  m->spec_ = std::move(plan.spec);
  m->spec_.quantised = false;
  FH_TRY_VOID(m->refresh());
  return m;
}

Result<> FullModel::prepare(const Matrix& matrix) {
  const Parameter& p = parameters_[matrix.parameter];
  const std::span<const float> value = p.value.subspan(matrix.first, matrix.shape[0] * matrix.shape[1]);
  View view{p.name, type(), matrix.shape, std::as_bytes(value)};
  if (precision_ == Precision::bf16) {
    round_to_bf16(pool_, value, rounded_.data());
    view.bytes = std::as_bytes(std::span<const std::uint16_t>(rounded_.data(), value.size()));
  }
  std::vector<float> bias = std::move(matrix.layer->bias);
  FH_TRY(*matrix.layer, nn::Linear::prepare(pool_, view, matrix.panels));
  matrix.layer->bias = std::move(bias);
  return {};
}

Result<> FullModel::refresh() {
  for (const Matrix& matrix : matrices_) FH_TRY_VOID(prepare(matrix));
  if (precision_ == Precision::bf16) round_to_bf16(pool_, parameters_.front().value, embedding_.data());
  for (const Vector& vector : vectors_) {
    const Parameter& p = parameters_[vector.parameter];
    for (std::size_t i = 0; i < p.value.size(); ++i) {
      (*vector.weights)[i] = p.value[i] + vector.offset;
      if (!std::isfinite(p.value[i])) {
        return fail(Errc::corrupt, fmt::format("tensor '{}', element {}: not finite", printable(p.name), i));
      }
    }
  }
  return {};
}

}  // namespace freehold::train
