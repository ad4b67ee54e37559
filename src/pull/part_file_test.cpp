#include "pull/part_file.h"

#include <gtest/gtest.h>

#include <cerrno>
#include <fstream>

#include "store/testing.h"

namespace freehold::pull {
namespace {

namespace fs = std::filesystem;

class PartFileTest : public ::testing::Test {
 protected:
  fs::path folder() const { return folder_.path() / "pulls"; }
  Result<PartFile> open() const {
    return PartFile::open(folder(), sha256("what it shall be"), [] { return false; });
  }
  static Result<> go_on(std::uint64_t) { return {}; }
  TemporaryFolder folder_;
};

TEST_F(PartFileTest, GoesOnWhereItWas) {
  {
    PartFile part = open().value();
    ASSERT_TRUE(part.resume(100, go_on));
    ASSERT_TRUE(part.append(as_bytes("what it ")));
  }
  PartFile part = open().value();
  EXPECT_EQ(part.size(), 8u);
  ASSERT_TRUE(part.resume(100, go_on));
  ASSERT_TRUE(part.append(as_bytes("shall be")));
  const auto whole = part.finish();
  ASSERT_TRUE(whole);
  EXPECT_EQ(whole->digest, sha256("what it shall be"));
  store::PieceChecker checks;
  checks.update(as_bytes("what it shall be"));
  EXPECT_EQ(whole->checks, checks.finish());
}

TEST_F(PartFileTest, KeepsNoMoreThanTheFileShallHave) {
  {
    PartFile part = open().value();
    ASSERT_TRUE(part.append(as_bytes("what it shall be and more")));
  }
  PartFile part = open().value();
  ASSERT_TRUE(part.resume(16, go_on));
  EXPECT_EQ(part.size(), 16u);
  EXPECT_EQ(fs::file_size(part.path()), 16u);
  ASSERT_TRUE(part.restart());
  ASSERT_TRUE(part.append(as_bytes("other")));
  EXPECT_EQ(part.finish()->digest, sha256("other"));
}

TEST_F(PartFileTest, IsOneHoldersAlone) {
  std::optional<PartFile> first(open().value());
  EXPECT_EQ(open().error().code, Errc::cancelled);
  int asked = 0;
  auto second = PartFile::open(folder(), sha256("what it shall be"), [&] {
    if (++asked == 2) {
      first->remove();  // as who has brought the file in
      first.reset();
    }
    return true;
  });
  ASSERT_TRUE(second);
  EXPECT_TRUE(fs::exists(second->path())) << "not the one that was deleted";
  EXPECT_EQ(second->size(), 0u);
}

TEST_F(PartFileTest, WhatTheDiskRefusesChangesNothing) {
  PartFile part = open().value();
  ASSERT_TRUE(part.append(as_bytes("what it ")));
  set_disk_fault_for_tests([](const char* operation) { return std::string_view(operation) == "write" ? ENOSPC : 0; });
  const auto refused = part.append(as_bytes("shall be"));
  set_disk_fault_for_tests({});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Errc::exhausted);
  EXPECT_EQ(part.size(), 8u);
  ASSERT_TRUE(part.append(as_bytes("shall be")));
  EXPECT_EQ(part.finish()->digest, sha256("what it shall be"));
}

TEST_F(PartFileTest, RefusesWhatIsNoFile) {
  ASSERT_TRUE(make_directories(folder()));
  fs::create_symlink("/etc/passwd", folder() / (sha256("what it shall be").hex() + ".part"));
  EXPECT_FALSE(open());
}

TEST_F(PartFileTest, OldOnesAreForgotten) {
  std::optional<PartFile> part(open().value());
  ASSERT_TRUE(part->describe("{}"));
  const fs::path path = part->path();
  const auto long_ago = fs::file_time_type::clock::now() - std::chrono::hours(24 * 31);
  fs::last_write_time(path, long_ago);
  forget_old_parts(folder(), 30);
  EXPECT_TRUE(fs::exists(path)) << "somebody has it";
  part.reset();
  forget_old_parts(folder(), 32);
  EXPECT_TRUE(fs::exists(path));
  const fs::path half = folder() / ".tmp-abcdef";
  ASSERT_TRUE(write_file_atomically(half, "{"));
  forget_old_parts(folder(), 30);
  EXPECT_FALSE(fs::exists(path));
  EXPECT_TRUE(fs::exists(half)) << "it may be on its way";
  fs::last_write_time(half, fs::file_time_type::clock::now() - std::chrono::hours(24 * 31));
  forget_old_parts(folder(), 30);
  EXPECT_FALSE(fs::exists(half));
}

}  // namespace
}  // namespace freehold::pull
