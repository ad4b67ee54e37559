#include "model/feed_forward.h"

#include <algorithm>

#include "base/check.h"
#include "model/adapted_linear.h"
#include "nn/elementwise.h"
#include "nn/linear.h"
#include "nn/routing.h"

namespace freehold::model {
namespace {

using nn::rows_cost;
using nn::take_rows;
using nn::Workspace;
using tensor::ConstRows;
using tensor::Rows;

nn::Gate gate_of(const Spec& spec) {
  return spec.activation == Activation::silu ? nn::Gate::silu : nn::Gate::gelu_tanh;
}

Rows part(Rows all, std::size_t begin, std::size_t rows) {
  return {all[begin], rows, all.cols, all.stride};
}

// Between the linear layers of one network. `act` may be `gate`.
struct Inner {
  Rows gate, up, act;  // (T, F)
};

// y = down(act(gate x) * up x)
void network(nn::Context& context, const Spec& spec, const Expert& w, std::size_t expert, const PassInputs& in,
             const Inner& inner, Rows y, ConstRows x) {
  const nn::LinearTask tasks[] = {{inner.gate, &w.gate}, {inner.up, &w.up}};
  nn::linear_forward(context, tasks, x);
  adapt(context, in, slot_of(Site::gate, expert), w.gate, inner.gate, x);
  adapt(context, in, slot_of(Site::up, expert), w.up, inner.up, x);
  nn::gated_forward(context, inner.act, inner.gate, inner.up, gate_of(spec));
  nn::linear_forward(context, y, inner.act, w.down);
  adapt(context, in, slot_of(Site::down, expert), w.down, y, inner.act);
}

void network_backward(nn::Context& context, const Spec& spec, const Expert& w, std::size_t expert, const PassInputs& in,
                      const Inner& inner, Rows dx, ConstRows dy, ConstRows x, const BlockGradients& g) {
  const nn::WorkspaceScope scope(context.workspace);
  const Rows dgate = take_zeroed(context, x.rows, spec.ffn), dup = take_zeroed(context, x.rows, spec.ffn);
  const std::size_t gate = slot_of(Site::gate, expert), up = slot_of(Site::up, expert),
                    down = slot_of(Site::down, expert);
  adapted_backward(context, in, down, w.down, g.sites[down], dgate, dy, inner.act);
  nn::gated_backward(context, dgate, dup, dgate, inner.gate, inner.up, gate_of(spec));
  adapted_backward(context, in, gate, w.gate, g.sites[gate], dx, dgate, x);
  adapted_backward(context, in, up, w.up, g.sites[up], dx, dup, x);
}

// The tokens that one expert takes, in increasing order, as a batch of their own.
struct Taken {
  std::uint32_t* tokens;  // room for T
  AdaptedRows* adapters;  // room for the batch's
  std::size_t count = 0;

  Taken(nn::Context& context, std::size_t T, const PassInputs& in)
      : tokens(context.workspace.take<std::uint32_t>(T)),
        adapters(context.workspace.take<AdaptedRows>(in.adapters.size())) {}

