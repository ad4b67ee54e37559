#include "train/adamw.h"

#include <algorithm>
#include <cmath>

#include "base/check.h"

namespace freehold::train {
namespace {

constexpr std::size_t kPiece = 4096;  // elements; part of what the norm is

template <typename Body>  // body(parameter, first element, last + 1)
void each_piece(ThreadPool& pool, std::span<Parameter> parameters, Body body) {
  for (Parameter& p : parameters) {
    pool.parallel_for((p.value.size() + kPiece - 1) / kPiece, 4, [&](std::size_t begin, std::size_t end, int) {
      body(p, begin * kPiece, std::min(end * kPiece, p.value.size()));
    });
  }
}

std::size_t elements(std::span<const Parameter> parameters) {
  std::size_t n = 0;
  for (const Parameter& p : parameters) n += p.value.size();
  return n;
}

// base^n by squaring: the C library's pow is not the same everywhere.
double power(double base, std::uint64_t n) {
  double result = 1;
  for (; n != 0; n >>= 1, base *= base) {
    if ((n & 1) != 0) result *= base;
  }
  return result;
}

}  // namespace

AdamW::AdamW(const AdamWOptions& options, std::span<const Parameter> parameters)
    : options_(options), m_(elements(parameters)), v_(elements(parameters)) {}

AdamWStep::AdamWStep(const AdamWOptions& options, std::uint64_t step, double learning_rate)
    : keep1_(static_cast<float>(options.beta1)),
      take1_(static_cast<float>(1 - options.beta1)),
      keep2_(static_cast<float>(options.beta2)),
      take2_(static_cast<float>(1 - options.beta2)),
      rate_(static_cast<float>(learning_rate / (1 - power(options.beta1, step)))),
      root_(static_cast<float>(1 / std::sqrt(1 - power(options.beta2, step)))),
      eps_(static_cast<float>(options.eps)),
      shrink_(static_cast<float>(1 - learning_rate * options.weight_decay)) {}

void AdamWStep::apply(Parameter& p, std::size_t first, std::size_t count, float* m, float* v) const {
  const float shrink = p.decays ? shrink_ : 1.0f;
  float* value = p.value.data() + first;
  const float* gradient = p.gradient.data() + first;
  for (std::size_t i = 0; i < count; ++i) {
    const float g = gradient[i];
    m[i] = keep1_ * m[i] + take1_ * g;
    v[i] = keep2_ * v[i] + take2_ * g * g;
    value[i] = value[i] * shrink - rate_ * m[i] / (std::sqrt(v[i]) * root_ + eps_);
  }
}

void AdamW::step(ThreadPool& pool, std::span<Parameter> parameters, double learning_rate) {
  FH_CHECK(elements(parameters) == m_.size(), "the parameters are those of the constructor");
  ++steps_;
  const AdamWStep rule(options_, steps_, learning_rate);
  std::size_t at = 0;
  for (Parameter& p : parameters) {
    float *m = m_.data() + at, *v = v_.data() + at;
    each_piece(pool, {&p, 1}, [&](Parameter& parameter, std::size_t begin, std::size_t end) {
      rule.apply(parameter, begin, end - begin, m + begin, v + begin);
    });
    at += p.value.size();
  }
}

std::vector<Optimiser::State> AdamW::state() {
  return {{"adam.m", std::as_writable_bytes(m_.span())}, {"adam.v", std::as_writable_bytes(v_.span())}};
}

double gradient_norm(ThreadPool& pool, std::span<const Parameter> parameters) {
  std::vector<double> sums;
  double total = 0;
  for (const Parameter& p : parameters) {
    const std::size_t pieces = (p.gradient.size() + kPiece - 1) / kPiece;
    sums.assign(pieces, 0.0);
    pool.parallel_for(pieces, 4, [&](std::size_t begin, std::size_t end, int) {
      for (std::size_t piece = begin; piece < end; ++piece) {
        for (float g : p.gradient.subspan(piece * kPiece, std::min(kPiece, p.gradient.size() - piece * kPiece))) {
          sums[piece] += static_cast<double>(g) * static_cast<double>(g);
        }
      }
    });
    for (double s : sums) total += s;
  }
  return std::sqrt(total);
}

void clip_gradients(ThreadPool& pool, std::span<Parameter> parameters, double norm, double most) {
  if (most == 0 || norm + 1e-6 <= most) return;
  const auto scale = static_cast<float>(most / (norm + 1e-6));
  each_piece(pool, parameters, [&](Parameter& p, std::size_t begin, std::size_t end) {
    for (std::size_t i = begin; i < end; ++i) p.gradient[i] *= scale;
  });
}

void zero_gradients(ThreadPool& pool, std::span<Parameter> parameters) {
  each_piece(pool, parameters, [&](Parameter& p, std::size_t begin, std::size_t end) {
    std::fill(p.gradient.begin() + static_cast<std::ptrdiff_t>(begin),
              p.gradient.begin() + static_cast<std::ptrdiff_t>(end), 0.0f);
  });
}

}  // namespace freehold::train
