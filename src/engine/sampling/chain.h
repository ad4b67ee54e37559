// The samplers as data: a chain is a list of steps, each a kind and up to two numbers, applied left to right to what
// the step before left over. A new sampler is one enumerator and one row of the table in sampler.cpp.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "engine/request.h"

namespace freehold::engine {

// p_i is always of the candidates that are left, renormalised.
enum class SamplerKind : std::uint8_t {
  logit_bias,     // l += bias, of the tokens listed
  repetition,     // a = r: l > 0 ? l / r : l * r, for every token of the history once
  freq_presence,  // a = f, b = q: l -= count * f + q, for every token of the history
  temperature,    // a = T: l / T; 0 keeps only the likeliest, the lowest id of several
  top_k,          // a = k: keeps the k likeliest; 0 or less keeps all
  typical,        // a = p: by rising |-log p_i - H|, the shortest prefix whose sum is >= p
  top_p,          // a = p: by falling p_i, the shortest prefix whose sum is >= p; 1 keeps all
  min_p,          // a = m: keeps p_i >= m * p_max; the last one: kSamplerKinds counts on it
};
inline constexpr std::size_t kSamplerKinds = static_cast<std::size_t>(SamplerKind::min_p) + 1;

struct SamplerStep {
  SamplerKind kind = SamplerKind::temperature;
  double a = 0;
  double b = 0;
};

using Chain = std::span<const SamplerStep>;

// A request's chain in our order, without the steps that change nothing. Holds its steps inside: no allocation.
class DefaultChain {
 public:
  explicit DefaultChain(const Sampling& sampling);
  operator Chain() const { return {steps_.data(), count_}; }  // NOLINT(google-explicit-constructor): it is one

 private:
  void add(SamplerKind kind, double a, double b = 0) { steps_[count_++] = {kind, a, b}; }
  std::array<SamplerStep, kSamplerKinds> steps_{};  // each kind once at most
  std::size_t count_ = 0;
};

}  // namespace freehold::engine
