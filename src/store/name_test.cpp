#include "store/name.h"

#include <gtest/gtest.h>

#include <string>

#include "store/pieces.h"

namespace freehold::store {
namespace {

TEST(ModelName, AcceptsWhatTheRuleSays) {
  auto plain = ModelName::parse("mistral").value();
  EXPECT_EQ(plain.text(), "mistral:latest");
  EXPECT_EQ(plain.path(), "models/mistral/latest.json");
  EXPECT_EQ(ModelName::parse("meta/llama-3.1_8b:q4_k_m")->path(), "models/meta/llama-3.1_8b/q4_k_m.json");
  EXPECT_TRUE(ModelName::parse(std::string(100, 'a')));
}

TEST(ModelName, RefusesEverythingThatCouldLeaveItsFolder) {
  using namespace std::string_literals;
  const std::string hostile[] = {
      "",
      ".",
      "..",
      "../x",
      "a/../b",
      "/etc/passwd",
      "a//b",
      "a/",
      ":latest",
      "a:",
      "a:b:c",
      "a:../x",
      "a:b/c",
      "a\0b"s,
      "a b",
      "A",
      "a:Q4",
      "-a",
      "_a",
      ".tmp-abcdef",
      "a:.tmp-x",
      "a\x1b[31m",
      "\xff",
      "ä",
      "a\\b",
      "a\nb",
      "~",
      "a.json/b",
      "a:b.json",
      "sha256:",
      "sha256",
      "sha256:latest",
      "sha256:0123456789abcdef",
      "a:\xe2\x80\xae",
      std::string(101, 'a'),
      "a/" + std::string(99, 'b') + "/" + std::string(100, 'c'),
  };
  for (const std::string& text : hostile) {
    auto parsed = ModelName::parse(text);
    ASSERT_FALSE(parsed) << text;
    EXPECT_EQ(parsed.error().code, Errc::invalid);
    EXPECT_EQ(parsed.error().what.find_first_of("\x1b\n"), std::string::npos);
  }
}

TEST(ModelName, SuggestsTheNearestOne) {
  EXPECT_NE(ModelName::parse("Mistral-7B:Q4_K_M").error().what.find("'mistral-7b:q4_k_m' would do"), std::string::npos);
  EXPECT_EQ(ModelName::parse("..").error().what.find("would do"), std::string::npos);
}

TEST(ModelName, WhatPromotionsMakeIsGivenByNobody) {
  for (const char* text : {"a:b.previous", "a:b.pending", "a:.pending", "A:b"}) {
    EXPECT_FALSE(ModelName::parse_given(text)) << text;
  }
  for (const char* text : {"a:b", "a.pending:b", "a:pending", "a:b.previous2"}) {
    EXPECT_TRUE(ModelName::parse_given(text)) << text;
  }
  EXPECT_TRUE(ModelName::parse("a:b.previous")) << "it can be asked for";
  EXPECT_NE(ModelName::parse_given("a:b.pending").error().what.find("models promote"), std::string::npos);
}

TEST(ModelName, IsMadeFromAPath) {
  EXPECT_EQ(name_from_path("/x/Stories 260K-Q8_0.gguf")->text(), "stories-260k-q8_0:latest");
  EXPECT_EQ(name_from_path("big-00001-of-00003.gguf")->text(), "big:latest");
  EXPECT_EQ(name_from_path("/models/My Llama/")->text(), "my-llama:latest");
  EXPECT_FALSE(name_from_path("/models/äö.gguf"));
  EXPECT_FALSE(name_from_path("/models/sha256.gguf"));
  EXPECT_TRUE(ModelName::parse(name_from_path("-x.json.gguf")->text()));
}

TEST(ModelReference, IsADigestANameOrAPath) {
  EXPECT_TRUE(std::holds_alternative<DigestPrefix>(*parse_reference("sha256:01234567")));
  EXPECT_TRUE(std::holds_alternative<ModelName>(*parse_reference("a/b:c")));
  for (const char* path : {"/a", "./a", "../a", "a/B.gguf", "x y"}) {
    EXPECT_TRUE(std::holds_alternative<PathReference>(*parse_reference(path))) << path;
  }
  for (const char* bad : {"", "sha256:", "sha256:0123456", "sha256:ABCDEF01", "sha256:../../etc",
                          "sha256:0123456701234567012345670123456701234567012345670123456701234567f"}) {
    EXPECT_FALSE(parse_reference(bad)) << bad;
  }
}

TEST(Pieces, LocateEveryChangedByte) {
  std::string text(3 * kPieceBytes + 100, 'x');
  PieceChecker whole, parts;
  whole.update(as_bytes(text));
  for (std::size_t i = 0; i < text.size();) {
    const std::size_t n = std::min<std::size_t>(i % 13 + 1, text.size() - i);
    parts.update(as_bytes(text).subspan(i, n));
    i += n;
  }
  const std::string good = whole.finish();
  EXPECT_EQ(good, parts.finish()) << "however the bytes arrive";
  EXPECT_EQ(good.size(), 8u + 4 * 4);
  for (std::size_t at : {std::size_t{0}, std::size_t{4095}, std::size_t{4096}, std::size_t{9000}, text.size() - 1}) {
    std::string changed = text;
    changed[at] = static_cast<char>(changed[at] ^ 1);
    PieceChecker checker;
    checker.update(as_bytes(changed));
    auto ranges = differing_pieces(good, checker.finish(), text.size());
    ASSERT_TRUE(ranges);
    ASSERT_EQ(ranges->size(), 1u);
    EXPECT_LE(ranges->front().begin, at);
    EXPECT_GT(ranges->front().end, at);
    EXPECT_LE(ranges->front().end - ranges->front().begin, kPieceBytes);
  }
  PieceChecker shorter;
  shorter.update(as_bytes(text).first(2 * kPieceBytes));
  EXPECT_EQ(differing_pieces(good, shorter.finish(), text.size())->front(), (ByteRange{2 * kPieceBytes, text.size()}));
  EXPECT_FALSE(differing_pieces("rubbish", good, text.size()));
  EXPECT_FALSE(differing_pieces(good, good, text.size() + kPieceBytes));
}

}  // namespace
}  // namespace freehold::store
