#include "format/yaml.h"

#include <gtest/gtest.h>

namespace freehold::format {
namespace {

std::string why(std::string_view text) {
  const auto node = parse_yaml(text);
  return node ? "accepted" : node.error().what;
}

TEST(Yaml, ScalarsListsMapsAndTheirLines) {
  const auto node =
      parse_yaml("# a recipe\nname: 'x: y'\nrate: 1e-4\nempty:\nlist:\n  - 1\n  - [a, \"2\"]\nflag: Yes\n");
  ASSERT_TRUE(node) << node.error().what;
  ASSERT_TRUE(node->is_map());
  EXPECT_EQ(node->member("name")->text, "x: y");
  EXPECT_EQ(node->member("name")->line, 2u);
  EXPECT_EQ(node->member("rate")->as_number(), 1e-4);
  EXPECT_EQ(node->member("rate")->as_integer(), std::nullopt);
  EXPECT_TRUE(node->member("empty")->is_null());
  const YamlNode& list = *node->member("list");
  ASSERT_EQ(list.items.size(), 2u);
  EXPECT_EQ(list.items[0].as_integer(), 1);
  EXPECT_EQ(list.items[1].items[1].as_integer(), std::nullopt) << "quoted";
  EXPECT_EQ(list.items[1].line, 7u);
  EXPECT_EQ(node->member("flag")->as_bool(), true);
  EXPECT_EQ(node->member("none-such"), nullptr);
  EXPECT_TRUE(parse_yaml("")->is_null());
}

TEST(Yaml, NumbersAreWholeAndFinite) {
  for (const char* wrong : {"1x", "nan", ".nan", ".inf", "1e999", "0x10", "1_000", "--1"}) {
    EXPECT_EQ(parse_yaml(wrong)->as_number(), std::nullopt) << wrong;
    EXPECT_EQ(parse_yaml(wrong)->as_integer(), std::nullopt) << wrong;
  }
  EXPECT_EQ(parse_yaml("+1.5")->as_number(), 1.5);
  EXPECT_EQ(parse_yaml("99999999999999999999")->as_integer(), std::nullopt);
}

TEST(Yaml, WhatIsRefusedSaysWhere) {
  EXPECT_NE(why("a: 1\nb: [1\n").find("line "), std::string::npos) << why("a: 1\nb: [1\n");
  EXPECT_EQ(why("a: 1\nb: 2\na: 3\n"), "line 3: 'a' occurs twice");
  EXPECT_EQ(why("a: 1\n---\nb: 2\n"), "line 2: a second document");
  EXPECT_EQ(why(", a"), "line 1: a second document");  // yaml-cpp alone would never end
  EXPECT_EQ(why("? [x]\n: 1\n"), "line 1: a key that is not a word");
  EXPECT_EQ(why("a: &x {b: 1}\nc:\n  <<: *x\n"), "line 3: merge keys ('<<') are not supported: write the members out");
  EXPECT_EQ(why("a: !!python/object:os.system x\n").find("line 1: the tag"), 0u);
  EXPECT_EQ(why("a: \xFF\n"), "not UTF-8");
}

TEST(Yaml, BombsEnd) {
  std::string bomb = "a0: &a0 [x,x,x,x,x,x,x,x,x]\n";
  for (int i = 1; i < 12; ++i) {
    const std::string n = std::to_string(i), last = std::to_string(i - 1);
    bomb += "a" + n + ": &a" + n + " [";
    for (int k = 0; k < 9; ++k) bomb += (k > 0 ? ",*a" : "*a") + last;
    bomb += "]\n";
  }
  EXPECT_EQ(why(bomb), "more than 100000 values");
  std::string wide = "a: &a " + std::string(300'000, 'x') + "\nb: [";
  for (int i = 0; i < 4000; ++i) wide += i > 0 ? ",*a" : "*a";
  EXPECT_NE(why(wide + "]\n").find("more text than the file justifies"), std::string::npos);
  std::string keys = "a: &a {" + std::string(300'000, 'k') + ": 1}\nb: [";
  for (int i = 0; i < 4000; ++i) keys += i > 0 ? ",*a" : "*a";
  EXPECT_NE(why(keys + "]\n"), "accepted");
  EXPECT_EQ(why("a: &a x\nb: [*a, *a, *a, *a, *a, *a]\n"), "accepted");
  EXPECT_NE(why(std::string(100'000, '[')), "accepted");
  EXPECT_NE(why("a: " + std::string(50'000, '{')), "accepted");
  EXPECT_NE(why("a: &a [*a]\n"), "accepted");
  std::string deep;
  for (int i = 0; i < 200; ++i) deep += std::string(static_cast<std::size_t>(i), ' ') + "k:\n";
  EXPECT_NE(why(deep).find("deeper"), std::string::npos) << why(deep);
  EXPECT_EQ(why(std::string(kMaxYamlBytes + 1, ' ')).find("4194305 bytes"), 0u);
}

}  // namespace
}  // namespace freehold::format
