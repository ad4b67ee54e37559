#include "train/rows.h"

#include <gtest/gtest.h>

#include "base/hash.h"
#include "base/temporary_folder_testing.h"

namespace freehold::train {
namespace {

using Format = DatasetSource::Format;

class Rows : public testing::Test {
 protected:
  // "line:value" of every row's member "a", or the error behind the file's name.
  std::string read(const std::string& name, const std::string& content, Format format = Format::by_name) {
    const auto path = folder_.write(name, content);
    std::string out;
    const auto done = read_rows(path, format, [&](Row row) -> Result<> {
      FH_TRY(const std::string a, text_member(row, "a"));
      out += std::to_string(row.line) + ":" + a + " ";
      return {};
    });
    if (done) return out;
    EXPECT_EQ(done.error().what.find(path.string() + ": "), 0u) << done.error().what;
    return done.error().what.substr(std::min(done.error().what.size(), path.string().size() + 2));
  }
  TemporaryFolder folder_;
};

TEST_F(Rows, EveryFormatGivesTheSame) {
  EXPECT_EQ(read("d.jsonl", "\xEF\xBB\xBF{\"a\":\"x\"}\r\n\n{\"a\":5}\n"), "1:x 3:5 ");
  EXPECT_EQ(read("d.json", " [ {\"a\":\"x\"}, {\"a\":-1.5} ]"), "1:x 2:-1.5 ");
  EXPECT_EQ(read("d.csv", "b,a\n1,\"x\ny\"\n2,z\n"), "2:x\ny 4:z ");
  EXPECT_EQ(read("d.data", "a\nx\n", Format::csv), "2:x ");
  std::string lines;
  ASSERT_TRUE(read_rows(folder_.write("d.txt", "one\n\ntwo"), Format::by_name, [&](Row row) -> Result<> {
    lines += std::to_string(row.line) + ":" + *text_member(row, "text") + " ";
    return {};
  }));
  EXPECT_EQ(lines, "1:one 3:two ");
}

TEST_F(Rows, ErrorsNameFileAndLine) {
  EXPECT_EQ(read("d.jsonl", "{\"a\":\"x\"}\n{\"a\":\n"), "line 2: byte 6: not valid JSON near '\"a\":'");
  EXPECT_EQ(read("d.jsonl", "{\"a\":\"x\"}\n[1]\n"), "line 2: not an object but array of 1 u64");
  EXPECT_EQ(read("d.jsonl", "{\"b\":\"x\",\"c\":1}\n"), "line 1: there is no 'a'; there are b, c");
  EXPECT_EQ(read("d.jsonl", "{\"a\":null}\n"), "line 1: 'a' is no text but null");
  EXPECT_EQ(read("d.json", "[{\"a\":\"x\"}, 5]"), "element 2: not an object but u64 5");
  EXPECT_EQ(read("d.csv", "a,b\n1,2\n3\n"), "line 3: 1 fields, but line 1 names 2");
  EXPECT_EQ(read("d.csv", "a,a\n1,2\n"), "line 1: two columns have one name");
  EXPECT_EQ(read("d.jsonl", "{\"a\":\"\xFF\"}\n").find("line 1: "), 0u);
  EXPECT_EQ(read("d.jsonl", ""), "it holds no rows");
  EXPECT_EQ(read("d.csv", "a,b\n"), "it holds no rows");
  EXPECT_EQ(read("d.bin", "a"), "its name does not say what it holds: add 'ds_type: json', 'csv' or 'text'");
  EXPECT_EQ(read_rows(folder_.path() / "none.jsonl", Format::by_name, [](Row) -> Result<> { return {}; }).error().code,
            Errc::not_found);
}

TEST_F(Rows, TheDigestIsTheFiles) {
  std::string digest;
  ASSERT_TRUE(read_rows(
      folder_.write("d.txt", "one\n"), Format::by_name, [](Row) -> Result<> { return {}; }, &digest));
  EXPECT_EQ(digest, sha256(std::string_view("one\n")).hex());
}

TEST_F(Rows, ALongLineIsReadAndATooLongOneRefused) {
  EXPECT_EQ(read("d.jsonl", "{\"a\":\"" + std::string(10 << 20, 'x') + "\"}\n").size(), (10u << 20) + 3);
  EXPECT_NE(read("d.jsonl", std::string(kMostRowBytes + 1, ' ') + "{}\n").find("of a row"), std::string::npos);
}

}  // namespace
}  // namespace freehold::train
