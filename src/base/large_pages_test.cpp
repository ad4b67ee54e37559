#include "base/large_pages.h"

#include <gtest/gtest.h>

#include "base/temporary_folder_testing.h"

namespace freehold {
namespace {

// Which pages there are is the file system's; what must hold anywhere is that the content does.
TEST(LargePages, ContentStays) {
  const TemporaryFolder folder;
  const auto path = folder.path() / "weights";
  std::string text(std::size_t{130} << 20, 'x');
  for (std::size_t i = 0; i < text.size(); i += 4096) text[i] = static_cast<char>('a' + i / 4096 % 26);
  ASSERT_TRUE(write_file_atomically(path, text));
  const auto file = MappedFile::open(path);
  ASSERT_TRUE(file);
  const bool anew = make_room_for_large_pages(*file, path);
  file->populate(0, file->size());
  EXPECT_TRUE(as_text(file->bytes()) == text);
  const auto large = bytes_in_large_pages(*file);
  if (anew) {
    EXPECT_GT(large.value_or(0), file->size() / 2);
    EXPECT_FALSE(make_room_for_large_pages(*file, path)) << "once it lies so, it is left alone";
  }
  EXPECT_TRUE(as_text(file->bytes()) == text);
}

TEST(LargePages, SmallFilesAreLeftAlone) {
  const TemporaryFolder folder;
  const auto path = folder.path() / "small";
  ASSERT_TRUE(write_file_atomically(path, "content"));
  const auto file = MappedFile::open(path);
  ASSERT_TRUE(file);
  EXPECT_FALSE(make_room_for_large_pages(*file, path));
  EXPECT_EQ(as_text(file->bytes()), "content");
}

}  // namespace
}  // namespace freehold
