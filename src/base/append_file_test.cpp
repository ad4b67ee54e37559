// Files that grow and are cut back, and reading lines out of them.
#include "base/append_file.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <filesystem>

#include "base/line_reader.h"

namespace freehold {
namespace {

namespace fs = std::filesystem;

class AppendFileTest : public ::testing::Test {
 protected:
  AppendFileTest() {
    std::string pattern = (fs::temp_directory_path() / "freehold-append-XXXXXX").string();
    folder_ = ::mkdtemp(pattern.data());
  }
  ~AppendFileTest() override {
    set_disk_fault_for_tests({});
    std::error_code ec;
    fs::remove_all(folder_, ec);
  }
  fs::path path() const { return folder_ / "a.jsonl"; }
  fs::path folder_;
};

TEST_F(AppendFileTest, GrowsAndIsCutToWhatCounts) {
  {
    auto file = AppendFile::open(path(), 0, FileAccess::owner);
    ASSERT_TRUE(file) << file.error().what;
    ASSERT_TRUE(file->append("one\n"));
    ASSERT_TRUE(file->append("two\nto"));
    ASSERT_TRUE(file->sync());
    EXPECT_EQ(file->size(), 10u);
  }
  struct stat about {};
  ASSERT_EQ(::stat(path().c_str(), &about), 0);
  EXPECT_EQ(about.st_mode & 0777, 0600u);
  {
    auto again = AppendFile::open(path(), 8);
    ASSERT_TRUE(again);
    ASSERT_TRUE(again->append("three\n"));
    EXPECT_EQ(AppendFile::open(path(), 0).error().code, Errc::io) << "one writer at a time";
  }
  EXPECT_EQ(*read_file(path()), "one\ntwo\nthree\n");
  const auto longer = AppendFile::open(path(), 100);
  ASSERT_FALSE(longer);
  EXPECT_EQ(longer.error().code, Errc::corrupt);
  EXPECT_EQ(*read_file(path()), "one\ntwo\nthree\n") << "a refusal changes nothing";
}

TEST_F(AppendFileTest, AFailedWriteLeavesTheFileAsItWas) {
  auto file = AppendFile::open(path(), 0);
  ASSERT_TRUE(file);
  ASSERT_TRUE(file->append("one\n"));
  set_disk_fault_for_tests([](const char* what) { return std::string_view(what) == "write" ? ENOSPC : 0; });
  const auto failed = file->append("two\n");
  set_disk_fault_for_tests({});
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().code, Errc::exhausted);
  ASSERT_TRUE(file->append("three\n"));
  EXPECT_EQ(*read_file(path()), "one\nthree\n");
}

TEST_F(AppendFileTest, RefusesWhatIsNoFile) {
  EXPECT_EQ(AppendFile::open(folder_, 0).error().code, Errc::io);
  ASSERT_EQ(::mkfifo(path().c_str(), 0600), 0);
  EXPECT_EQ(AppendFile::open(path(), 0).error().code, Errc::invalid);
  EXPECT_EQ(AppendFile::open(folder_ / "none" / "a", 0).error().code, Errc::not_found);
}

TEST_F(AppendFileTest, LinesKnowWhereTheyEnd) {
  const std::string longest(200'000, 'x');
  ASSERT_TRUE(write_file_atomically(path(),
                                    "\xef\xbb\xbf"
                                    "a\r\n\n" +
                                        longest + "\ntorn"));
  auto input = InputFile::open(path());
  ASSERT_TRUE(input);
  LineReader reader(std::move(*input), longest.size());
  const auto expect = [&](std::string_view text, std::uint64_t number, std::uint64_t end, bool torn) {
    auto line = reader.next();
    ASSERT_TRUE(line && *line);
    EXPECT_EQ((*line)->text, text);
    EXPECT_EQ((*line)->number, number);
    EXPECT_EQ((*line)->end, end);
    EXPECT_EQ((*line)->torn, torn);
  };
  expect("a", 1, 6, false);
  expect("", 2, 7, false);
  expect(longest, 3, 200'008, false);
  expect("torn", 4, 200'012, true);
  auto end = reader.next();
  ASSERT_TRUE(end);
  EXPECT_FALSE(*end);
}

TEST_F(AppendFileTest, ALineThatIsTooLongIsNamed) {
  ASSERT_TRUE(write_file_atomically(path(), "a\n" + std::string(300'000, 'x') + "\nb\n"));
  auto input = InputFile::open(path());
  ASSERT_TRUE(input);
  LineReader reader(std::move(*input), 1000);
  ASSERT_TRUE(reader.next());
  const auto refused = reader.next();
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Errc::invalid);
  EXPECT_EQ(refused.error().what, "line 2 is longer than 1000 bytes");
}

}  // namespace
}  // namespace freehold
