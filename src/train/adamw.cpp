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

void AdamW::step(ThreadPool& pool, std::span<Parameter> parameters, double learning_rate) {
  FH_CHECK(elements(parameters) == m_.size(), "the parameters are those of the constructor");
  ++steps_;
  const double b1 = options_.beta1, b2 = options_.beta2;
  const auto keep1 = static_cast<float>(b1), take1 = static_cast<float>(1 - b1);
  const auto keep2 = static_cast<float>(b2), take2 = static_cast<float>(1 - b2);
  const auto rate = static_cast<float>(learning_rate / (1 - power(b1, steps_)));
  const auto root = static_cast<float>(1 / std::sqrt(1 - power(b2, steps_)));
  const auto eps = static_cast<float>(options_.eps);
  std::size_t at = 0;
  for (Parameter& p : parameters) {
    const float shrink = p.decays ? static_cast<float>(1 - learning_rate * options_.weight_decay) : 1.0f;
    float *m = m_.data() + at, *v = v_.data() + at;
    each_piece(pool, {&p, 1}, [&](Parameter& parameter, std::size_t begin, std::size_t end) {
      for (std::size_t i = begin; i < end; ++i) {
        const float g = parameter.gradient[i];
        m[i] = keep1 * m[i] + take1 * g;
        v[i] = keep2 * v[i] + take2 * g * g;
        parameter.value[i] = parameter.value[i] * shrink - rate * m[i] / (std::sqrt(v[i]) * root + eps);
      }
    });
    at += p.value.size();
  }
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
