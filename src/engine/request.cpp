#include "engine/request.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/utf8.h"
#include "model/adapter.h"
#include "text/grammar/mask_cache.h"
#include "text/tools/constraint.h"

namespace freehold::engine {
namespace {

// One number of a request with its legal range; NaN lies outside every range.
struct Range {
  const char* field;
  double value;
  double low;
  double high;
  bool low_is_legal;
};

Result<> check(const Range& r) {
  bool legal = (r.low_is_legal ? r.value >= r.low : r.value > r.low) && r.value <= r.high;
  if (legal) return {};
  return fail(Errc::invalid, fmt::format("{} is {}, must be {} {} and at most {}", r.field, r.value,
                                         r.low_is_legal ? "at least" : "more than", r.low, r.high));
}

Result<> check_token(std::string_view what, std::int32_t token, std::uint32_t vocab) {
  if (token >= 0 && static_cast<std::uint32_t>(token) < vocab) return {};
  return fail(Errc::invalid, fmt::format("{} {}, must be a token id from 0 to {}", what, token, vocab - 1));
}

Result<> check_bias(const std::vector<LogitBias>& bias, std::uint32_t vocab) {
  constexpr double kLargest = 1e6;
  std::vector<std::int32_t> tokens;
  tokens.reserve(bias.size());
  for (std::size_t i = 0; i < bias.size(); ++i) {
    FH_TRY_VOID(check_token("logit_bias names token", bias[i].token, vocab));
    double b = bias[i].bias;
    bool legal = (b >= -kLargest && b <= kLargest) || (std::isinf(b) && b < 0);
    if (!legal) {
      return fail(Errc::invalid, fmt::format("logit_bias[{}].bias is {}, must be from {} to {}, or -infinity", i, b,
                                             -kLargest, kLargest));
    }
    tokens.push_back(bias[i].token);
  }
  std::sort(tokens.begin(), tokens.end());
  auto twice = std::adjacent_find(tokens.begin(), tokens.end());
  if (twice != tokens.end()) return fail(Errc::invalid, fmt::format("logit_bias names token {} twice", *twice));
  return {};
}

Result<> check_sampling(const Sampling& s, std::uint32_t vocab) {
  FH_TRY_VOID(check_bias(s.logit_bias, vocab));
  const Range ranges[] = {
      {"repetition_penalty", s.repetition_penalty, 0.01, 100, true},
      {"frequency_penalty", s.frequency_penalty, -100, 100, true},
      {"presence_penalty", s.presence_penalty, -100, 100, true},
      {"typical_p", s.typical_p, 0, 1, false},
      {"top_p", s.top_p, 0, 1, false},
      {"min_p", s.min_p, 0, 1, true},
  };
  for (const Range& range : ranges) FH_TRY_VOID(check(range));
  // Below 1e-100 a logit divided by it could leave the range of a double.
  if (s.temperature == 0 || (s.temperature >= 1e-100 && s.temperature <= 100)) return {};
  return fail(Errc::invalid, fmt::format("temperature is {}, must be 0 (greedy) or from 1e-100 to 100", s.temperature));
}

Result<> check_stop(const Request& r, std::uint32_t vocab) {
  if (r.stop.size() > kMaxStopStrings) {
    return fail(Errc::invalid, fmt::format("stop has {} strings, must be at most {}", r.stop.size(), kMaxStopStrings));
  }
  for (std::size_t i = 0; i < r.stop.size(); ++i) {
    if (r.stop[i].empty()) return fail(Errc::invalid, fmt::format("stop[{}] is empty, must have at least one byte", i));
    if (r.stop[i].size() > kMaxStopBytes) {
      return fail(Errc::invalid,
                  fmt::format("stop[{}] has {} bytes, must be at most {}", i, r.stop[i].size(), kMaxStopBytes));
    }
    if (!is_utf8(r.stop[i])) return fail(Errc::invalid, fmt::format("stop[{}] is not UTF-8", i));
  }
  for (std::size_t i = 0; i < r.stop_tokens.size(); ++i) {
    FH_TRY_VOID(check_token(fmt::format("stop_tokens[{}] is", i), r.stop_tokens[i], vocab));
  }
  return {};
}

Result<> check_logprobs(const char* field, std::optional<std::uint32_t> wanted, std::uint32_t vocab) {
  if (wanted && *wanted > kMaxLogprobs) {
    return fail(Errc::invalid, fmt::format("{} is {}, must be from 0 to {}", field, *wanted, kMaxLogprobs));
  }
  if (wanted && *wanted > vocab) {
    return fail(Errc::invalid, fmt::format("{} is {}, but the vocabulary has {} tokens", field, *wanted, vocab));
  }
  return {};
}

Result<> check_context(const Request& r, std::uint32_t context) {
  std::uint64_t prompt = r.prompt.size();
  // Without a limit of its own an answer needs room for one token at least.
  std::uint64_t answer = r.score_only ? 0 : r.max_tokens == 0 ? 1 : r.max_tokens;
  if (prompt + answer <= context) return {};
  if (r.score_only) {
    return fail(Errc::exhausted, fmt::format("the prompt has {} tokens, but the context holds {}", prompt, context));
  }
  if (r.max_tokens == 0) {
    return fail(Errc::exhausted,
                fmt::format("the prompt has {} tokens and leaves no room for an answer: the context holds {}", prompt,
                            context));
  }
  return fail(Errc::exhausted, fmt::format("the prompt's {} tokens and max_tokens {} make {}, but the context holds {}",
                                           prompt, r.max_tokens, prompt + answer, context));
}

Result<> check_min_tokens(const Request& r, const RequestLimits& limits) {
  const std::uint32_t most = answer_limit(r, limits);
  if (r.min_tokens <= most) return {};
  return fail(Errc::invalid, fmt::format("min_tokens is {}, must be at most {}, {}", r.min_tokens, most,
                                         r.max_tokens != 0 ? "which is max_tokens" : "which the context leaves"));
}

Result<> check_constraint(const Request& r, std::uint32_t vocab) {
  if (r.constraint_start && (!r.constraint || r.constraint_start->kind != text::tools::Constraint::Kind::lazy)) {
    return fail(Errc::invalid, "constraint_start needs a constraint, and to be a lazy one");
  }
  if (!std::is_sorted(r.shown_tokens.begin(), r.shown_tokens.end())) {
    return fail(Errc::invalid, "shown_tokens must be sorted");
  }
  if (!r.constraint || r.constraint->vocabulary().size() <= vocab) return {};
  return fail(Errc::invalid, fmt::format("the constraint is for a vocabulary of {} tokens, but the model has {}",
                                         r.constraint->vocabulary().size(), vocab));
}

}  // namespace

Result<> check_prompt(const std::vector<std::int32_t>& prompt, const RequestLimits& limits) {
  if (prompt.empty()) return fail(Errc::invalid, "prompt is empty, must have at least one token");
  for (std::size_t i = 0; i < prompt.size(); ++i) {
    bool legal = prompt[i] >= 0 && static_cast<std::uint32_t>(prompt[i]) < limits.vocab;
    if (!legal) FH_TRY_VOID(check_token(fmt::format("prompt[{}] is", i), prompt[i], limits.vocab));
  }
  return {};
}

Result<> check_waiting(std::int32_t priority, double deadline_seconds) {
  FH_TRY_VOID(check({"priority", static_cast<double>(priority), -100, 100, true}));
  return check({"deadline_seconds", deadline_seconds, 0, 1e9, true});
}

Result<> check_adapter(const model::Adapter* adapter, const RequestLimits& limits) {
  if (adapter == nullptr) return {};
  if (limits.weights == nullptr) return fail(Errc::unsupported, "adapter: this decoder takes none");
  if (adapter->base != limits.weights) return fail(Errc::invalid, "adapter: it was made for another model");
  // Cached prefixes are told apart by it.
  if (adapter->digest == Digest{}) return fail(Errc::invalid, "adapter: it has no digest");
  if (adapter->largest_rank() <= limits.max_rank) return {};
  return fail(Errc::exhausted,
              fmt::format("adapter: its rank is {}, must be at most {}", adapter->largest_rank(), limits.max_rank));
}

Result<> validate(const Request& r, const RequestLimits& limits) {
  FH_TRY_VOID(check_prompt(r.prompt, limits));
  FH_TRY_VOID(check_context(r, limits.context));
  FH_TRY_VOID(check_min_tokens(r, limits));
  FH_TRY_VOID(check_sampling(r.sampling, limits.vocab));
  if (r.n < 1 || r.n > limits.max_choices) {
    return fail(Errc::invalid, fmt::format("n is {}, must be from 1 to {}", r.n, limits.max_choices));
  }
  FH_TRY_VOID(check_stop(r, limits.vocab));
  FH_TRY_VOID(check_constraint(r, limits.vocab));
  FH_TRY_VOID(check_logprobs("logprobs", r.logprobs, limits.vocab));
  FH_TRY_VOID(check_logprobs("prompt_logprobs", r.prompt_logprobs, limits.vocab));
  if (r.prompt_logprobs && limits.width == 0) {
    return fail(Errc::unsupported, "this model gives no hidden states, so no prompt_logprobs");
  }
  if (r.score_only && r.max_tokens != 0) {
    return fail(Errc::invalid, fmt::format("max_tokens is {}, must be 0 with score_only", r.max_tokens));
  }
  FH_TRY_VOID(check_waiting(r.priority, r.deadline_seconds));
  return check_adapter(r.adapter.get(), limits);
}

std::uint32_t answer_limit(const Request& r, const RequestLimits& limits) {
  if (r.score_only) return 0;
  return r.max_tokens != 0 ? r.max_tokens : limits.context - static_cast<std::uint32_t>(r.prompt.size());
}

}  // namespace freehold::engine
