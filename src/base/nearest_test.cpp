#include "base/nearest.h"

#include <gtest/gtest.h>

namespace freehold {
namespace {

TEST(Nearest, IsNearOrNothing) {
  EXPECT_EQ(nearest("temprature", {"top-p", "temperature"}), "temperature");
  EXPECT_EQ(nearest("temp", {"top-p", "temperature"}), "temperature");
  EXPECT_EQ(nearest("zzz", {"top-p", "temperature"}), std::nullopt);
  EXPECT_EQ(nearest("", {"a"}), std::nullopt);
  EXPECT_EQ(nearest(std::string(5000, 'a'), {"a"}), std::nullopt);
  EXPECT_EQ(edit_distance("ab", "ba"), 1u);
  EXPECT_EQ(edit_distance("", "abc"), 3u);
  EXPECT_EQ(edit_distance("kitten", "sitting"), 3u);
}

}  // namespace
}  // namespace freehold
