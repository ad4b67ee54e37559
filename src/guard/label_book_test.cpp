// Labels of names and contents: what holds for which name, and that other processes' changes are seen.
#include "guard/label_book.h"

#include <gtest/gtest.h>

#include <atomic>

#include "base/temporary_folder_testing.h"

namespace freehold::guard {
namespace {

using Texts = std::vector<std::string>;

TEST(BoundsOf, AnotherNameIsNoWayAround) {
  const std::vector<Labelled> all = {
      {"open:latest", "public", std::nullopt, "sha256:a"},
      {"m:q4", "internal", std::nullopt, "sha256:a"},
      {"other:latest", "public", std::nullopt, "sha256:b"},
      {"sha256:a", "personal", std::nullopt, ""},
      {"sha256:c", std::nullopt, "health", ""},
      {"bot:latest", std::nullopt, "personal", "sha256:d"},
  };
  // Its own, and what the content has.
  EXPECT_EQ(bounds_of(all, "m:q4", {"sha256:a"}), (Bounds{{"internal", "personal"}, {}}));
  // A name without one has those of all others for the same content.
  EXPECT_EQ(bounds_of(all, "new:latest", {"sha256:a"}), (Bounds{{"public", "internal", "personal"}, {}}));
  EXPECT_EQ(bounds_of(all, "", {"sha256:a"}), (Bounds{{"public", "internal", "personal"}, {}}));
  // What it is made of stays with it under every name, as do both contents of a model with an adapter.
  EXPECT_EQ(bounds_of(all, "new:latest", {"sha256:d", "sha256:c"}), (Bounds{{}, {"health", "personal"}}));
  EXPECT_EQ(bounds_of(all, "bot:latest", {"sha256:x"}), (Bounds{{}, {"personal"}}));
  EXPECT_EQ(bounds_of(all, "free:latest", {"sha256:x", ""}), Bounds{});
}

TEST(LabelBook, IsReadBackAndSeenByOthers) {
  const TemporaryFolder folder;
  std::atomic<std::int64_t> now{1'000'000'000};
  const SteadyClock clock = [&] { return std::chrono::nanoseconds(now.load()); };
  const LabelBook reader(folder.path(), clock);
  EXPECT_TRUE(reader.all().value().empty()) << "nothing is made by looking";
  EXPECT_FALSE(std::filesystem::exists(keys_path(folder.path())));
  LabelBook writer(folder.path(), clock);
  ASSERT_TRUE(writer.put({"m:q4", "internal", std::nullopt, "sha256:a"}));
  EXPECT_EQ(writer.bounds("m:q4", {}).value().ceilings, Texts{"internal"}) << "at once by who wrote it";
  now += 300'000'000;
  EXPECT_EQ(reader.bounds("m:q4", {}).value().ceilings, Texts{"internal"});
  ASSERT_TRUE(writer.put({"m:q4", "public", "personal", "sha256:a"}));
  now += 300'000'000;
  EXPECT_EQ(reader.all().value(), (std::vector<Labelled>{{"m:q4", "public", "personal", "sha256:a"}}));
  ASSERT_TRUE(writer.put({"m:q4", std::nullopt, std::nullopt, {}}));
  now += 300'000'000;
  EXPECT_TRUE(reader.all().value().empty());
}

TEST(LabelBook, ALabelOnlyRises) {
  const TemporaryFolder folder;
  LabelBook book(folder.path());
  const auto longer = [](std::string_view a, std::string_view b) { return a.size() > b.size(); };
  for (const char* label : {"bb", "a", "ccc", "bb"}) ASSERT_TRUE(book.raise("sha256:x", label, longer));
  EXPECT_EQ(book.bounds("", {"sha256:x"}).value().labels, Texts{"ccc"});
}

TEST(LabelBook, WhatCannotBeReadIsAnError) {
  const TemporaryFolder folder;
  folder.write("freehold.db", std::string(200, 'x'));
  EXPECT_EQ(LabelBook(folder.path()).bounds("m", {}).error().code, Errc::corrupt);
}

}  // namespace
}  // namespace freehold::guard
