// AdamW against its formula in double, clipping against torch's, schedules against Hugging Face's.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "base/random.h"
#include "kernel/blocks/nf4.h"
#include "train/adamw.h"
#include "train/adamw_8bit.h"
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

// What each optimiser makes of 60 steps towards a minimum, with noise.
std::vector<float> descended(Optimiser& optimiser, std::size_t n, int threads, float least = 1e-2f) {
  std::vector<float> value = draws(n, 1), target = draws(n, 2), gradient(n), small = draws(7, 3), small_gradient(7);
  std::vector<Parameter> parameters = {{"matrix", {n}, value, gradient, true},
                                       {"norm", {7}, small, small_gradient, false}};
  ThreadPool pool(threads);
  for (std::uint64_t t = 0; t < 60; ++t) {
    const std::vector<float> noise = draws(n, 100 + t);
    // Rows of very different size, as gradients have.
    for (std::size_t i = 0; i < n; ++i)
      gradient[i] = (value[i] - target[i] + 0.3f * noise[i]) * (i % 1000 < 500 ? 1.0f : least);
    small_gradient = small;
    optimiser.step(pool, parameters, 0.02);
  }
  value.insert(value.end(), small.begin(), small.end());
  return value;
}

std::vector<Parameter> shapes_of(std::vector<float>& memory, std::size_t n) {
  memory.resize(n);
  return {{"matrix", {n}, memory, memory, true},
          {"norm", {7}, std::span(memory).first(7), std::span(memory).first(7), false}};
}

TEST(AdamW8bit, DescendsAsFloatStatesDo) {
  constexpr std::size_t n = 9001;
  const AdamWOptions options{0.9, 0.95, 1e-8, 0.01};
  std::vector<float> memory;
  const auto parameters = shapes_of(memory, n);
  AdamW exact(options, parameters);
  AdamW8bit rough(options, parameters), again(options, parameters);
  const auto expected = descended(exact, n, 1), got = descended(rough, n, 1);
  EXPECT_EQ(got, descended(again, n, 3)) << "the same bits for any number of threads";
  double apart = 0, moved = 0;
  const auto begin = draws(n, 1);
  for (std::size_t i = 0; i < n; ++i) {
    apart += std::pow(static_cast<double>(got[i]) - static_cast<double>(expected[i]), 2);
    moved += std::pow(static_cast<double>(begin[i]) - static_cast<double>(expected[i]), 2);
  }
  EXPECT_GT(apart, 0) << "states of 8 bits are not exact";
  EXPECT_LT(std::sqrt(apart / moved), 0.05);
  for (std::size_t i = n; i < n + 7; ++i) EXPECT_EQ(got[i], expected[i]) << "small parameters have float32 states";
  // Gradients beside others a million times as large: what is lost to 8 bits makes steps small, never large.
  AdamW8bit uneven(options, parameters);
  for (const float x : descended(uneven, n, 1, 1e-6f)) EXPECT_LT(std::fabs(x), 2.5f);
  EXPECT_LT(rough.bytes() * 39, exact.bytes() * 10);
}

// The published map: 256 increasing values; of the positive one half as far apart.
TEST(AdamW8bit, MapsAreBitsandbytes) {
  for (const auto sign : {kernel::MapSign::both, kernel::MapSign::positive}) {
    const auto map = kernel::dynamic_map(sign);
    ASSERT_EQ(map.size(), 256u);
    EXPECT_TRUE(std::is_sorted(map.begin(), map.end()));
    EXPECT_EQ(map.back(), 1.0f);
    EXPECT_EQ(std::count(map.begin(), map.end(), 0.0f), 1);
    for (std::size_t i = 0; i < map.size(); ++i) EXPECT_EQ(kernel::nearest_in_map(map, map[i]), i);
  }
  EXPECT_EQ(kernel::dynamic_map(kernel::MapSign::positive).front(), 0.0f);
  // The largest but one: the last of 64, or 128, equal steps from 0.1 to 1 has its middle there.
  EXPECT_NEAR(kernel::dynamic_map(kernel::MapSign::both)[254], 1 - 0.9 / 64 / 2, 1e-6);
  EXPECT_NEAR(kernel::dynamic_map(kernel::MapSign::positive)[254], 1 - 0.9 / 128 / 2, 1e-6);
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
  const Schedule lifted{Decay::cosine, 2.0, 4, 24, 0.1};
  EXPECT_NEAR(lifted.at(14), 2 * (0.1 + 0.9 / 2), 1e-15);
  EXPECT_NEAR(lifted.at(24), 0.2, 1e-15);
}

}  // namespace
}  // namespace freehold::train
