// Legal holds: what falls under one, what is written down, and what an older file becomes.
#include "guard/hold_book.h"

#include <gtest/gtest.h>
#include <soci/soci.h>

#include <atomic>
#include <chrono>
#include <thread>

#include "base/temporary_folder_testing.h"
#include "guard/keys.h"
#include "guard/schema.h"
#include "sql/database.h"

namespace freehold::guard {
namespace {

Hold on_people(std::vector<std::string> subjects) {
  return {"hold_1", std::move(subjects), "", "trial", "ann", 0, {}, "", ""};
}
Hold on_label(std::string label) {
  return {"hold_2", {}, std::move(label), "trial", "ann", 0, {}, "", ""};
}

TEST(HoldBook, AHoldWaitsForWhatIsGoing) {
  const TemporaryFolder home;
  HoldBook book(home.path());
  std::optional<FolderLock> going, other;
  {
    auto first = book.stand();
    ASSERT_TRUE(first) << first.error().what;
    going = std::move(*first);
    auto second = HoldBook(home.path()).stand();  // several may let something go
    ASSERT_TRUE(second) << second.error().what;
    other = std::move(*second);
  }
  std::atomic<bool> added{false};
  std::thread adder([&] {
    EXPECT_TRUE(HoldBook(home.path()).add(on_label("health")));
    added = true;
  });
  std::this_thread::sleep_for(std::chrono::milliseconds(100));
  EXPECT_FALSE(added);
  const auto before = book.all();
  ASSERT_TRUE(before);
  EXPECT_TRUE(before->empty());
  going.reset();
  other.reset();
  adder.join();
  const auto after = book.all();
  ASSERT_TRUE(after);
  EXPECT_EQ(after->size(), 1u);
}

TEST(HoldBook, WhoComesAfterAHoldWaitsForIt) {
  const TemporaryFolder home;
  const HoldBook book(home.path());
  std::optional<FolderLock> going;
  {
    auto first = book.stand();
    ASSERT_TRUE(first) << first.error().what;
    going = std::move(*first);
  }
  std::thread adder([&] { EXPECT_TRUE(HoldBook(home.path()).add(on_label("health"))); });
  bool refused = false;  // from when on the hold waits
  for (int i = 0; i < 2000 && !refused; ++i) {
    refused = !book.stand(0);
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  EXPECT_TRUE(refused);
  for (int i = 0; i < 20; ++i) EXPECT_FALSE(book.stand(0));
  going.reset();
  adder.join();
  EXPECT_TRUE(book.stand());
}

TEST(HoldOn, WhatFallsUnderOne) {
  const std::vector<Hold> people = {on_people({"sub_a", "k1"})}, label = {on_label("health")};
  EXPECT_TRUE(hold_on(people, {"public", "k2", "sub_a"}));
  EXPECT_TRUE(hold_on(people, {"public", "k1", "sub_b"}));  // whatever came with the key
  EXPECT_FALSE(hold_on(people, {"public", "k2", "sub_b"}));
  EXPECT_FALSE(hold_on(people, {"public", "", ""}));
  EXPECT_FALSE(hold_on(people, {"public", "sub_a", "k1"}));  // ids of one sort are none of the other
  EXPECT_TRUE(hold_on(label, {"health", "", ""}));
  EXPECT_FALSE(hold_on(label, {"personal", "k1", "sub_a"}));
  EXPECT_FALSE(hold_on({}, {}));
}

TEST(HoldOn, AModelByItsLabelsAndTheLowest) {
  const std::vector<Hold> label = {on_label("health")}, people = {on_people({"k1"})};
  EXPECT_TRUE(hold_on_model(label, "public", {"personal", "health"}));
  EXPECT_FALSE(hold_on_model(label, "public", {"personal"}));
  EXPECT_TRUE(hold_on_model(label, "health", {}));  // where that is the lowest
  EXPECT_FALSE(hold_on_model(people, "public", {"health"}));
}

TEST(HoldOn, WhatCannotBeToldIsHeld) {
  const std::vector<Hold> people = {on_people({"sub_a"})}, key = {on_people({"k1"})}, label = {on_label("health")};
  EXPECT_TRUE(hold_on(label, {std::nullopt, "k9", "sub_z"}));
  EXPECT_TRUE(hold_on(people, {"public", "k9", std::nullopt}));
  EXPECT_TRUE(hold_on(key, {"public", std::nullopt, "sub_z"}));
  EXPECT_FALSE(hold_on(people, {std::nullopt, std::nullopt, "sub_z"}));
}

TEST(HoldOn, ReleasedHoldsHoldNothing) {
  std::vector<Hold> holds = {on_label("health"), on_label("health")};
  holds[0].released = 5;
  holds[1].id = "hold_3";
  ASSERT_TRUE(hold_on(holds, {"health", "", ""}));
  EXPECT_EQ(hold_on(holds, {"health", "", ""})->id, "hold_3");
  holds[1].released = 6;
  EXPECT_FALSE(hold_on(holds, {"health", "", ""}));
  EXPECT_FALSE(hold_on(holds, {}));
}

TEST(HoldBook, HoldsAreWrittenDownAndReleasedOnce) {
  TemporaryFolder folder;
  HoldBook book(folder.path()), other(folder.path());
  EXPECT_TRUE(book.all()->empty());
  EXPECT_FALSE(std::filesystem::exists(keys_path(folder.path())));  // nothing is made by reading
  EXPECT_EQ(book.release("hold_x", "r", "ann", 1).error().code, Errc::not_found);
  const auto held = book.add(on_people({"sub_a", "k1"}));
  ASSERT_TRUE(held) << held.error().what;
  EXPECT_TRUE(held->id.starts_with("hold_"));
  EXPECT_EQ(other.all().value(), std::vector<Hold>{*held});
  EXPECT_EQ(book.release("hold_x", "r", "ann", 1).error().code, Errc::not_found);
  ASSERT_TRUE(other.release(held->id, "it is over", "bob", 77));
  const auto all = book.all();
  ASSERT_TRUE(all && all->size() == 1);
  EXPECT_EQ(all->at(0).released, 77);
  EXPECT_EQ(all->at(0).release_reason, "it is over");
  EXPECT_EQ(all->at(0).released_by, "bob");
  EXPECT_EQ(all->at(0).subjects, held->subjects);
  EXPECT_EQ(book.release(held->id, "r", "ann", 78).error().code, Errc::invalid);
  EXPECT_NE(why_held(*held).find("1970-01-01"), std::string::npos);
}

// A file of version 3 has keys, labels and people, and no holds.
TEST(HoldBook, AFileOfVersionThreeIsBroughtForward) {
  TemporaryFolder folder;
  const auto& steps = keys_schema().steps;
  ASSERT_EQ(steps.size(), 4U);
  const sql::Schema third = {"keys", {steps[0], steps[1], steps[2]}};
  {
    auto database = sql::Database::open(keys_path(folder.path()), third, sql::Open::create, sql::Check::none);
    ASSERT_TRUE(database) << database.error().what;
    ASSERT_TRUE(database->run([&](soci::session& s) -> Result<> {
      s << "INSERT INTO keys (id, name, role, hash, created) VALUES ('aaaaaaaa', 'old', 'user', '$argon2id$x', 5)";
      return {};
    }));
  }
  HoldBook book(folder.path());
  const auto none = book.all();
  ASSERT_TRUE(none) << none.error().what;
  EXPECT_TRUE(none->empty());
  ASSERT_TRUE(book.add(on_label("health")));
  EXPECT_EQ(book.all()->size(), 1U);
  EXPECT_EQ(Keys::open(folder.path())->list()->at(0).name, "old");
}

}  // namespace
}  // namespace freehold::guard
