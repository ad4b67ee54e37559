#include "base/utf8.h"

#include <gtest/gtest.h>

#include <array>
#include <set>
#include <string>
#include <vector>

namespace freehold {
namespace {

std::string encoded(std::uint32_t c) {
  std::string out;
  append_utf8(out, c);
  return out;
}

bool is_scalar_value(std::uint32_t c) {
  return c <= 0x10FFFF && (c < 0xD800 || c > 0xDFFF);
}

TEST(Utf8, EveryScalarValueSurvivesTheRoundTrip) {
  for (std::uint32_t c = 0; c <= 0x10FFFF; ++c) {
    if (!is_scalar_value(c)) continue;
    std::string bytes = encoded(c);
    CodePoint back = decode_utf8(bytes + "x");
    ASSERT_EQ(back.value, c);
    ASSERT_EQ(back.length, bytes.size());
  }
}

// Every string of one, two or three bytes, and four bytes at the borders of their ranges: valid only if it is the
// encoding of a scalar value, by the arithmetic of RFC 3629 and not by the decoder's own tables.
TEST(Utf8, ExactlyTheEncodingsOfScalarValuesAreAccepted) {
  auto check = [](const std::string& s) {
    auto b = [&](std::size_t i) { return static_cast<std::uint32_t>(static_cast<unsigned char>(s[i])); };
    auto tail = [&](std::size_t i) { return (b(i) & 0xC0) == 0x80; };
    std::uint32_t c = 0xFFFFFFFF;
    if (s.size() == 1 && b(0) < 0x80) c = b(0);
    if (s.size() == 2 && (b(0) & 0xE0) == 0xC0 && tail(1)) c = (b(0) & 31) << 6 | (b(1) & 63);
    if (s.size() == 3 && (b(0) & 0xF0) == 0xE0 && tail(1) && tail(2)) {
      c = (b(0) & 15) << 12 | (b(1) & 63) << 6 | (b(2) & 63);
    }
    if (s.size() == 4 && (b(0) & 0xF8) == 0xF0 && tail(1) && tail(2) && tail(3)) {
      c = (b(0) & 7) << 18 | (b(1) & 63) << 12 | (b(2) & 63) << 6 | (b(3) & 63);
    }
    bool shortest = (s.size() == 1) || (s.size() == 2 && c >= 0x80) || (s.size() == 3 && c >= 0x800) ||
                    (s.size() == 4 && c >= 0x10000);
    bool valid = is_scalar_value(c) && shortest;
    ASSERT_EQ(decode_utf8(s).length == s.size(), valid) << printable(s);
  };
  constexpr std::array<int, 14> kBorders = {0x00, 0x41, 0x7F, 0x80, 0x8F, 0x90, 0x9F,
                                            0xA0, 0xBF, 0xC0, 0xE0, 0xED, 0xF4, 0xFF};
  for (int a = 0; a < 256; ++a) {
    check({static_cast<char>(a)});
    for (int b = 0; b < 256; ++b) {
      check({static_cast<char>(a), static_cast<char>(b)});
      for (int c : kBorders) {
        check({static_cast<char>(a), static_cast<char>(b), static_cast<char>(c)});
        for (int d : kBorders) {
          check({static_cast<char>(a), static_cast<char>(b), static_cast<char>(c), static_cast<char>(d)});
        }
      }
    }
  }
}

TEST(Utf8, WholeTexts) {
  EXPECT_TRUE(is_utf8(""));
  EXPECT_TRUE(is_utf8("Grüße, 世界, 🏡"));
  EXPECT_FALSE(is_utf8("\xC0\xAF"));           // an overlong '/'
  EXPECT_FALSE(is_utf8("\xED\xA0\x80"));       // a surrogate
  EXPECT_FALSE(is_utf8("\xF4\x90\x80\x80"));   // beyond U+10FFFF
  EXPECT_FALSE(is_utf8("abc\xE4\xB8"));        // cut off
  EXPECT_TRUE(is_utf8(std::string(3, '\0')));  // NUL is a character like others
}

// Cut anywhere, a stream emits a prefix, then the rest, and never half a character.
TEST(Utf8, APrefixNeverEndsInsideACharacter) {
  const std::string text = "aé世🏡b\xFF\xC3z\xF0\x9F\x8F";
  std::size_t before = 0;
  for (std::size_t cut = 0; cut <= text.size(); ++cut) {
    std::size_t length = complete_utf8_prefix(std::string_view(text).substr(0, cut));
    ASSERT_LE(length, cut);
    ASSERT_GE(length, before) << "what was emitted stays emitted";
    ASSERT_LE(cut - length, 3u);
    before = length;
  }
  EXPECT_EQ(complete_utf8_prefix("a\xC3"), 1u);
  EXPECT_EQ(complete_utf8_prefix("a\xF0\x9F\x8F"), 1u);
  EXPECT_EQ(complete_utf8_prefix("a\xF0\x9F\x8F\xA1"), 5u);
  EXPECT_EQ(complete_utf8_prefix("a\xFF"), 2u) << "can never become a character";
  EXPECT_EQ(complete_utf8_prefix("\x80\x80\x80\x80"), 4u);
  EXPECT_EQ(complete_utf8_prefix("\xED\xA0"), 2u) << "a surrogate can never be completed";
}

// The Unicode standard, table 3-8: one U+FFFD for each maximal invalid subpart.
TEST(Utf8, InvalidPartsAreReplacedAsTheStandardRecommends) {
  const std::string r = "\xEF\xBF\xBD";
  EXPECT_EQ(replace_invalid_utf8("\x61\xF1\x80\x80\xE1\x80\xC2\x62\x80\x63\x80\xBF\x64"),
            "a" + r + r + r + "b" + r + "c" + r + r + "d");
  EXPECT_EQ(replace_invalid_utf8("\xC0\xAF\xE0\x80\xBF\xF0\x81\x82\x41"), r + r + r + r + r + r + r + r + "A");
  EXPECT_EQ(replace_invalid_utf8("gut 世界"), "gut 世界");
}

TEST(Printable, NothingReachesATerminalRaw) {
  EXPECT_EQ(printable("\x1B[31mred\x1B[0m"), "\\x1b[31mred\\x1b[0m");
  EXPECT_EQ(printable("a\nb\tc\r\x7F"), "a\\nb\\tc\\x0d\\x7f");
  EXPECT_EQ(printable("\xC2\x9B"), "\\u009b");      // CSI as one character
  EXPECT_EQ(printable("\xE2\x80\xAE"), "\\u202e");  // right-to-left override
  EXPECT_EQ(printable("\xFFx"), "\\xffx");
  EXPECT_EQ(printable("Grüße 🏡"), "Grüße 🏡");
  for (std::uint32_t c = 0; c <= 0x10FFFF; ++c) {
    if (!is_scalar_value(c)) continue;
    std::string shown = printable(encoded(c));
    for (char byte : shown) ASSERT_GE(static_cast<unsigned char>(byte), 0x20u) << c;
    ASSERT_TRUE(is_utf8(shown));
  }
}

TEST(Printable, LongTextIsShortenedVisiblyAndBetweenCharacters) {
  std::string text;
  for (int i = 0; i < 1000; ++i) text += "世";
  std::string shown = printable(text, 100);
  EXPECT_TRUE(shown.ends_with("…"));
  EXPECT_LE(shown.size(), 110u);
  EXPECT_TRUE(is_utf8(shown));
  EXPECT_EQ(printable(std::string(200, 'x')), std::string(200, 'x'));
  EXPECT_EQ(printable(std::string(201, 'x')), std::string(200, 'x') + "…");
}

}  // namespace
}  // namespace freehold
