#include "base/folder_lock.h"

#include <gtest/gtest.h>

#include "base/random_id.h"
#include "base/temporary_folder_testing.h"

namespace freehold {
namespace {

TEST(FolderLock, OneWritesOrSeveralRead) {
  const TemporaryFolder folder;
  using Mode = FolderLock::Mode;
  EXPECT_EQ(FolderLock::open(folder.path(), Mode::shared).error().code, Errc::not_found) << "readers make nothing";
  auto writer = FolderLock::open(folder.path(), Mode::exclusive).value();
  auto other = FolderLock::open(folder.path(), Mode::exclusive).value();
  auto reader = FolderLock::open(folder.path(), Mode::shared).value();
  EXPECT_TRUE(writer.take(0).value());
  EXPECT_FALSE(other.take(0).value());
  EXPECT_FALSE(reader.take(0.01).value());
  writer.release();
  EXPECT_TRUE(reader.take(0).value());
  EXPECT_TRUE(FolderLock::open(folder.path(), Mode::shared)->take(0).value()) << "and is let go here";
  EXPECT_FALSE(other.take(0).value());
  reader.release();
  EXPECT_TRUE(other.take(0).value());
}

TEST(RandomId, IsHexadecimalAndNotTheSameTwice) {
  const std::string id = random_id();
  EXPECT_EQ(id.size(), 24u);
  EXPECT_EQ(id.find_first_not_of("0123456789abcdef"), std::string::npos);
  EXPECT_NE(id, random_id());
}

}  // namespace
}  // namespace freehold
