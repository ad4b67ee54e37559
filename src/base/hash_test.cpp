#include "base/hash.h"

#include <gtest/gtest.h>

#include <string>

namespace freehold {
namespace {

// FIPS 180-4 example values (NIST, "SHA-256 test vectors").
TEST(Sha256, KnownAnswers) {
  EXPECT_EQ(sha256("").hex(), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(sha256("abc").hex(), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(sha256("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq").hex(),
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
  EXPECT_EQ(sha256(std::string(1'000'000, 'a')).hex(),
            "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

TEST(Sha256, ACopyGoesOnByItself) {
  Sha256 hash;
  hash.update(std::as_bytes(std::span("ab", 2)));
  Sha256 copy = hash.copy();
  copy.update(std::as_bytes(std::span("c", 1)));
  EXPECT_EQ(copy.finish(), sha256("abc"));
  EXPECT_EQ(hash.finish(), sha256("ab"));
}

TEST(Sha256, PiecesGiveTheSameDigest) {
  std::string text;
  for (int i = 0; i < 1000; ++i) text += std::to_string(i);
  for (std::size_t piece : {1u, 63u, 64u, 65u, 1000u}) {
    Sha256 hash;
    for (std::size_t at = 0; at < text.size(); at += piece) {
      std::string part = text.substr(at, piece);
      hash.update(std::as_bytes(std::span(part.data(), part.size())));
    }
    EXPECT_EQ(hash.finish(), sha256(text)) << piece;
  }
}

TEST(Digest, NamesAreParsedStrictly) {
  Digest digest = sha256("abc");
  EXPECT_EQ(Digest::parse(digest.name()), digest);
  std::string name = digest.name();
  EXPECT_FALSE(Digest::parse("").has_value());
  EXPECT_FALSE(Digest::parse(digest.hex()).has_value()) << "the prefix is part of the name";
  EXPECT_FALSE(Digest::parse(name + "0").has_value());
  EXPECT_FALSE(Digest::parse(name.substr(0, name.size() - 1)).has_value());
  for (char bad : {'A', 'g', '/', '.', ' ', '\0', '\n'}) {
    std::string wrong = name;
    wrong[20] = bad;
    EXPECT_FALSE(Digest::parse(wrong).has_value()) << static_cast<int>(bad);
  }
  EXPECT_FALSE(Digest::parse("SHA256:" + digest.hex()).has_value());
}

}  // namespace
}  // namespace freehold
