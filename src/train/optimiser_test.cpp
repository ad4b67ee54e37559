// AdamW against its formula in double, clipping against torch's, schedules against Hugging Face's.
#include <gtest/gtest.h>

#include <cmath>

#include "base/random.h"
#include "train/adamw.h"
#include "train/schedule.h"

namespace freehold::train {
namespace {

std::vector<float> draws(std::size_t n, std::uint64_t stream) {
  std::vector<float> out(n);
  for (std::size_t i = 0; i < n; ++i) out[i] = static_cast<float>(uniform_draw(2, stream, i) * 2 - 1);
  return out;
}

TEST(AdamW, FollowsTheFormula) {
  constexpr std::size_t n = 9001;  // more than one piece
  std::vector<float> value[2] = {draws(n, 1), draws(7, 2)}, gradient[2] = {draws(n, 3), draws(7, 4)};
  std::vector<Parameter> parameters = {{"matrix", {n}, value[0], gradient[0], true},
                                       {"norm", {7}, value[1], gradient[1], false}};
  const AdamWOptions options{0.9, 0.95, 1e-8, 0.1};
  std::vector<double> p[2], m[2], v[2];
  for (int k = 0; k < 2; ++k) {
    p[k].assign(value[k].begin(), value[k].end());
    m[k].resize(p[k].size());
    v[k].resize(p[k].size());
  }
  ThreadPool pool(2);
  AdamW optimiser(options, parameters);
  for (int t = 1; t <= 20; ++t) {
    const double lr = 0.01 * t;
    for (int k = 0; k < 2; ++k) {
      gradient[k] = draws(p[k].size(), static_cast<std::uint64_t>(10 * t + k));
      parameters[static_cast<std::size_t>(k)].gradient = gradient[k];
      for (std::size_t i = 0; i < p[k].size(); ++i) {
        const double g = gradient[k][i];
        if (k == 0) p[k][i] *= 1 - lr * 0.1;
        m[k][i] = 0.9 * m[k][i] + 0.1 * g;
        v[k][i] = 0.95 * v[k][i] + 0.05 * g * g;
        p[k][i] -= lr * (m[k][i] / (1 - std::pow(0.9, t))) / (std::sqrt(v[k][i] / (1 - std::pow(0.95, t))) + 1e-8);
      }
    }
    optimiser.step(pool, parameters, lr);
  }
  for (int k = 0; k < 2; ++k) {
    for (std::size_t i = 0; i < p[k].size(); ++i) ASSERT_NEAR(static_cast<double>(value[k][i]), p[k][i], 3e-6);
  }
}

TEST(AdamW, ClipsByTheCommonNorm) {
  std::vector<float> value(9000), g = draws(9000, 1), h = {3, 4};
  std::vector<Parameter> parameters = {{"a", {9000}, value, g, true}, {"b", {2}, std::span(value).first(2), h, true}};
  double sum = 25;
  for (float x : g) sum += static_cast<double>(x) * static_cast<double>(x);
  ThreadPool one(1), three(3);
  const double norm = gradient_norm(one, parameters);
  EXPECT_NEAR(norm, std::sqrt(sum), 1e-9);
  EXPECT_EQ(norm, gradient_norm(three, parameters));
  const std::vector<float> before = h;
  clip_gradients(one, parameters, norm, norm * 2);
  EXPECT_EQ(h, before);  // short enough
  clip_gradients(one, parameters, norm, 0);
  EXPECT_EQ(h, before);  // 0: no clipping
  clip_gradients(one, parameters, norm, 1.0);
  EXPECT_NEAR(gradient_norm(one, parameters), norm / (norm + 1e-6), 1e-6);
  zero_gradients(three, parameters);
  EXPECT_EQ(gradient_norm(one, parameters), 0);
}

TEST(Schedule, WarmUpAndDecay) {
  const Schedule cosine{Decay::cosine, 2.0, 4, 24}, linear{Decay::linear, 2.0, 4, 24},
      constant{Decay::constant, 2.0, 4, 24};
  for (const Schedule& s : {cosine, linear, constant}) {
    EXPECT_EQ(s.at(0), 0.0);
    EXPECT_EQ(s.at(1), 0.5);
    EXPECT_EQ(s.at(4), 2.0);
  }
  EXPECT_NEAR(cosine.at(14), 1.0, 1e-15);
  EXPECT_NEAR(cosine.at(9), 1 + std::cos(M_PI / 4), 1e-12);
  EXPECT_NEAR(cosine.at(24), 0.0, 1e-15);
  EXPECT_NEAR(cosine.at(99), 0.0, 1e-15);  // never rises again
  EXPECT_EQ(linear.at(14), 1.0);
  EXPECT_EQ(linear.at(24), 0.0);
  EXPECT_EQ(constant.at(23), 2.0);
  EXPECT_EQ((Schedule{Decay::cosine, 2.0, 0, 0}).at(0), 2.0);
}

}  // namespace
}  // namespace freehold::train
