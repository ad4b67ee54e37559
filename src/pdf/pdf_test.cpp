#include <gtest/gtest.h>

#include "pdf/writer.h"

namespace freehold::pdf {
namespace {

TEST(PdfText, WhatTheFontsLackIsSaid) {
  EXPECT_EQ(win_ansi("M\xC3\xBCller \xE2\x82\xAC"), "M\xFCller \x80");
  EXPECT_EQ(win_ansi("\xC5\x81ukasz"), "[U+0141]ukasz");
  EXPECT_EQ(win_ansi("a\xFF\tb\x7F"), "a[U+FFFD] b ");
  EXPECT_EQ(win_ansi("\xF0\x9F\x94\x92"), "[U+1F512]");
}

TEST(PdfText, Widths) {
  // By hand from Adobe's metrics: H 722, e 556, l 222, l 222, o 556.
  EXPECT_DOUBLE_EQ(width(Face::regular, 10, "Hello"), 22.78);
  EXPECT_DOUBLE_EQ(width(Face::bold, 10, "Hello"), 7.22 + 5.56 + 2.78 + 2.78 + 6.11);
  EXPECT_DOUBLE_EQ(width(Face::mono, 10, "Hello"), 30);
  EXPECT_DOUBLE_EQ(width(Face::regular, 10, win_ansi("\xC3\xBC")), 5.56) << "as wide as its letter";
  for (int c = 0x20; c < 0x100; ++c) EXPECT_GT(width(Face::bold, 10, std::string(1, static_cast<char>(c))), 0) << c;
}

TEST(PdfText, Wrapping) {
  const double five = width(Face::mono, 10, "12345");
  EXPECT_EQ(wrapped(Face::mono, 10, "ab cd ef", five), (std::vector<std::string>{"ab cd", "ef"}));
  EXPECT_EQ(wrapped(Face::mono, 10, "abcdefgh ij", five), (std::vector<std::string>{"abcde", "fgh", "ij"}));
  EXPECT_EQ(wrapped(Face::mono, 10, "a\n\nb", five), (std::vector<std::string>{"a", "", "b"}));
  EXPECT_EQ(wrapped(Face::mono, 10, "", five), std::vector<std::string>{""});
  EXPECT_EQ(wrapped(Face::mono, 10, "ab abcdefgh", five), (std::vector<std::string>{"ab", "abcde", "fgh"}));
  for (const std::string& line : wrapped(Face::regular, 9, std::string(500, 'W') + " some words", 80))
    EXPECT_LE(width(Face::regular, 9, line), 80);
  EXPECT_EQ(wrapped(Face::mono, 10, "abc", 1), (std::vector<std::string>{"a", "b", "c"})) << "always ends";
}

std::string sample() {
  Writer w("Title \xC5\x81", 1'801'396'800);
  w.page();
  w.bookmark("One");
  w.text(50, 60, Face::regular, 10, "12 (of) 13\\", {}, "C1.2");
  w.rectangle(50, 70, 20, 10, {0, 0.5, 1});
  w.page();
  w.bookmark("Two");
  w.line(0, 0, 10, 10, 0.5, {});
  w.attach("claims.json", "application/json", "{\"a\":\"(\xC3\xBC\"}");
  return w.finish();
}

// Whoever reads a file from its end finds each object where the table says that it is.
TEST(PdfWriter, TheTableIsTrue) {
  const std::string file = sample();
  const std::size_t start = std::stoul(file.substr(file.rfind("startxref\n") + 10));
  ASSERT_EQ(file.substr(start, 5), "xref\n");
  std::size_t at = file.find('\n', start + 5) + 1;
  const std::size_t count = std::stoul(file.substr(start + 7));
  ASSERT_GT(count, 10U);
  for (std::size_t object = 1; object < count; ++object) {
    const std::string row = file.substr(at + 20 * object, 20);
    ASSERT_EQ(row.substr(10), " 00000 n \n");
    const std::string head = std::to_string(object) + " 0 obj\n";
    EXPECT_EQ(file.substr(std::stoul(row), head.size()), head);
  }
  EXPECT_EQ(file.substr(0, 9), "%PDF-1.7\n");
}

TEST(PdfWriter, WhatIsInIt) {
  const std::string file = sample();
  EXPECT_NE(file.find("/Claim <</Id (C1.2)>> BDC\nBT 0 0 0 rg\n/F0 10 Tf 50 781.89 Td (12 \\(of\\) 13\\\\) Tj ET\nEMC"),
            std::string::npos);
  EXPECT_NE(file.find("stream\n{\"a\":\"(\xC3\xBC\"}\nendstream"), std::string::npos) << "as it is";
  EXPECT_NE(file.find("/Title <FEFF005400690074006C006500200141>"), std::string::npos);
  EXPECT_NE(file.find("(D:20270131120000Z)"), std::string::npos);
  EXPECT_EQ(file, sample()) << "the same calls, the same bytes";
}

}  // namespace
}  // namespace freehold::pdf
