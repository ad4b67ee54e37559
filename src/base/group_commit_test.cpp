#include "base/group_commit.h"

#include <gtest/gtest.h>

#include <atomic>
#include <semaphore>

namespace freehold {
namespace {

using Commits = GroupCommit<int>;
using Group = std::vector<Commits::Waiting>;

Commits::Options options(std::function<Result<>(Group&)> commit) {
  Commits::Options o;
  o.what = "the record";
  o.most_at_once = 3;
  o.most_waiting = 10;
  o.commit = std::move(commit);
  return o;
}

TEST(GroupCommit, ItemsAreCommittedInOrderInGroupsAndCalledBackOnce) {
  std::binary_semaphore go(0);
  std::vector<std::size_t> groups;
  std::vector<int> order, refused;
  std::atomic<int> stored = 0;
  {
    auto commits = Commits::start(options([&](Group& group) -> Result<> {
                     if (groups.empty()) go.acquire();
                     groups.push_back(group.size());
                     for (auto& w : group) order.push_back(w.item), w.durable = w.item != 5;
                     return {};
                   })).value();
    const auto append = [&](int item) {
      commits->append(item, [&, item](bool durable) { durable ? void(++stored) : refused.push_back(item); });
    };
    append(0);
    for (int item = 1; item <= 8; ++item) append(item);
    go.release();
    commits->flush();
    EXPECT_EQ(stored, 8);
    EXPECT_EQ(refused, std::vector<int>{5});
    EXPECT_EQ(commits->counts().stored, 8u);
    EXPECT_EQ(commits->counts().refused, 1u);
    EXPECT_EQ(commits->counts().groups, groups.size());
    append(9);
  }
  EXPECT_EQ(order, (std::vector<int>{0, 1, 2, 3, 4, 5, 6, 7, 8, 9})) << "what waits in the end is committed, too";
  for (const std::size_t size : groups) EXPECT_LE(size, 3u);
  EXPECT_LT(groups.size(), 9u) << "what arrives during a commit shares the next";
}

TEST(GroupCommit, AFailureIsTheEndUnlessTheWriterSaysOtherwise) {
  for (const bool broken : {true, false}) {
    int tried = 0;
    auto o = options([&](Group&) -> Result<> {
      if (++tried == 1) return fail(Errc::io, "no room");
      return {};
    });
    o.broken = [&] { return broken; };
    auto commits = Commits::start(std::move(o)).value();
    std::vector<bool> durable;
    for (int item = 0; item < 2; ++item) {
      commits->append(item, [&](bool good) { durable.push_back(good); });
      commits->flush();
    }
    EXPECT_EQ(durable, (std::vector<bool>{false, !broken}));
    EXPECT_EQ(tried, broken ? 1 : 2) << "what failed is not tried again";
    EXPECT_EQ(commits->failure().has_value(), broken);
    if (broken) {
      EXPECT_EQ(commits->failure()->what, "the record can no longer be written: no room");
    }
  }
}

TEST(GroupCommit, TooManyAreRefusedAtOnce) {
  std::binary_semaphore begun(0), go(0);
  auto commits = Commits::start(options([&](Group&) -> Result<> {
                   begun.release();
                   go.acquire();
                   return {};
                 })).value();
  std::atomic<int> good = 0, bad = 0;
  const auto append = [&](int item) { commits->append(item, [&](bool durable) { ++(durable ? good : bad); }); };
  append(0);
  begun.acquire();  // it is being committed; now ten may wait
  for (int item = 1; item <= 12; ++item) append(item);
  EXPECT_EQ(bad, 2);
  for (int group = 0; group < 5; ++group) go.release(), group < 4 ? begun.acquire() : void();
  commits->flush();
  EXPECT_EQ(good, 11);
  commits->refuse([&](bool durable) { bad += durable ? 100 : 1; });
  EXPECT_EQ(bad, 3);
  EXPECT_EQ(commits->counts().refused, 3u);
}

TEST(GroupCommit, WhatIsBehindIsPublishedAndNotMoreOftenThanAskedFor) {
  std::atomic<int> published = 0, committed = 0;
  std::binary_semaphore said(0);
  auto o = options([&](Group& group) -> Result<> {
    committed += static_cast<int>(group.size());
    return {};
  });
  std::atomic<bool> behind = false;
  o.behind = [&] { return behind.load(); };
  o.every = std::chrono::hours(1);
  o.publish = [&] {
    ++published;
    behind = false;
    said.release();
  };
  auto commits = Commits::start(std::move(o)).value();
  for (int item = 0; item < 5; ++item) {
    behind = true;
    commits->append(item, [](bool) {});
    commits->flush();
    if (item == 0) said.acquire();  // the first is due at once
  }
  EXPECT_EQ(committed, 5);
  EXPECT_EQ(published, 1);
}

}  // namespace
}  // namespace freehold
