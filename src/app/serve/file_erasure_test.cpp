// Lines of batches that are about somebody, overwritten where they are.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "app/serve/file_store.h"
#include "base/temporary_folder_testing.h"

namespace freehold::app {
namespace {

std::string line(std::string_view id, std::string_view user, std::string_view text) {
  return fmt::format(
      R"({{"custom_id":"{}","method":"POST","url":"/v1/completions","body":{{"user":"{}","prompt":"{}"}}}})"
      "\n",
      id, user, text);
}

// What stands in place of it.
std::string blank(const std::string& line) {
  std::string out(kErasedLine);
  out.resize(line.size() - 1, ' ');
  return out + "\n";
}

class FileErasure : public ::testing::Test {
 protected:
  std::unique_ptr<FileStore> open() {
    auto store = FileStore::open(folder_.path(), [] { return 1'000'000; });
    EXPECT_TRUE(store) << store.error().what;
    return std::move(*store);
  }
  static std::string put(FileStore& store, std::string_view content, const std::string& tenant) {
    auto incoming = store.receive();
    EXPECT_TRUE(incoming && incoming->file.write(content));
    const auto file = store.add(tenant, {"in.jsonl", "batch", {}}, std::move(*incoming));
    EXPECT_TRUE(file) << file.error().what;
    return file->id;
  }
  static FileStore::IsAbout about(std::string_view key, std::string_view whom) {
    return [=](const std::string& tenant, std::string_view subject) {
      return (key.empty() || tenant == key) && subject == whom;
    };
  }
  static std::uint64_t erase(FileStore& store, std::string_view key, std::string_view whom) {
    std::uint64_t lines = 0;
    const auto all = store.erase_lines(about(key, whom), lines);
    EXPECT_TRUE(all) << all.error().what;
    return lines;
  }
  TemporaryFolder folder_;
};

TEST_F(FileErasure, OverwritesHisAndNobodyElses) {
  const auto store = open();
  const std::string his = line("a", "alice", "what she says"), other = line("b", "bob", "alice"),
                    torn = line("c", "alice", "without an end");
  const std::string mine = put(*store, "\xef\xbb\xbf" + his + other + "\n" + torn.substr(0, torn.size() - 1), "me");
  const std::string yours = put(*store, his, "you");
  EXPECT_EQ(erase(*store, "me", "alice"), 2U);
  const auto text = read_file(store->path_of(mine));
  ASSERT_TRUE(text);
  const std::string first = "\xef\xbb\xbf" + his;
  EXPECT_EQ(*text, blank(first) + other + "\n" + blank(torn).substr(0, torn.size() - 1));
  EXPECT_EQ(*read_file(store->path_of(yours)), his);
  EXPECT_EQ(erase(*store, "me", "alice"), 0U);
  EXPECT_EQ(erase(*store, "", "alice"), 1U);
}

TEST_F(FileErasure, AnswersGoWithTheirLines) {
  const auto store = open();
  const std::string id = put(*store, line("a", "alice", "x") + line("b", "bob", "y"), "me");
  const auto batch = store->add_batch("me", {id, "/v1/completions", "null", {}});
  ASSERT_TRUE(batch && *batch);
  const std::string of_a = "{\"id\":\"1\",\"custom_id\":\"a\",\"response\":\"secret\"}\n",
                    of_b = "{\"id\":\"2\",\"custom_id\":\"b\",\"response\":\"a\"}\n";
  const auto next = store->next_batch();
  ASSERT_TRUE(next && *next);
  ASSERT_TRUE(write_file_atomically(store->path_of((*next)->output_id), of_a + of_b));
  EXPECT_EQ(erase(*store, "", "alice"), 2U);
  EXPECT_EQ(*read_file(store->path_of((*next)->output_id)), blank(of_a) + of_b);
}

TEST_F(FileErasure, ReachesWhatNoBatchWouldTake) {
  const auto store = open();
  std::string odd = line("a", "alice", "\xff\xfe"), cut = line("b", "alice", "cut"), both = line("c", "bob", "both"),
              end = line("e", "alice", "behind");
  cut.replace(cut.size() - 4, 3, "   ");
  both.replace(both.find(R"("prompt")"), 8, R"("safety_identifier":"alice","prompt")");
  const std::string large = line("d", "alice", std::string(std::size_t{33} << 20, 'x'));
  const std::string id = put(*store, odd + cut + both + large + end, "me");
  EXPECT_EQ(erase(*store, "", "alice"), 5U);
  EXPECT_EQ(*read_file(store->path_of(id), UINT64_MAX),
            blank(odd) + blank(cut) + blank(both) + blank(large) + blank(end));
}

TEST_F(FileErasure, OneFileStopsNoOther) {
  const auto store = open();
  const std::string his = line("a", "alice", "x");
  std::vector<std::string> ids;
  for (int i = 0; i < 3; ++i) ids.push_back(put(*store, his, "me"));
  ASSERT_TRUE(remove_file(store->path_of(ids[1])));
  std::filesystem::create_directory(store->path_of(ids[1]));
  std::uint64_t lines = 0;
  const auto all = store->erase_lines(about("", "alice"), lines);
  ASSERT_FALSE(all);
  EXPECT_NE(all.error().what.find(ids[1]), std::string::npos) << all.error().what;
  EXPECT_EQ(lines, 2U);
  EXPECT_EQ(*read_file(store->path_of(ids[2])), blank(his));
  const auto files = store->files_about(about("", "bob"));
  ASSERT_TRUE(files);
  EXPECT_EQ(files->size(), 1U);  // it may have lines about anybody
}

TEST_F(FileErasure, IsFinishedWhenTheStoreIsNextOpened) {
  const std::string his = line("a", "alice", "what she says"), other = line("b", "bob", "y");
  std::string id;
  {
    const auto store = open();
    id = put(*store, his + other, "me");
  }
  // As one that was killed between the journal and the line, half of which it had overwritten.
  const auto journal = folder_.path() / "files" / "erasing-x";
  ASSERT_TRUE(write_file_atomically(journal,
                                    fmt::format("{} 0 {}\nfile-gone 0 30\n../escape 0 30\nodd\n", id, his.size() - 1)));
  std::string half = his;
  half.replace(0, 10, "{\"erased\":");
  ASSERT_TRUE(write_file_atomically(folder_.path() / "files" / id, half + other));
  const auto store = open();
  EXPECT_EQ(*read_file(store->path_of(id)), blank(his) + other);
  EXPECT_FALSE(std::filesystem::exists(journal));
}

}  // namespace
}  // namespace freehold::app
