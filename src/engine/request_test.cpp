#include "engine/request.h"

#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <limits>
#include <memory>

#include "model/adapter.h"
#include "model/weights.h"

namespace freehold::engine {
namespace {

constexpr RequestLimits kLimits{100, 50, 4, 8};

Request valid() {
  Request r;
  r.prompt = {1, 2, 3};
  r.max_tokens = 10;
  return r;
}

struct Wrong {
  std::function<void(Request&)> change;
  std::string what;
  Errc code = Errc::invalid;
};

TEST(Request, EveryFieldIsCheckedAndNamed) {
  constexpr double kNotANumber = std::numeric_limits<double>::quiet_NaN();
  constexpr double kInf = std::numeric_limits<double>::infinity();
  const Wrong cases[] = {
      {[](Request& r) { r.prompt.clear(); }, "prompt is empty, must have at least one token"},
      {[](Request& r) { r.prompt[1] = 100; }, "prompt[1] is 100, must be a token id from 0 to 99"},
      {[](Request& r) { r.prompt[2] = -1; }, "prompt[2] is -1, must be a token id from 0 to 99"},
      {[](Request& r) { r.max_tokens = 48; },
       "the prompt's 3 tokens and max_tokens 48 make 51, but the context holds 50", Errc::exhausted},
      {[](Request& r) { r.max_tokens = UINT32_MAX; },
       "the prompt's 3 tokens and max_tokens 4294967295 make 4294967298, but the context holds 50", Errc::exhausted},
      {[](Request& r) { r.max_tokens = 0, r.prompt.resize(50); },
       "the prompt has 50 tokens and leaves no room for an answer: the context holds 50", Errc::exhausted},
      {[](Request& r) { r.min_tokens = 11; }, "min_tokens is 11, must be at most 10, which is max_tokens"},
      {[](Request& r) { r.max_tokens = 0, r.min_tokens = 48; },
       "min_tokens is 48, must be at most 47, which the context leaves"},
      {[](Request& r) { r.n = 0; }, "n is 0, must be from 1 to 4"},
      {[](Request& r) { r.n = 5; }, "n is 5, must be from 1 to 4"},
      {[](Request& r) { r.sampling.temperature = -0.1; },
       "temperature is -0.1, must be 0 (greedy) or from 1e-100 to 100"},
      {[](Request& r) { r.sampling.temperature = 1e-200; },
       "temperature is 1e-200, must be 0 (greedy) or from 1e-100 to 100"},
      {[](Request& r) { r.sampling.temperature = 101; },
       "temperature is 101, must be 0 (greedy) or from 1e-100 to 100"},
      {[=](Request& r) { r.sampling.temperature = kNotANumber; },
       "temperature is nan, must be 0 (greedy) or from 1e-100 to 100"},
      {[](Request& r) { r.sampling.top_p = 0; }, "top_p is 0, must be more than 0 and at most 1"},
      {[](Request& r) { r.sampling.top_p = 1.01; }, "top_p is 1.01, must be more than 0 and at most 1"},
      {[=](Request& r) { r.sampling.top_p = kNotANumber; }, "top_p is nan, must be more than 0 and at most 1"},
      {[](Request& r) { r.sampling.typical_p = -1; }, "typical_p is -1, must be more than 0 and at most 1"},
      {[](Request& r) { r.sampling.min_p = -0.5; }, "min_p is -0.5, must be at least 0 and at most 1"},
      {[](Request& r) { r.sampling.min_p = 2; }, "min_p is 2, must be at least 0 and at most 1"},
      {[](Request& r) { r.sampling.repetition_penalty = 0; },
       "repetition_penalty is 0, must be at least 0.01 and at most 100"},
      {[=](Request& r) { r.sampling.frequency_penalty = kInf; },
       "frequency_penalty is inf, must be at least -100 and at most 100"},
      {[=](Request& r) { r.sampling.presence_penalty = kNotANumber; },
       "presence_penalty is nan, must be at least -100 and at most 100"},
      {[](Request& r) {
         r.sampling.logit_bias = {{3, 1}, {100, 1}};
       },
       "logit_bias names token 100, must be a token id from 0 to 99"},
      {[=](Request& r) {
         r.sampling.logit_bias = {{3, kInf}};
       },
       "logit_bias[0].bias is inf, must be from -1000000 to 1000000, or -infinity"},
      {[=](Request& r) {
         r.sampling.logit_bias = {{3, kNotANumber}};
       },
       "logit_bias[0].bias is nan, must be from -1000000 to 1000000, or -infinity"},
      {[](Request& r) {
         r.sampling.logit_bias = {{3, 1}, {4, 1}, {3, 2}};
       },
       "logit_bias names token 3 twice"},
      {[](Request& r) {
         r.stop = {"a", ""};
       },
       "stop[1] is empty, must have at least one byte"},
      {[](Request& r) { r.stop = {"\xff"}; }, "stop[0] is not UTF-8"},
      {[](Request& r) { r.stop = {std::string(4097, 'a')}; }, "stop[0] has 4097 bytes, must be at most 4096"},
      {[](Request& r) { r.stop.assign(65, "a"); }, "stop has 65 strings, must be at most 64"},
      {[](Request& r) {
         r.stop_tokens = {5, -3};
       },
       "stop_tokens[1] is -3, must be a token id from 0 to 99"},
      {[](Request& r) { r.logprobs = 101; }, "logprobs is 101, must be from 0 to 100"},
      {[](Request& r) { r.prompt_logprobs = 101; }, "prompt_logprobs is 101, must be from 0 to 100"},
      {[](Request& r) { r.score_only = true; }, "max_tokens is 10, must be 0 with score_only"},
      {[](Request& r) { r.score_only = true, r.max_tokens = 0, r.prompt.resize(51); },
       "the prompt has 51 tokens, but the context holds 50", Errc::exhausted},
      {[](Request& r) { r.priority = -101; }, "priority is -101, must be at least -100 and at most 100"},
      {[](Request& r) { r.deadline_seconds = -1; },
       "deadline_seconds is -1, must be at least 0 and at most 1000000000"},
      {[=](Request& r) { r.deadline_seconds = kNotANumber; },
       "deadline_seconds is nan, must be at least 0 and at most 1000000000"},
  };
  for (const Wrong& wrong : cases) {
    Request r = valid();
    wrong.change(r);
    auto result = validate(r, kLimits);
    ASSERT_FALSE(result) << wrong.what;
    EXPECT_EQ(result.error().what, wrong.what);
    EXPECT_EQ(result.error().code, wrong.code) << wrong.what;
  }
}

TEST(Request, AdaptersMustBeForTheModel) {
  const auto refusal = [](model::Adapter& adapter, const RequestLimits& limits) {
    Request r = valid();
    r.adapter = std::shared_ptr<const model::Adapter>(&adapter, [](const model::Adapter*) {});
    const auto result = validate(r, limits);
    return result ? "accepted" : result.error().what;
  };
  const model::Weights weights, others;
  RequestLimits limits = kLimits;
  model::Adapter adapter;
  EXPECT_EQ(refusal(adapter, limits), "adapter: this decoder takes none");
  limits.weights = &weights;
  limits.max_rank = 4;
  adapter.base = &others;
  EXPECT_EQ(refusal(adapter, limits), "adapter: it was made for another model");
  adapter.base = &weights;
  EXPECT_EQ(refusal(adapter, limits), "adapter: it has no digest");
  adapter.digest = sha256("a");
  EXPECT_EQ(refusal(adapter, limits), "accepted");
  adapter.blocks.resize(2);
  std::vector<float> a(5 * 16);
  ThreadPool pool(1);
  const tensor::View view{"", tensor::DType::f32, {5, 16}, std::as_bytes(std::span(a))};
  adapter.panels = AlignedBuffer<std::byte>(nn::Linear::prepared_bytes(view));
  adapter.blocks[1].at(model::Site::v).a = *nn::Linear::prepare(pool, view, adapter.panels.span());
  EXPECT_EQ(refusal(adapter, limits), "adapter: its rank is 5, must be at most 4");
  limits.max_rank = 5;
  EXPECT_EQ(refusal(adapter, limits), "accepted");
}

TEST(Request, TheEdgesAreLegal) {
  Request r = valid();
  EXPECT_TRUE(validate(r, kLimits));
  r.max_tokens = 47;
  EXPECT_TRUE(validate(r, kLimits));
  EXPECT_EQ(answer_limit(r, kLimits), 47u);
  r.max_tokens = 0;
  EXPECT_TRUE(validate(r, kLimits));
  EXPECT_EQ(answer_limit(r, kLimits), 47u);
  r.sampling = {{{0, -std::numeric_limits<double>::infinity()}, {99, 1e6}},
                0.01,
                -100,
                100,
                0,
                PenaltyScope::answer,
                1e-100,
                7,
                1,
                1e-9,
                1};
  r.stop.assign(64, std::string(4096, 'x'));
  r.logprobs = 100;
  r.n = 4;
  auto result = validate(r, kLimits);
  EXPECT_TRUE(result) << result.error().what;
  r.score_only = true;
  r.prompt.resize(50);
  r.prompt_logprobs = 100;
  EXPECT_TRUE(validate(r, kLimits));
  EXPECT_EQ(answer_limit(r, kLimits), 0u);
  RequestLimits no_hidden = kLimits;
  no_hidden.width = 0;
  EXPECT_EQ(validate(r, no_hidden).error().code, Errc::unsupported);
}

}  // namespace
}  // namespace freehold::engine
