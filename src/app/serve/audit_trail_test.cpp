#include "app/serve/audit_trail.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

namespace freehold::app {
namespace {

struct TrailEntries {
  std::vector<std::pair<std::string, Stored>> entries;
  AuditTrail::Append append() {
    return [this](std::string entry, Stored stored) { entries.emplace_back(std::move(entry), std::move(stored)); };
  }
  std::string member(std::size_t i, const std::string& name) const {
    const auto members = audit::members_of(entries[i].first);
    if (!members) return "";
    const auto found = members->find(name);
    return found == members->end() ? "" : found->second;
  }
};

http::Request trail_request(std::string method, std::string id) {
  http::Request request;
  request.method = std::move(method);
  request.id = std::move(id);
  request.target.path = "/v1/files/x";
  request.target.segments = {"v1", "files", "x"};
  return request;
}

guard::Principal trail_person() {
  guard::Principal who;
  who.key_id = "key_1";
  who.name = "ward";
  return who;
}

TEST(AuditTrail, ARefusalWaitsForItsEntry) {
  TrailEntries kept;
  AuditTrail trail(kept.append());
  int answered = 0;
  const auto then = [&] { ++answered; };
  trail.answered(trail_request("GET", "req_1"), 403, trail_person(), then);
  ASSERT_EQ(kept.entries.size(), 1u);
  EXPECT_EQ(kept.member(0, "id"), "req_1");
  EXPECT_EQ(answered, 0);
  kept.entries[0].second(true);
  EXPECT_EQ(answered, 1);
  // What cannot be written is refused all the same.
  trail.answered(trail_request("GET", "req_2"), 401, {}, then);
  EXPECT_EQ(answered, 1);
  kept.entries[1].second(false);
  EXPECT_EQ(answered, 2);
  // So does what was changed; nothing to write, nothing to wait for.
  trail.answered(trail_request("DELETE", "req_3"), 200, trail_person(), then);
  EXPECT_EQ(answered, 2);
  kept.entries[2].second(true);
  EXPECT_EQ(answered, 3);
  trail.answered(trail_request("GET", "req_4"), 200, trail_person(), then);
  trail.answered(trail_request("GET", "req_5"), 429, {}, then);
  EXPECT_EQ(answered, 5);
  EXPECT_EQ(kept.entries.size(), 3u);
}

TEST(AuditTrail, WhoIsNotLetInIsNamedWhereItIsKnownAndMayNotFloodTheLog) {
  TrailEntries kept;
  AuditTrail trail(kept.append());
  guard::Entrance in{.principal = {}, .rule = "people.blocked"};
  in.known = guard::Known{"https://id|ada", "Ada", guard::Role::user};
  trail.not_let_in("req_1", in);
  trail.answered(trail_request("GET", "req_1"), 401, {}, [] {});
  ASSERT_EQ(kept.entries.size(), 1u);
  EXPECT_EQ(kept.member(0, "key"), "https://id|ada");
  EXPECT_EQ(kept.member(0, "name"), "Ada");
  EXPECT_EQ(kept.member(0, "role"), "user");
  EXPECT_EQ(kept.member(0, "rule"), "people.blocked");
  for (int i = 0; i < 1000; ++i) {
    trail.not_let_in("req_2", in);
    trail.answered(trail_request("GET", "req_2"), 401, {}, [] {});
  }
  EXPECT_LT(kept.entries.size(), 1000u);
}

TEST(AuditTrail, AFloodOfStrangersIsCountedAndWaitsForNothing) {
  TrailEntries kept;
  std::uint64_t told = 0;
  {
    AuditTrail trail(kept.append());
    int answered = 0;
    for (int i = 0; i < 1000; ++i) trail.answered(trail_request("GET", "req_x"), 401, {}, [&] { ++answered; });
    // At most a hundred entries in each second that this took.
    EXPECT_LT(kept.entries.size(), 1000u);
    EXPECT_EQ(answered, 1000 - static_cast<int>(kept.entries.size()));
    // Of people who are known none is left out.
    const std::size_t before = kept.entries.size();
    for (int i = 0; i < 200; ++i) trail.answered(trail_request("GET", "req_y"), 403, trail_person(), [] {});
    EXPECT_EQ(kept.entries.size(), before + 200);
  }
  // The end says what was left out: none is missing from the sum.
  for (std::size_t i = 0; i < kept.entries.size(); ++i) {
    const std::string more = kept.member(i, "more");
    told += 1 + (more.empty() ? 0 : std::stoull(more));
  }
  EXPECT_EQ(told, 1200u);
}

}  // namespace
}  // namespace freehold::app
