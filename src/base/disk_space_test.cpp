#include "base/disk_space.h"

#include <gtest/gtest.h>

namespace freehold {
namespace {

TEST(DiskSpace, IsAskedOfTheNearestFolder) {
  const std::filesystem::path none = std::filesystem::temp_directory_path() / "none-such" / "nor-this" / "file";
  EXPECT_TRUE(expect_space(none, 1, "it has"));
  const auto refused = expect_space(none, std::uint64_t{1} << 60, "it has");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Errc::exhausted);
  EXPECT_EQ(refused.error().what.find("it has 1152921504.6 GB, but only "), 0u) << refused.error().what;
  EXPECT_EQ(refused.error().what.find("none-such"), std::string::npos);
  EXPECT_TRUE(expect_space("relative-and-not-there", 1, "it has"));
}

}  // namespace
}  // namespace freehold
