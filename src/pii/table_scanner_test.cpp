#include "pii/table_scanner.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <string>
#include <vector>

namespace freehold::pii {
namespace {

// "kind=value kind=value", and the same wherever the text is cut.
std::string found_in(const std::string& text, Profile profile = Profile::gdpr) {
  std::string whole;
  for (const std::size_t piece : {text.size(), std::size_t{1}, std::size_t{7}, std::size_t{64}}) {
    TableScanner scanner(profile);
    std::vector<Finding> found;
    for (std::size_t at = 0; at < text.size(); at += piece)
      scanner.feed(std::string_view(text).substr(at, piece), found);
    scanner.finish(found);
    EXPECT_EQ(scanner.decided(), text.size());
    std::string shown;
    std::uint64_t last = 0;
    for (const Finding& one : found) {
      EXPECT_LE(last, one.begin);
      last = one.end;
      shown += (shown.empty() ? "" : " | ") + std::string(info(one.kind).name) + "=" +
               text.substr(one.begin, one.end - one.begin);
    }
    if (piece == text.size()) whole = shown;
    EXPECT_EQ(shown, whole) << piece;
  }
  return whole;
}

TEST(TableScanner, KnowsOfEachCellWhatItsColumnIsCalled) {
  EXPECT_EQ(found_in("id,dob,note\n1,03/04/1980,x\n2,05/06/1981,y\n3,07/08/1982,z\n"),
            "birth_date=03/04/1980 | birth_date=05/06/1981 | birth_date=07/08/1982");
  EXPECT_EQ(found_in("surname;phone\nQuuxley;5550100\nZorblatt;5550101"),
            "person=Quuxley | phone=5550100 | person=Zorblatt | phone=5550101");
  EXPECT_EQ(found_in("account\tday\n12345678\tMonday\n87654321\tFriday\n"),
            "bank_account=12345678 | bank_account=87654321");
  EXPECT_EQ(found_in("a,b,c\n1,03/04/1980,x\n"), "");
}

TEST(TableScanner, Quotes) {
  EXPECT_EQ(found_in("id,dob\n\"a,b\",\"03/04/1980\"\r\n\"c\n\"\"d\"\"\",05/06/1981\r\n"),
            "birth_date=03/04/1980 | birth_date=05/06/1981");
  EXPECT_EQ(found_in("\xEF\xBB\xBF\"date of birth\",size\n03/04/1980,5\" x 7\n05/06/1981,6\" x 9\n"),
            "birth_date=03/04/1980 | birth_date=05/06/1981");
  EXPECT_EQ(found_in("dob,note\n03/04/1980,\"said \"\"write to ada@example.org\"\"\"\n05/06/1981,\n"),
            "birth_date=03/04/1980 | email=ada@example.org | birth_date=05/06/1981");
}

TEST(TableScanner, WithoutNamesOfColumnsItIsText) {
  EXPECT_EQ(found_in("ada@example.org,12\nbob@example.org,13\n"), "email=ada@example.org | email=bob@example.org");
  EXPECT_EQ(found_in(""), "");
  EXPECT_EQ(found_in("dob"), "");
  // A quotation mark that nothing closes.
  const std::string long_row(3 << 20, 'x');
  TableScanner scanner(Profile::gdpr);
  std::vector<Finding> found;
  scanner.feed("dob,a\n\"" + long_row, found);
  scanner.feed("\n ada@example.org\n", found);
  scanner.finish(found);
  EXPECT_EQ(found.size(), 1u);
}

// Whatever stands there: the same wherever it is cut, in order, and nothing lost but what a cell's finding covers.
TEST(TableScanner, AnyTextAtAll) {
  std::mt19937 draw(7);
  const std::vector<std::string> pieces = {"\"",
                                           ",",
                                           ";",
                                           "\t",
                                           "\n",
                                           "\r\n",
                                           " ",
                                           "dob",
                                           "surname",
                                           "03/04/1980",
                                           "Ada",
                                           "ada@example.org",
                                           "4111 1111 1111 1111",
                                           "\xC3\xBC",
                                           "\xEF\xBB\xBF",
                                           "\"\"",
                                           "x"};
  for (int i = 0; i < 400; ++i) {
    std::string text = i % 2 == 0 ? "dob,surname;a\n" : "";
    const auto parts = draw() % 60;
    for (std::size_t part = 0; part < parts; ++part) text += pieces[draw() % pieces.size()];
    found_in(text, i % 3 == 0 ? Profile::hipaa : Profile::gdpr);
  }
}

TEST(TableScanner, TablesByName) {
  EXPECT_TRUE(is_table("a.csv") && is_table("/x/B.CSV") && is_table("a.tsv") && is_table("a.tab"));
  EXPECT_FALSE(is_table("csv") || is_table("a.csv.txt") || is_table("-") || is_table(""));
}

}  // namespace
}  // namespace freehold::pii
