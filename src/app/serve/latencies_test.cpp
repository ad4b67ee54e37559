#include "app/serve/latencies.h"

#include <gtest/gtest.h>

namespace freehold::app {
namespace {

TEST(Histogram, CountsUpToItsBounds) {
  Histogram h;
  h.add(0.001);  // bounds belong to what they bound
  h.add(0.0011, 3);
  h.add(5000);
  h.add(0);
  EXPECT_EQ(h.below(0), 2u);
  EXPECT_EQ(h.below(1), 5u);
  EXPECT_EQ(h.below(Histogram::kBounds.size() - 1), 5u);
  EXPECT_EQ(h.count(), 6u);
  EXPECT_DOUBLE_EQ(h.sum(), 0.001 + 3 * 0.0011 + 5000);
}

TEST(ModelTimes, WhatARequestDidNotComeToIsNotCounted) {
  ModelTimes m;
  m.add({.total = 2.0,
         .first_token = 1.0,
         .queue = 0.5,
         .prefill = 0.5,
         .decode = 1.0,
         .completion_tokens = 5,
         .finished = "stop"});
  m.add({.total = 1.0,
         .first_token = 1.0,
         .queue = 0.5,
         .prefill = 0.5,
         .decode = 0.0,
         .completion_tokens = 1,
         .finished = "length"});
  m.add({.total = 1.0, .queue = 1.0, .finished = "abort"});  // while it waited
  EXPECT_EQ(m.total.count(), 3u);
  EXPECT_EQ(m.first_token.count(), 2u);
  EXPECT_EQ(m.per_token.count(), 1u);
  EXPECT_EQ(m.between_tokens.count(), 4u);
  EXPECT_DOUBLE_EQ(m.between_tokens.sum(), 1.0);
  EXPECT_DOUBLE_EQ(m.per_token.sum(), 0.25);
  EXPECT_EQ(m.finished.at("abort"), 1u);
}

TEST(Latencies, AreEachKeysOwn) {
  Latencies all;
  all.add("me", "a", {.total = 1.0});
  all.add("me", "b", {.total = 1.0});
  all.add("you", "a", {.total = 1.0});
  EXPECT_EQ(all.of("me").at("a").total.count(), 1u);
  EXPECT_EQ(all.of("you").size(), 1u);
  EXPECT_TRUE(all.of("nobody").empty());
  EXPECT_EQ(all.of(std::nullopt).at("a").total.count(), 2u);
  // Sums do not fall when a key goes, and its times are nobody's.
  all.forget("you");
  all.forget("you");
  all.forget("");
  EXPECT_TRUE(all.of("you").empty());
  EXPECT_EQ(all.of("me").at("a").total.count(), 1u);
  EXPECT_EQ(all.of(std::nullopt).at("a").total.count(), 2u);
}

}  // namespace
}  // namespace freehold::app
