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
