#include "format/csv.h"

#include <gtest/gtest.h>

namespace freehold::format {
namespace {

using Rows = std::vector<std::vector<std::string>>;

Result<Rows> read(std::string_view text, std::vector<std::size_t>* lines = nullptr) {
  CsvReader reader(text);
  Rows rows;
  std::vector<std::string> row;
  for (;;) {
    FH_TRY(const bool more, reader.next(row));
    if (!more) return rows;
    rows.push_back(row);
    if (lines != nullptr) lines->push_back(reader.line());
  }
}

TEST(Csv, Rfc4180) {
  std::vector<std::size_t> lines;
  const auto rows = read("\xEF\xBB\xBFtext,category\r\n\"a, \"\"b\"\"\nc\",1\r\n\r\n,\nlast,", &lines);
  ASSERT_TRUE(rows) << rows.error().what;
  EXPECT_EQ(*rows, (Rows{{"text", "category"}, {"a, \"b\"\nc", "1"}, {"", ""}, {"last", ""}}));
  EXPECT_EQ(lines, (std::vector<std::size_t>{1, 2, 5, 6}));
  EXPECT_EQ(*read(""), Rows{});
  EXPECT_EQ(*read("\"\""), Rows{{""}});
  EXPECT_EQ(*read("a\"b,c"), (Rows{{"a\"b", "c"}}));
}

TEST(Csv, EveryLineEndIsCountedOnce) {
  std::vector<std::size_t> lines;
  EXPECT_EQ(*read("a\rb\r\nc\n\r\nd", &lines), (Rows{{"a"}, {"b"}, {"c"}, {"d"}}));
  EXPECT_EQ(lines, (std::vector<std::size_t>{1, 2, 3, 5}));
}

TEST(Csv, ErrorsNameTheLine) {
  EXPECT_EQ(read("a,b\n\"open,\n\n").error().what, "line 2: a quote is never closed");
  EXPECT_EQ(read("a\n\"b\"c\n").error().what, "line 2: text behind a closing quote");
  EXPECT_EQ(read("a\nb\n\xC0\xAF\n").error().what, "line 3: not UTF-8");
}

}  // namespace
}  // namespace freehold::format
