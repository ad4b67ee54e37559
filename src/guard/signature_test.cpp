#include "guard/signature.h"

#include <gtest/gtest.h>

#include "base/file.h"
#include "base/temporary_folder_testing.h"

namespace freehold::guard {
namespace {

TEST(Signature, OnlyWhatWasSignedForThisPurposeByThisKey) {
  TemporaryFolder folder;
  const auto key = folder.path() / "key";
  const Signature s = sign(key, "price book", "content").value();
  EXPECT_TRUE(verify(s, "price book", "content"));
  EXPECT_FALSE(verify(s, "price book", "Content"));
  EXPECT_FALSE(verify(s, "another", "content"));
  EXPECT_EQ(sign(key, "price book", "content").value().public_key, s.public_key) << "the key stays";
  const Signature other = sign(folder.path() / "other", "price book", "content").value();
  EXPECT_NE(other.public_key, s.public_key);
  EXPECT_FALSE(verify({other.public_key, s.text}, "price book", "content"));
  const Signature back = parse_signature(s.line()).value();
  EXPECT_EQ(back.text, s.text);
  EXPECT_TRUE(verify(back, "price book", "content"));
  for (const std::string& wrong : {std::string(), std::string("ed25519 x y"), s.line().substr(1), s.line() + "0"})
    EXPECT_FALSE(parse_signature(wrong)) << wrong;
  ASSERT_TRUE(write_file_atomically(key, "no key\n"));
  EXPECT_EQ(sign(key, "price book", "content").error().code, Errc::corrupt);
}

// RFC 8032, section 7.1, test 2, through libsodium by its own road: a wrong library would be found here.
TEST(Signature, IsEd25519) {
  TemporaryFolder folder;
  const auto key = folder.path() / "key";
  ASSERT_TRUE(write_file_atomically(key, "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb\n"));
  EXPECT_EQ(sign(key, "x", "").value().public_key, "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c");
}

}  // namespace
}  // namespace freehold::guard
