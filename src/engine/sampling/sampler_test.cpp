// The default chain against a plain twin that sorts everything, its edges, and the draw.
#include "engine/sampling/sampler.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>

#include "base/random.h"
#include "engine/sampling/logprobs.h"
#include "engine/sampling/weight.h"

namespace freehold::engine {
namespace {

constexpr double kInf = std::numeric_limits<double>::infinity();

std::vector<float> random_logits(std::uint64_t seed, std::size_t vocab, double spread) {
  std::vector<float> logits(vocab);
  for (std::size_t i = 0; i < vocab; ++i) {
    // Rounded coarsely, so that there are ties.
    logits[i] =
        static_cast<float>(std::round(spread * (uniform_draw(seed, 1, i) + uniform_draw(seed, 2, i) - 1) * 20) / 20);
  }
  return logits;
}

// The twin: (id, probability) by falling probability, written straight from the definitions with the C library's
// functions.
using Ranked = std::vector<std::pair<std::int32_t, double>>;

void renormalise(Ranked& r) {
  double sum = 0;
  for (auto& [id, p] : r) sum += p;
  for (auto& [id, p] : r) p /= sum;
  std::sort(r.begin(), r.end(),
            [](auto& a, auto& b) { return a.second != b.second ? a.second > b.second : a.first < b.first; });
}

template <typename Key>
void shortest_prefix(Ranked& r, double p, Key key) {
  std::stable_sort(r.begin(), r.end(), [&](auto& a, auto& b) { return key(a.second) < key(b.second); });
  double sum = 0;
  std::size_t n = 0;
  while (n < r.size() && sum < p) sum += r[n++].second;
  r.resize(n);
  renormalise(r);
}

Ranked plain(const Sampling& s, const std::vector<float>& logits, const std::vector<std::int32_t>& history) {
  std::vector<double> l(logits.begin(), logits.end());
  for (const LogitBias& b : s.logit_bias) l[static_cast<std::size_t>(b.token)] += b.bias;
  std::map<std::int32_t, int> counts;
  for (std::int32_t id : history) ++counts[id];
  for (auto [id, count] : counts) {
    double& x = l[static_cast<std::size_t>(id)];
    x = x > 0 ? x / s.repetition_penalty : x * s.repetition_penalty;
    x -= count * s.frequency_penalty + s.presence_penalty;
  }
  double largest = *std::max_element(l.begin(), l.end());
  Ranked r;
  for (std::size_t i = 0; i < l.size(); ++i)
    r.emplace_back(static_cast<std::int32_t>(i), std::exp((l[i] - largest) / s.temperature));
  renormalise(r);
  if (s.top_k != 0 && s.top_k < r.size()) r.resize(s.top_k);
  renormalise(r);
  if (s.typical_p < 1) {
    double entropy = 0;
    for (auto& [id, p] : r) entropy -= p > 0 ? p * std::log(p) : 0;
    shortest_prefix(r, s.typical_p, [&](double p) { return std::fabs(-std::log(p) - entropy); });
  }
  if (s.top_p < 1) shortest_prefix(r, s.top_p, [](double p) { return -p; });
  double floor = s.min_p * r.front().second;
  std::erase_if(r, [&](auto& c) { return c.second < floor; });
  renormalise(r);
  return r;
}

TEST(Sampler, TheDefaultOrderGivesWhatAPlainTwinGives) {
  for (std::uint64_t seed = 0; seed < 400; ++seed) {
    auto draw = [&, i = std::uint64_t{0}]() mutable { return uniform_draw(seed, 0, i++); };
    std::size_t vocab = seed % 4 == 0 ? 5000 : 3 + static_cast<std::size_t>(draw() * 300);
    auto logits = random_logits(seed, vocab, 1 + draw() * 15);
    std::vector<std::int32_t> history;
    for (int i = 0; i < 20; ++i) history.push_back(static_cast<std::int32_t>(draw() * static_cast<double>(vocab)));
    Sampling s;
    if (draw() < 0.5) s.logit_bias = {{history[0], 3.25}, {static_cast<std::int32_t>(vocab) - 1, -kInf}};
    if (s.logit_bias.size() == 2 && s.logit_bias[0].token == s.logit_bias[1].token) s.logit_bias.pop_back();
    if (draw() < 0.5) s.repetition_penalty = 0.7 + draw();
    if (draw() < 0.5) s.frequency_penalty = draw() - 0.3, s.presence_penalty = draw() - 0.3;
    if (draw() < 0.7) s.temperature = 0.3 + 2 * draw();
    if (draw() < 0.5) s.top_k = 1 + static_cast<std::uint32_t>(draw() * 1.2 * static_cast<double>(vocab));
    // Irrational-looking thresholds: sums that land exactly on one may be cut differently by rounding.
    if (draw() < 0.4) s.typical_p = 0.1234567 + 0.8 * draw();
    if (draw() < 0.6) s.top_p = 0.0123457 + 0.98 * draw();
    if (draw() < 0.5) s.min_p = 0.3 * draw();
    Ranked expected = plain(s, logits, history);
    Sampler sampler(static_cast<std::uint32_t>(vocab));
    auto left = sampler.apply(DefaultChain(s), logits, {s.logit_bias, history});
    ASSERT_TRUE(left) << left.error().what;
    Candidates& c = **left;
    ASSERT_EQ(c.size(), expected.size()) << seed;
    double total = c.total();
    c.rank(c.size());
    for (std::size_t i = 0; i < expected.size(); ++i) {
      ASSERT_NEAR(c.items()[i].weight / total, expected[i].second, 1e-12) << seed << " " << i;
    }
  }
}

TEST(Sampler, TheDrawInvertsTheRunningSum) {
  std::vector<float> logits = {std::log(0.1f), std::log(0.4f), std::log(0.2f), std::log(0.3f)};
  Sampler sampler(4);
  auto at = [&](double u) { return *sampler.sample({}, logits, {}, u); };
  EXPECT_EQ(at(0), 1);
  EXPECT_EQ(at(0.399), 1);
  EXPECT_EQ(at(0.401), 3);
  EXPECT_EQ(at(0.699), 3);
  EXPECT_EQ(at(0.701), 2);
  EXPECT_EQ(at(0.899), 2);
  EXPECT_EQ(at(0.901), 0);
  EXPECT_EQ(at(1 - 0x1p-53), 0);
}

TEST(Sampler, DrawsFollowTheDistribution) {
  auto logits = random_logits(9, 1000, 6);
  Sampler sampler(1000);
  auto left = sampler.apply({}, logits, {});
  ASSERT_TRUE(left);
  std::vector<double> probability(1000);
  for (const Candidate& c : (*left)->items()) probability[static_cast<std::size_t>(c.id)] = c.weight / (*left)->total();
  constexpr int kDraws = 20000;
  std::vector<int> hits(1000);
  for (int i = 0; i < kDraws; ++i) {
    ++hits[static_cast<std::size_t>(
        *sampler.sample({}, logits, {}, uniform_draw(4, 0, static_cast<std::uint64_t>(i))))];
  }
  for (std::size_t id = 0; id < 1000; ++id) {
    double expected = probability[id] * kDraws;
    EXPECT_NEAR(hits[id], expected, 6 * std::sqrt(expected) + 3) << id;
  }
}

TEST(Sampler, ATokenWithoutProbabilityIsNeverDrawn) {
  constexpr float kNever = -std::numeric_limits<float>::infinity();
  std::vector<float> logits = {kNever, 1, kNever, 1};
  Sampler sampler(4);
  EXPECT_EQ(*sampler.sample({}, logits, {}, 0), 1);
  EXPECT_EQ(*sampler.sample({}, logits, {}, 1 - 0x1p-53), 3);
  for (const Sampling& s :
       {Sampling{.typical_p = 0.99}, Sampling{.top_p = 0.999999}, Sampling{.temperature = 1e-100}}) {
    auto id = sampler.sample(DefaultChain(s), logits, {}, 1 - 0x1p-53);
    ASSERT_TRUE(id);
    EXPECT_EQ(*id, 3);
  }
}

TEST(Sampler, GreedyTakesTheLowestIdOfSeveral) {
  std::vector<float> logits = {1, 5, 2, 5, -0.0f, 0.0f};
  Sampler sampler(6);
  Sampling greedy{.temperature = 0, .top_p = 0.1};
  EXPECT_EQ(*sampler.sample(DefaultChain(greedy), logits, {}, 0.99), 1);
  greedy.logit_bias = {{1, -1}};
  EXPECT_EQ(*sampler.sample(DefaultChain(greedy), logits, {greedy.logit_bias, {}}, 0.99), 3);
  greedy.logit_bias = {{5, 100}};
  EXPECT_EQ(*sampler.sample(DefaultChain(greedy), logits, {greedy.logit_bias, {}}, 0.99), 5);
}

TEST(Sampler, BrokenOrForbiddenLogitsAreErrors) {
  Sampling cases[] = {{.temperature = 0},     {}, {.top_k = 2}, {.typical_p = 0.5}, {.top_p = 0.5}, {.min_p = 0.5},
                      {.presence_penalty = 1}};
  std::vector<std::int32_t> history = {1, 1, 2};
  for (const Sampling& s : cases) {
    Sampler sampler(4);
    auto error_of = [&](std::vector<float> logits) {
      auto id = sampler.sample(DefaultChain(s), logits, {s.logit_bias, history}, 0.5);
      return id ? Errc::internal : id.error().code;
    };
    constexpr float kNotANumber = std::numeric_limits<float>::quiet_NaN();
    constexpr float kHuge = std::numeric_limits<float>::infinity();
    EXPECT_EQ(error_of({kNotANumber, 1, 2, 3}), Errc::corrupt);
    EXPECT_EQ(error_of({1, 2, 3, kNotANumber}), Errc::corrupt);
    EXPECT_EQ(error_of({1, kHuge, 3, 4}), Errc::corrupt);
    EXPECT_EQ(error_of({-kHuge, -kHuge, -kHuge, -kHuge}), Errc::invalid);
    EXPECT_TRUE(sampler.sample(DefaultChain(s), std::vector<float>{1, 2, 3, 4}, {s.logit_bias, history}, 0.5));
  }
}

TEST(Sampler, ExtremesStayFinite) {
  constexpr float kMax = std::numeric_limits<float>::max();
  std::vector<float> logits = {-kMax, kMax, 0, 1};
  std::vector<std::int32_t> history = {0, 1, 2, 3};
  Sampling s{.repetition_penalty = 100,
             .frequency_penalty = -100,
             .temperature = 1e-100,
             .typical_p = 0.9,
             .top_p = 0.9,
             .min_p = 1};
  Sampler sampler(4);
  auto id = sampler.sample(DefaultChain(s), logits, {{}, history}, 0.7);
  ASSERT_TRUE(id);
  EXPECT_EQ(*id, 1);
}

TEST(Weight, IsExpToTheLastBitsButOne) {
  EXPECT_EQ(weight_of(0), 1);
  EXPECT_EQ(weight_of(-0.0), 1);
  EXPECT_EQ(weight_of(-kInf), 0);
  EXPECT_EQ(weight_of(-1e308), 0);
  EXPECT_EQ(weight_of(std::nextafter(-708.0, -709.0)), 0);
  EXPECT_GT(weight_of(-708), 0);
  EXPECT_EQ(weight_of(-1e-300), 1);
  double worst = 0;
  for (std::uint64_t i = 0; i < 300000; ++i) {
    double x = -708 * uniform_draw(1, 0, i) * (i % 2 == 0 ? 1 : 0.01);
    long double exact = std::exp(static_cast<long double>(x));
    worst = std::max(worst, static_cast<double>(std::fabs(weight_of(x) / exact - 1)));
  }
  EXPECT_LT(worst, 0x1p-51);
}

TEST(Logprobs, TheLikeliestByFallingProbability) {
  auto logits = random_logits(3, 2000, 8);
  double log_sum = log_sum_exp(logits);
  double sum = 0;
  for (float l : logits) sum += std::exp(l - log_sum);
  EXPECT_NEAR(sum, 1, 1e-12);
  std::vector<TokenLogprob> top(50);
  top_logprobs(logits, log_sum, top);
  std::vector<std::int32_t> order(logits.size());
  for (std::size_t i = 0; i < order.size(); ++i) order[i] = static_cast<std::int32_t>(i);
  std::stable_sort(order.begin(), order.end(), [&](auto a, auto b) {
    return logits[static_cast<std::size_t>(a)] > logits[static_cast<std::size_t>(b)];
  });
  for (std::size_t i = 0; i < top.size(); ++i) {
    EXPECT_EQ(top[i].token, order[i]);
    EXPECT_EQ(top[i].logprob, double{logits[static_cast<std::size_t>(order[i])]} - log_sum);
  }
}

}  // namespace
}  // namespace freehold::engine