  // Of the expert; `in` for its rows.
  PassInputs by(std::size_t expert, ConstRows share, const PassInputs& in) {
    std::size_t r = 0;
    for (; r < in.adapters.size(); ++r) adapters[r] = {in.adapters[r].adapter, 0, 0};
    count = 0, r = 0;
    for (std::size_t t = 0; t < share.rows; ++t) {
      if (!(share[t][expert] > 0)) continue;
      while (r < in.adapters.size() && t >= in.adapters[r].end) ++r;
      if (r < in.adapters.size() && t >= in.adapters[r].begin) {
        if (adapters[r].begin == adapters[r].end) adapters[r].begin = count;
        adapters[r].end = count + 1;
      }
      tokens[count++] = static_cast<std::uint32_t>(t);
    }
    PassInputs own = in;
    own.adapters = {adapters, in.adapters.size()};
    return own;
  }
  void gather(Rows to, ConstRows from) const {
    for (std::size_t i = 0; i < count; ++i) std::copy_n(from[tokens[i]], from.cols, to[i]);
  }
};

void experts_forward(nn::Context& context, const Spec& spec, const BlockWeights& w, const PassInputs& in, Rows y,
                     ConstRows x, BlockTape* tape) {
  const std::size_t T = x.rows, E = spec.experts;
  const Rows share = tape != nullptr ? tape->share : take_rows(context, T, E);
  nn::linear_forward(context, share, x, w.router);
  adapt(context, in, slots_of(E) - 1, w.router, share, x);
  nn::routing_forward(context, share, spec.experts_used);
  for (std::size_t t = 0; t < T; ++t) std::fill_n(y[t], y.cols, 0.0f);
  Taken taken(context, T, in);
  std::size_t first = 0;  // of the tape's rows
  for (std::size_t e = 0; e < E; ++e) {
    const nn::WorkspaceScope expert_scope(context.workspace);
    const PassInputs own = taken.by(e, share, in);
    const std::size_t n = taken.count;
    if (n == 0) continue;
    const Rows to = take_rows(context, n, x.cols);
    taken.gather(to, x);
    Rows out;
    Inner inner;
    if (tape != nullptr) {
      out = part(tape->expert_out, first, n);
      inner = {part(tape->gate, first, n), part(tape->up, first, n), part(tape->act, first, n)};
      first += n;
    } else {
      out = take_rows(context, n, x.cols);
      const Rows gate = take_rows(context, n, spec.ffn), up = take_rows(context, n, spec.ffn);
      inner = {gate, up, gate};
    }
    network(context, spec, w.experts[e], e, own, inner, out, to);
    for (std::size_t i = 0; i < n; ++i) {
      context.kernels.axpy_row(y[taken.tokens[i]], share[taken.tokens[i]][e], out[i], y.cols);
    }
  }
}

// Sums of n products in increasing order, in double.
float product(const float* a, const float* b, std::size_t n) {
  double sum = 0;
  for (std::size_t i = 0; i < n; ++i) sum += static_cast<double>(a[i]) * static_cast<double>(b[i]);
  return static_cast<float>(sum);
}

void experts_backward(nn::Context& context, const Spec& spec, const BlockWeights& w, const PassInputs& in,
                      const BlockTape& tape, Rows dx, ConstRows dy, ConstRows x, const BlockGradients& g) {
  const std::size_t T = x.rows, E = spec.experts, C = x.cols;
  const ConstRows share = tape.share;
  const Rows dshare = take_zeroed(context, T, E);
  Taken taken(context, T, in);
  std::size_t first = 0;
  for (std::size_t e = 0; e < E; ++e) {
    const nn::WorkspaceScope expert_scope(context.workspace);
    const PassInputs own = taken.by(e, share, in);
    const std::size_t n = taken.count;
    if (n == 0) continue;
    const Rows own_x = take_rows(context, n, C), own_dy = take_zeroed(context, n, C),
               own_dx = take_zeroed(context, n, C), out = part(tape.expert_out, first, n);
    const Inner inner{part(tape.gate, first, n), part(tape.up, first, n), part(tape.act, first, n)};
    first += n;
    taken.gather(own_x, x);
    context.pool.parallel_for(n, 4, [&](std::size_t begin, std::size_t end, int) {
      for (std::size_t i = begin; i < end; ++i) {
        const std::size_t t = taken.tokens[i];
        dshare[t][e] = product(dy[t], out[i], C);
        context.kernels.axpy_row(own_dy[i], share[t][e], dy[t], C);
      }
    });
    network_backward(context, spec, w.experts[e], e, own, inner, own_dx, own_dy, own_x, g);
    context.pool.parallel_for(n, 8, [&](std::size_t begin, std::size_t end, int) {
      for (std::size_t i = begin; i < end; ++i) context.kernels.add_row(dx[taken.tokens[i]], own_dx[i], C);
    });
  }
  nn::routing_backward(context, dshare, share);
  const std::size_t router = slots_of(E) - 1;
  adapted_backward(context, in, router, w.router, g.sites[router], dx, dshare, x);
}

}  // namespace

void feed_forward(nn::Context& context, const Spec& spec, const BlockWeights& w, const PassInputs& in, Rows y,
                  ConstRows x, BlockTape* tape) {
  const nn::WorkspaceScope scope(context.workspace);
  if (spec.experts != 0) return experts_forward(context, spec, w, in, y, x, tape);
  if (tape != nullptr) return network(context, spec, w.ffn, 0, in, {tape->gate, tape->up, tape->act}, y, x);
  const Rows gate = take_rows(context, x.rows, spec.ffn), up = take_rows(context, x.rows, spec.ffn);
  network(context, spec, w.ffn, 0, in, {gate, up, gate}, y, x);
}

void feed_forward_backward(nn::Context& context, const Spec& spec, const BlockWeights& w, const PassInputs& in,
                           const BlockTape& tape, Rows dx, ConstRows dy, ConstRows x, const BlockGradients& g) {
  const nn::WorkspaceScope scope(context.workspace);
  if (spec.experts != 0) return experts_backward(context, spec, w, in, tape, dx, dy, x, g);
  network_backward(context, spec, w.ffn, 0, in, {tape.gate, tape.up, tape.act}, dx, dy, x, g);
}

std::size_t feed_forward_workspace(const Spec& spec, std::size_t T) {
  const std::size_t network = 2 * rows_cost(T, spec.ffn);
  if (spec.experts == 0) return network;
  return network + rows_cost(T, spec.experts) + Workspace::cost<std::uint32_t>(T) + Workspace::cost<AdaptedRows>(T) +
         2 * rows_cost(T, spec.width);
}

std::size_t feed_forward_backward_workspace(const Spec& spec, std::size_t T) {
  const std::size_t network = 2 * rows_cost(T, spec.ffn);
  if (spec.experts == 0) return network;
  return network + rows_cost(T, spec.experts) + Workspace::cost<std::uint32_t>(T) + Workspace::cost<AdaptedRows>(1) +
         3 * rows_cost(T, spec.width);
}

}  // namespace freehold::model
