// Lock-out: when an address has to wait, for how long, and what is written down of it.
#include "guard/lockout.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace freehold::guard {
namespace {

using std::chrono::nanoseconds;
using std::chrono::seconds;

class LockoutTest : public ::testing::Test {
 protected:
  Lockout lockout(LockoutOptions options = {}) {
    return Lockout(options, [this] { return now_; });
  }
  nanoseconds now_ = seconds(1000);
  std::uint64_t mark_ = 0;  // each key another
};

TEST_F(LockoutTest, TenWrongKeysInFiveMinutes) {
  Lockout l = lockout();
  for (int i = 0; i < 9; ++i) EXPECT_FALSE(l.wrong("192.0.2.1", "aaaaaaaa", ++mark_));
  EXPECT_EQ(l.wait("192.0.2.1"), seconds(0));
  const auto report = l.wrong("192.0.2.1", "bbbbbbbb", ++mark_);
  ASSERT_TRUE(report);
  EXPECT_EQ(report->address, "192.0.2.1");
  EXPECT_EQ(report->attempts, 10u);
  EXPECT_EQ(report->wait, seconds(30));
  EXPECT_EQ(report->keys, (std::vector<std::string>{"aaaaaaaa", "bbbbbbbb"}));
  EXPECT_EQ(l.wait("192.0.2.1"), seconds(30));
  EXPECT_EQ(l.wait("192.0.2.2"), seconds(0));
  now_ += seconds(29) + nanoseconds(1);
  EXPECT_EQ(l.wait("192.0.2.1"), seconds(1)) << "rounded up";
  now_ += seconds(1);
  EXPECT_EQ(l.wait("192.0.2.1"), seconds(0));
}

TEST_F(LockoutTest, SlowMistakesAreNoAttack) {
  Lockout l = lockout();
  for (int i = 0; i < 100; ++i) {
    EXPECT_FALSE(l.wrong("192.0.2.1", "", ++mark_));
    now_ += seconds(40);
  }
  EXPECT_EQ(l.wait("192.0.2.1"), seconds(0));
}

TEST_F(LockoutTest, TheSameKeyAgainAndAgainIsNoGuessing) {
  Lockout l = lockout();
  for (int i = 0; i < 100; ++i) EXPECT_FALSE(l.wrong("192.0.2.1", "", 1 + i % 9));
  EXPECT_EQ(l.wait("192.0.2.1"), seconds(0));
  EXPECT_TRUE(l.wrong("192.0.2.1", "", 10));
}

TEST_F(LockoutTest, EachWaitIsTwiceAsLongUpToAnHour) {
  Lockout l = lockout();
  for (int i = 0; i < 10; ++i) l.wrong("192.0.2.1", "", ++mark_);
  std::vector<std::int64_t> waits;
  for (int i = 0; i < 10; ++i) {
    waits.push_back(l.wait("192.0.2.1").count());
    now_ += l.wait("192.0.2.1");
    EXPECT_EQ(l.wait("192.0.2.1"), seconds(0));
    l.wrong("192.0.2.1", "", ++mark_);
  }
  EXPECT_EQ(waits, (std::vector<std::int64_t>{30, 60, 120, 240, 480, 960, 1920, 3600, 3600, 3600}));
  now_ += seconds(3600 + 1);
  l.wrong("192.0.2.1", "", ++mark_);
  EXPECT_EQ(l.wait("192.0.2.1"), seconds(0)) << "an hour of silence, and all is forgotten";
}

TEST_F(LockoutTest, WrongKeysWhileItWaitsDoNotPutTheEndOff) {
  Lockout l = lockout();
  for (int i = 0; i < 10; ++i) l.wrong("192.0.2.1", "", ++mark_);
  now_ += seconds(20);
  for (int i = 0; i < 50; ++i) l.wrong("192.0.2.1", "", ++mark_);
  EXPECT_EQ(l.wait("192.0.2.1"), seconds(10));
}

TEST_F(LockoutTest, OneReportAMinute) {
  Lockout l = lockout();
  std::vector<LockoutReport> reports;
  for (int i = 0; i < 6000; ++i) {  // ten minutes of ten wrong keys a second
    auto report = l.wait("192.0.2.1") > seconds(0) ? l.refused("192.0.2.1") : l.wrong("192.0.2.1", "", ++mark_);
    if (report) reports.push_back(*report);
    now_ += std::chrono::milliseconds(100);
  }
  EXPECT_LE(reports.size(), 10u);
  std::uint64_t attempts = 0, refused = 0;
  for (const LockoutReport& report : reports) {
    attempts += report.attempts;
    refused += report.refused;
  }
  EXPECT_GT(refused, 4000u);
  EXPECT_LT(attempts, 20u);
}

TEST_F(LockoutTest, MemoryIsBounded) {
  Lockout l = lockout({.addresses = 100});
  for (int i = 0; i < 10; ++i) l.wrong("192.0.2.1", "", ++mark_);
  for (int i = 0; i < 5000; ++i) {
    now_ += std::chrono::milliseconds(1);
    l.wrong(fmt::format("198.51.{}.{}", i / 250, i % 250), "", ++mark_);
    l.wrong("192.0.2.1", "", ++mark_);
  }
  EXPECT_EQ(l.entries(), 100u);
  EXPECT_GT(l.wait("192.0.2.1"), seconds(0)) << "who goes on is not the one that is forgotten";
}

TEST_F(LockoutTest, ThisMachineIsGivenMore) {
  Lockout l = lockout({});
  for (int i = 0; i < 49; ++i) l.wrong("127.0.0.1", "", ++mark_);
  EXPECT_EQ(l.wait("127.0.0.1"), seconds(0));
  l.wrong("::ffff:127.0.0.1", "", ++mark_);
  EXPECT_EQ(l.wait("127.0.0.1"), seconds(30));
  for (int i = 0; i < 10; ++i) l.wrong("192.0.2.1", "", ++mark_);
  EXPECT_EQ(l.wait("192.0.2.1"), seconds(30));
}

TEST_F(LockoutTest, OffIsOff) {
  Lockout l = lockout({.attempts = 0});
  for (int i = 0; i < 100; ++i) EXPECT_FALSE(l.wrong("192.0.2.1", "", ++mark_));
  EXPECT_EQ(l.wait("192.0.2.1"), seconds(0));
  EXPECT_EQ(l.entries(), 0u);
}

TEST(Places, AreWhatOneCustomerHas) {
  EXPECT_EQ(place_of("192.0.2.7"), "192.0.2.7");
  EXPECT_EQ(place_of("::ffff:192.0.2.7"), "192.0.2.7");
  EXPECT_EQ(place_of("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::/64");
  EXPECT_EQ(place_of("2001:db8:1:2:ffff::1"), "2001:db8:1:2::/64");
  EXPECT_EQ(place_of("fe80::1%eth0"), "fe80::/64");
  EXPECT_EQ(place_of("::1"), "::1");
  EXPECT_EQ(place_of("nonsense"), "nonsense");
  EXPECT_LE(place_of(std::string(1000, 'x')).size(), 64u);
  for (const char* here : {"127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1"}) EXPECT_TRUE(is_loopback(here)) << here;
  for (const char* there : {"128.0.0.1", "::2", "::", "10.0.0.1", "::ffff:10.0.0.1"})
    EXPECT_FALSE(is_loopback(there)) << there;
}

}  // namespace
}  // namespace freehold::guard
