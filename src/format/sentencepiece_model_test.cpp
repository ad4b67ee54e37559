#include "format/sentencepiece_model.h"

#include <gtest/gtest.h>

#include <cstring>
#include <string>

namespace freehold::format {
namespace {

std::string varint(std::uint64_t n) {
  std::string out;
  for (; n >= 0x80; n >>= 7) out += static_cast<char>((n & 0x7F) | 0x80);
  return out + static_cast<char>(n);
}
std::string number(std::uint64_t field, std::uint64_t n) {
  return varint(field << 3) + varint(n);
}
std::string bytes(std::uint64_t field, const std::string& content) {
  return varint(field << 3 | 2) + varint(content.size()) + content;
}
std::string piece(const std::string& text, float score, unsigned type) {
  std::string four(4, '\0');
  std::memcpy(four.data(), &score, 4);
  return bytes(1, bytes(1, text) + varint(2 << 3 | 5) + four + (type == 1 ? "" : number(3, type)));
}
Result<SentencePieceModel> parse(const std::string& text) {
  return parse_sentencepiece_model(as_bytes(text));
}

std::string model() {
  return piece("<unk>", 0, 2) + piece("a", -1.5f, 1) + piece("<0x0A>", 0, 6) +
         bytes(2, number(3, 2) + number(4, 3) + number(35, 1) + number(43, ~std::uint64_t{0}) + number(42, 1)) +
         bytes(3, bytes(1, "identity") + bytes(2, "") + number(3, 1) + number(4, 0)) + bytes(4, "self-test");
}

TEST(SentencePieceModel, Reads) {
  std::string text = model();
  auto m = parse(text);
  ASSERT_TRUE(m) << m.error().what;
  ASSERT_EQ(m->pieces.size(), 3u);
  EXPECT_EQ(m->pieces[1].text, "a");
  EXPECT_EQ(m->pieces[1].score, -1.5f);
  EXPECT_EQ(m->pieces[2].type, 6);
  EXPECT_EQ(m->type, SentencePieceModel::Type::bpe);
  EXPECT_TRUE(m->byte_fallback && m->add_dummy_prefix && !m->remove_extra_whitespaces);
  EXPECT_EQ(m->pad_id, -1);
  EXPECT_EQ(m->bos_id, 1);
  EXPECT_EQ(m->eos_id, 1);
  EXPECT_EQ(m->normalizer, "identity");
}

// Cut anywhere, or with any byte changed, it is read or refused; nothing else.
TEST(SentencePieceModel, SurvivesDamage) {
  const std::string whole = model();
  for (std::size_t n = 0; n < whole.size(); ++n) (void)parse(whole.substr(0, n));
  for (std::size_t i = 0; i < whole.size(); ++i) {
    for (int b = 0; b < 256; b += 5) {
      std::string damaged = whole;
      damaged[i] = static_cast<char>(b);
      (void)parse(damaged);
    }
  }
}

TEST(SentencePieceModel, RefusesWhatIsWrong) {
  std::string endless(11, '\x80');
  for (const std::string& bad :
       {std::string(""), std::string("\x0A\x7F"), std::string("\x00", 1), std::string("\x0B"), endless,
        std::string("\x0D\x01"), bytes(1, varint(2 << 3 | 5) + "abc"), bytes(1, number(2, 1)), piece("a", 0, 7),
        model() + bytes(2, number(3, 9)), model() + bytes(2, number(42, std::uint64_t{1} << 40)),
        model() + bytes(3, number(1, 1)), model() + number(1, 1), bytes(2, number(3, 2))}) {
    auto m = parse(bad);
    ASSERT_FALSE(m);
    EXPECT_EQ(m.error().code, Errc::corrupt) << m.error().what;
  }
}

}  // namespace
}  // namespace freehold::format
