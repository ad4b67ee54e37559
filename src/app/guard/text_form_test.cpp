#include "app/guard/text_form.h"

#include <gtest/gtest.h>

#include <random>
#include <string>
#include <utility>
#include <vector>

#include "app/guard/file_masker.h"

namespace freehold::app {
namespace {

// The text, and where each of its characters begins in the file.
std::pair<std::string, std::vector<std::uint64_t>> read_in(std::string_view file, std::size_t piece) {
  TextDecoder decoder;
  std::string text;
  for (std::size_t at = 0; at < file.size(); at += piece) text += decoder.feed(file.substr(at, piece));
  text += decoder.finish();
  std::vector<std::uint64_t> out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if ((static_cast<unsigned char>(text[i]) & 0xC0) != 0x80) out.push_back(decoder.place_of(i));
  }
  out.push_back(decoder.place_of(text.size()));
  return {text, out};
}

using Places = std::vector<std::uint64_t>;

TEST(TextDecoder, ReadsWhatIsNotUtf8AsWindows1252) {
  for (const std::size_t piece : {1, 2, 3, 100}) {
    EXPECT_EQ(read_in("M\xFCller \x80", piece),
              (std::pair{std::string("Müller €"), Places{0, 1, 2, 3, 4, 5, 6, 7, 8}}));
    EXPECT_EQ(read_in("M\xC3\xBCl \xE9", piece), (std::pair{std::string("Mül é"), Places{0, 1, 3, 4, 5, 6}}))
        << "what is UTF-8 stays";
    EXPECT_EQ(read_in("a\xE2\x82", piece), (std::pair{std::string("aâ‚"), Places{0, 1, 2, 3}})) << "an end that is cut";
    EXPECT_EQ(read_in("plain", piece), (std::pair{std::string("plain"), Places{0, 1, 2, 3, 4, 5}}));
  }
}

TEST(TextDecoder, PlacesInUtf16) {
  using namespace std::string_view_literals;
  for (const std::size_t piece : {1, 2, 3, 100}) {
    EXPECT_EQ(read_in("\xFF\xFE\x61\x00\xFC\x00\x3D\xD8\x00\xDE\x62\x00"sv, piece),
              (std::pair{std::string("aü😀b"), Places{2, 4, 6, 10, 12}}));
    EXPECT_EQ(read_in("\xFE\xFF\x00\x61\xD8\x3D\x00\x62"sv, piece),
              (std::pair{std::string("a\uFFFD\x62"), Places{2, 4, 6, 8}}));
  }
}

std::string in_units(std::string_view text, std::size_t width, bool big) {
  std::string out;
  for (const char c : text) {
    std::string unit(width, '\0');
    unit[big ? width - 1 : 0] = c;
    out += unit;
  }
  return out;
}

TEST(TextDecoder, WideTextWithoutAMarkAndWith) {
  using namespace std::string_view_literals;
  const std::string text = "mail grace@example.org and so on\n", masked = "mail [email] and so on\n";
  for (const std::size_t width : {std::size_t{2}, std::size_t{4}}) {
    for (const bool big : {false, true}) {
      const std::string mark =
          width == 2 ? (big ? "\xFE\xFF" : "\xFF\xFE") : std::string(big ? "\0\0\xFE\xFF"sv : "\xFF\xFE\0\0"sv);
      for (const std::string& before : {std::string(), mark}) {
        for (const std::size_t times : {std::size_t{1}, std::size_t{40}}) {
          std::string file = before, wanted = before;
          for (std::size_t i = 0; i < times; ++i) {
            file += in_units(text, width, big);
            wanted += in_units(masked, width, big);
          }
          EXPECT_TRUE(is_wide(file));
          for (const std::size_t piece : {std::size_t{1}, std::size_t{7}, file.size()}) {
            FileMasker masker(pii::Profile::gdpr, pii::MaskStyle::kind, false);
            std::string out;
            for (std::size_t at = 0; at < file.size(); at += piece)
              out += masker.feed(std::string_view(file).substr(at, piece));
            out += masker.finish();
            EXPECT_EQ(out, wanted) << width << big << piece;
          }
        }
      }
    }
  }
  const std::string long_text(200, 'n');
  EXPECT_EQ(read_in(in_units(long_text, 4, false) + "\xFF\xFF\xFF\xFF", 3).first, long_text + "\uFFFD");
  EXPECT_TRUE(is_wide("\x1F\x04\x40\x04\x38\x04\x32\x04\x35\x04\x42\x04\x20\x00"sv)) << "Cyrillic";
  // Zero bytes between what is UTF-8.
  EXPECT_FALSE(is_wide("a@b.org\0c@d.com\0e@f.net\0"sv));
  EXPECT_FALSE(is_wide("\x01\x00\x02\x00\x03\x00\x04\x00"sv));
}

// Bytes of any kind come out as they went in but for what is masked, wherever they are cut.
TEST(FileMasker, AnyBytesAtAll) {
  std::mt19937 draw(3);
  const std::vector<std::string> pieces = {
      "ada@example.org",    "\xFC", "\xC3\xBC", "\xE2", "\x82", " ", ",", "\n", "\"", "dob", "1/2/1980",
      std::string(1, '\0'), "x"};
  for (int i = 0; i < 300; ++i) {
    std::string file = i % 4 == 0 ? "\xFF\xFE" : i % 4 == 1 ? "\xFE\xFF" : i % 4 == 2 ? "dob,x\n" : "";
    const auto parts = draw() % 40;
    for (std::size_t part = 0; part < parts; ++part) file += pieces[draw() % pieces.size()];
    std::string whole;
    for (const std::size_t piece : {file.size() + 1, std::size_t{1}, std::size_t{5}}) {
      FileMasker masker(pii::Profile::hipaa, pii::MaskStyle::kind, i % 2 == 0);
      std::string out;
      for (std::size_t at = 0; at < file.size(); at += piece)
        out += masker.feed(std::string_view(file).substr(at, piece));
      out += masker.finish();
      if (masker.masked() == 0) {
        EXPECT_EQ(out, file);
      }
      if (piece > file.size()) whole = out;
      EXPECT_EQ(out, whole) << piece;
    }
  }
}

}  // namespace
}  // namespace freehold::app
