#include "app/erase/order.h"

#include <gtest/gtest.h>

#include "app/serve/erasures.h"

namespace freehold::app {
namespace {

using std::chrono::seconds;

TEST(ErasureOrder, IsAboutWhomItNames) {
  ErasureOrder order = new_order();
  order.add("", "alice");
  EXPECT_TRUE(order.is_about("k1", "alice"));
  EXPECT_TRUE(order.is_about("k2", "alice"));
  EXPECT_FALSE(order.is_about("k1", "bob"));
  EXPECT_FALSE(order.is_about("k1", ""));
  EXPECT_FALSE(order.keys());
  EXPECT_FALSE(order.is_about_all_of("alice")) << "it is not a whole key's";
  order.whole_key = true;
  EXPECT_TRUE(order.is_about_all_of("alice"));

  ErasureOrder within = new_order();
  within.add("k1", "alice");
  EXPECT_FALSE(within.is_about("k2", "alice"));
  EXPECT_EQ(within.keys(), (std::vector<std::string>{"k1"}));
  ErasureOrder of_key = new_order();
  of_key.add("k1", "k1");
  EXPECT_TRUE(of_key.is_about("k1", "")) << "what is for nobody in particular is the key's";
}

TEST(ErasureOrder, ComesBackAndHoldsNoName) {
  ErasureOrder order = new_order();
  order.add("k1", "alice in wonderland");
  order.add("", "alice in wonderland");
  order.whole_key = true;
  const std::string text = order_text(order);
  EXPECT_EQ(text.find("alice"), std::string::npos);
  const auto read = parse_order(text);
  ASSERT_TRUE(read);
  EXPECT_EQ(order_text(*read), text);
  EXPECT_TRUE(read->is_about("k2", "alice in wonderland"));
  for (std::size_t end = 0; end < text.size(); ++end) EXPECT_FALSE(parse_order(text.substr(0, end))) << end;
  for (const char* bad :
       {"", "end\n", "freehold-erasure 2\nid a\nsalt b\nend\n", "freehold-erasure 1\nid a\nend\n",
        "freehold-erasure 1\nid a\nsalt b\nwhom x\nend\n", "freehold-erasure 1\nid a\nsalt b\nodd 1\nend\n",
        "freehold-erasure 1\nid a\nsalt b\nend\nmore\n"}) {
    EXPECT_FALSE(parse_order(bad)) << bad;
  }
}

TEST(ErasureOrder, WhatWasErasedComesBack) {
  Erased erased{.files = 3, .lines = 7, .learned = {"ft:one", "two\nlines"}, .failed = "the disk\nis full"};
  const auto read = parse_erased(erased_text(erased));
  ASSERT_TRUE(read);
  EXPECT_EQ(read->count(), 10U);
  EXPECT_EQ(read->learned, (std::vector<std::string>{"ft:one", "two lines"}));
  EXPECT_EQ(read->failed, "the disk is full");
  EXPECT_TRUE(read->held_by.empty());
  Erased held;
  held.held_by = "hold_1";
  held.held = "it is held (hold_1)";
  const auto again = parse_erased(erased_text(held));
  ASSERT_TRUE(again);
  EXPECT_EQ(again->held_by, "hold_1");
  EXPECT_EQ(again->held, "it is held (hold_1)");
  for (const char* bad :
       {"freehold-erased 1\nfiles x\nend\n", "freehold-erased 1\nfiles 1\n", "freehold-erased 1\nodd 1\nend\n"}) {
    EXPECT_FALSE(parse_erased(bad)) << bad;
  }
}

TEST(Erasures, AreOfWhatWasAskedBefore) {
  Erasures erasures;
  const Erasures::Time now{seconds(1000)};
  ErasureOrder order = new_order();
  order.add("", "alice");
  erasures.note(order, now);
  EXPECT_TRUE(erasures.since(now - seconds(1), "k", "alice"));
  EXPECT_FALSE(erasures.since(now + seconds(1), "k", "alice"));
  EXPECT_FALSE(erasures.since(now - seconds(1), "k", "bob"));
  erasures.forget(order.id);
  EXPECT_FALSE(erasures.since(now - seconds(1), "k", "alice"));
}

}  // namespace
}  // namespace freehold::app
