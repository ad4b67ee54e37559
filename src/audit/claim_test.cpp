#include "audit/claim.h"

#include <gtest/gtest.h>

namespace freehold::audit {
namespace {

const std::vector<EntryMembers> kEntries = {
    {{"kind", "request"}, {"time", "2027-01-01T23:59:59.999999Z"}, {"label", "health"}, {"tokens", "12"}},
    {{"kind", "request"}, {"time", "2027-01-02T00:00:00.000000Z"}, {"label", "public"}, {"tokens", "30"}},
    {{"kind", "admin"}, {"time", "2027-01-02T01:00:00.000000Z"}, {"act", "keys.create"}},
    {{"kind", "admin"}, {"time", "2027-01-02T02:00:00.000000Z"}, {"act", "keys"}},
    {{"kind", "request"}, {"time", "2027-01-02T03:00:00.000000Z"}, {"tokens", "-1"}}};

Claim asked(Claim::Op op, std::string member, std::vector<Condition> where, std::string before = {},
            std::string after = {}) {
  Claim claim{.op = op,
              .member = std::move(member),
              .where = std::move(where),
              .before = std::move(before),
              .after = std::move(after)};
  for (std::size_t i = 0; i < kEntries.size(); ++i) claim.add(7 + i, kEntries[i]);
  return claim;
}

using Op = Claim::Op;

TEST(Claim, EachQuestion) {
  const std::vector<Condition> requests = {{"kind", {"request"}}};
  EXPECT_EQ(asked(Op::count, "", requests).value, 3U);
  EXPECT_EQ(asked(Op::sum, "tokens", requests).value, 42U) << "what is no number counts nothing";
  EXPECT_EQ(asked(Op::distinct, "label", requests).value, 2U);
  EXPECT_EQ(asked(Op::by, "label", requests).values,
            (std::map<std::string, std::uint64_t>{{"", 1}, {"health", 1}, {"public", 1}}));
  EXPECT_EQ(asked(Op::by, "day", {}).values,
            (std::map<std::string, std::uint64_t>{{"2027-01-01", 1}, {"2027-01-02", 4}}));
  EXPECT_EQ(asked(Op::list, "", {{"act", {"keys.*"}}}).entries, std::vector<std::uint64_t>{9});
}

TEST(Claim, Conditions) {
  EXPECT_EQ(asked(Op::count, "", {{"label", {"*"}}}).value, 2U) << "is there";
  EXPECT_EQ(asked(Op::count, "", {{"kind", {"request"}}, {"label", {""}}}).value, 1U) << "is not there";
  EXPECT_EQ(asked(Op::count, "", {{"label", {"health", ""}}, {"kind", {"request"}}}).value, 2U) << "one of several";
  EXPECT_EQ(asked(Op::count, "", {{"act", {"keys*"}}}).value, 2U);
  EXPECT_EQ(asked(Op::count, "", {{"act", {"keys"}}}).value, 1U);
  EXPECT_EQ(asked(Op::count, "", {{"label", {}}}).value, 0U) << "none of none";
  EXPECT_EQ(asked(Op::count, "", {}, "2027-01-02").value, 1U);
  EXPECT_EQ(asked(Op::count, "", {}, {}, "2027-01-02T02:00:00.000000Z").value, 1U);
}

}  // namespace
}  // namespace freehold::audit
