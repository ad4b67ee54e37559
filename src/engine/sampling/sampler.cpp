#include "engine/sampling/sampler.h"

#include <algorithm>
#include <bit>
#include <limits>

namespace freehold::engine {

// The samplers: one function a kind, in the order of SamplerKind.
struct SamplerTable {
  using Apply = Result<> (*)(Sampler&, const SamplerStep&, const SamplerInput&);
  static const Apply apply[];

  static Result<> logit_bias(Sampler& s, const SamplerStep&, const SamplerInput& input) {
    for (const LogitBias& b : input.logit_bias) {
      s.candidates_.change_one(b.token, [&](double l, std::int32_t) { return l + b.bias; });
    }
    return {};
  }

  static Result<> repetition(Sampler& s, const SamplerStep& step, const SamplerInput& input) {
    s.count(input.history);
    for (std::int32_t id : s.seen_) {
      s.candidates_.change_one(id, [&](double l, std::int32_t) { return l > 0 ? l / step.a : l * step.a; });
    }
    return {};
  }

  static Result<> freq_presence(Sampler& s, const SamplerStep& step, const SamplerInput& input) {
    s.count(input.history);
    for (std::int32_t id : s.seen_) {
      double count = s.counts_[static_cast<std::size_t>(id)];
      s.candidates_.change_one(id, [&](double l, std::int32_t) { return l - (count * step.a + step.b); });
    }
    return {};
  }

  static Result<> temperature(Sampler& s, const SamplerStep& step, const SamplerInput&) {
    if (step.a == 0) {
      s.candidates_.keep_best();
    } else if (step.a != 1) {
      s.candidates_.change_all([&](double l, std::int32_t) { return l / step.a; });
    }
    return {};
  }

  static Result<> top_k(Sampler& s, const SamplerStep& step, const SamplerInput&) {
    // Beyond the vocabulary nothing is dropped; the comparison also keeps the conversion in range.
    if (step.a >= 1 && step.a < static_cast<double>(s.candidates_.size())) {
      s.candidates_.keep_top(static_cast<std::size_t>(step.a));
    }
    return {};
  }

  static Result<> typical(Sampler& s, const SamplerStep& step, const SamplerInput&) {
    if (step.a >= 1) return {};
    FH_TRY_VOID(s.candidates_.weigh());
    s.candidates_.keep_typical(step.a * s.candidates_.total());
    return {};
  }

  static Result<> top_p(Sampler& s, const SamplerStep& step, const SamplerInput&) {
    if (step.a >= 1) return {};
    FH_TRY_VOID(s.candidates_.weigh());
    s.candidates_.keep_nucleus(step.a * s.candidates_.total());
    return {};
  }

  static Result<> min_p(Sampler& s, const SamplerStep& step, const SamplerInput&) {
    if (step.a <= 0) return {};
    FH_TRY_VOID(s.candidates_.weigh());
    double largest = 0;
    for (const Candidate& c : s.candidates_.items()) largest = std::max(largest, c.weight);
    s.candidates_.keep_weight(step.a * largest);
    return {};
  }
};

const SamplerTable::Apply SamplerTable::apply[] = {logit_bias, repetition, freq_presence, temperature,
                                                   top_k,      typical,    top_p,         min_p};

namespace {

// Greedy without anything else needs no candidates: one pass over the logits.
Result<std::int32_t> likeliest(std::span<const float> logits) {
  constexpr float kInf = std::numeric_limits<float>::infinity();
  float largest = -kInf;
  std::size_t best = 0;
  for (std::size_t i = 0; i < logits.size(); ++i) {
    if (!(logits[i] < kInf)) return broken_logit(i, logits[i]);
    if (logits[i] > largest) {
      largest = logits[i];
      best = i;
    }
  }
  if (largest == -kInf) return fail(Errc::invalid, "no token may be chosen: the model forbids every one");
  return static_cast<std::int32_t>(best);
}

// The same under a mask, with the rules of Candidates::reset.
Result<std::int32_t> likeliest(std::span<const float> logits, std::span<const std::uint64_t> allowed) {
  constexpr float kInf = std::numeric_limits<float>::infinity();
  constexpr std::size_t kNobody = SIZE_MAX;
  float largest = -kInf;
  std::size_t lowest = kNobody;
  std::size_t best = kNobody;
  for (std::size_t w = 0; w < allowed.size(); ++w) {
    for (std::uint64_t left = allowed[w]; left != 0; left &= left - 1) {
      const std::size_t i = w * 64 + static_cast<std::size_t>(std::countr_zero(left));
      if (i >= logits.size()) break;
      if (logits[i] == kInf) return broken_logit(i, logits[i]);
      if (lowest == kNobody) lowest = i;
      if (logits[i] > largest) {
        largest = logits[i];
        best = i;
      }
    }
  }
  if (lowest == kNobody) return fail(Errc::invalid, "no token may be chosen: the mask forbids every one");
  return static_cast<std::int32_t>(best != kNobody ? best : lowest);
}

}  // namespace

Sampler::Sampler(std::uint32_t vocab) : candidates_(vocab), counts_(vocab, 0) {
  seen_.reserve(vocab);
}

void Sampler::count(std::span<const std::int32_t> history) {
  if (!seen_.empty()) return;  // a step before has counted
  for (std::int32_t id : history) {
    if (counts_[static_cast<std::size_t>(id)]++ == 0) seen_.push_back(id);
  }
}

void Sampler::forget_counts() {
  for (std::int32_t id : seen_) counts_[static_cast<std::size_t>(id)] = 0;
  seen_.clear();
}

Result<Candidates*> Sampler::apply(Chain chain, std::span<const float> logits, const SamplerInput& input) {
  FH_TRY_VOID(input.allowed.empty() ? candidates_.reset(logits) : candidates_.reset(logits, input.allowed));
  constexpr double kNever = -std::numeric_limits<double>::infinity();
  for (std::int32_t id : input.forbidden) candidates_.change_one(id, [](double, std::int32_t) { return kNever; });
  Result<> ok;
  for (const SamplerStep& step : chain) {
    ok = SamplerTable::apply[static_cast<std::size_t>(step.kind)](*this, step, input);
    if (!ok) break;
  }
  forget_counts();
  FH_TRY_VOID(std::move(ok));
  FH_TRY_VOID(candidates_.weigh());
  return &candidates_;
}

Result<std::int32_t> Sampler::sample(Chain chain, std::span<const float> logits, const SamplerInput& input,
                                     double uniform) {
  const bool greedy = chain.size() == 1 && chain[0].kind == SamplerKind::temperature && chain[0].a == 0;
  if (greedy && input.forbidden.empty())
    return input.allowed.empty() ? likeliest(logits) : likeliest(logits, input.allowed);
  FH_TRY(Candidates * left, apply(chain, logits, input));
  return left->at_sum(uniform * left->total()).id;
}

}  // namespace freehold::engine
