#include "base/result.h"

#include <gtest/gtest.h>

#include <memory>

namespace freehold {
namespace {

Result<int> positive(int x) {
  if (x <= 0) return fail(Errc::invalid, "not positive");
  return x;
}

Result<int> doubled(int x) {
  FH_TRY(int y, positive(x));
  return 2 * y;
}

Result<> checked_twice(int x, int y) {
  FH_TRY_VOID(positive(x));
  FH_TRY_VOID(positive(y));
  return {};
}

Result<std::unique_ptr<int>> owned(int x) {
  FH_TRY(int y, doubled(x));
  return std::make_unique<int>(y);
}

TEST(Result, ValuesAndErrorsTravelUp) {
  EXPECT_EQ(doubled(21).value(), 42);
  auto bad = doubled(-1);
  ASSERT_FALSE(bad.has_value());
  EXPECT_EQ(bad.error().code, Errc::invalid);
  EXPECT_EQ(bad.error().what, "not positive");
  EXPECT_TRUE(checked_twice(1, 1).has_value());
  EXPECT_FALSE(checked_twice(1, 0).has_value());
  EXPECT_EQ(**owned(2), 4) << "a value that can only be moved";
}

TEST(Result, ContextIsPutBefore) {
  Result<> r = in_context(positive(0).error(), "open x.gguf");
  EXPECT_EQ(r.error().what, "open x.gguf: not positive");
  EXPECT_EQ(r.error().code, Errc::invalid);
}

TEST(Result, EveryCodeHasItsOwnName) {
  EXPECT_EQ(name_of(Errc::invalid), "invalid");
  EXPECT_EQ(name_of(Errc::not_found), "not_found");
  EXPECT_EQ(name_of(Errc::corrupt), "corrupt");
  EXPECT_EQ(name_of(Errc::unsupported), "unsupported");
  EXPECT_EQ(name_of(Errc::exhausted), "exhausted");
  EXPECT_EQ(name_of(Errc::io), "io");
  EXPECT_EQ(name_of(Errc::cancelled), "cancelled");
  EXPECT_EQ(name_of(Errc::internal), "internal");
}

}  // namespace
}  // namespace freehold
