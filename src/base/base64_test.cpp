#include "base/base64.h"

#include <gtest/gtest.h>

namespace freehold {
namespace {

TEST(Base64, IsThatOfRfc4648) {
  EXPECT_EQ(base64(""), "");
  EXPECT_EQ(base64("f"), "Zg==");
  EXPECT_EQ(base64("fo"), "Zm8=");
  EXPECT_EQ(base64("foobar"), "Zm9vYmFy");
  EXPECT_EQ(base64(std::string_view("\0\xff\xfe", 3)), "AP/+");
}

TEST(Base64, LongTextsComeInOnePiece) {
  const std::string long_text(std::size_t{4} << 20, 'f');
  const std::string out = base64(long_text);
  EXPECT_EQ(out.size(), (long_text.size() + 2) / 3 * 4);
  EXPECT_EQ(out.find('='), out.size() - 2);
}

}  // namespace
}  // namespace freehold
