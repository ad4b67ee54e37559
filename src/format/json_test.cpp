#include "format/json.h"

#include <gtest/gtest.h>

#include <string>

#include "base/sanitized_testing.h"
#include "base/thread_time.h"

namespace freehold::format {
namespace {

std::string repeat(std::string_view text, int n) {
  std::string out;
  for (int i = 0; i < n; ++i) out += text;
  return out;
}

TEST(Json, BuildsATree) {
  auto root = parse_json(
      R"({"a": 1, "b": [-2, 2.5, true, null, "\u00e9\ud83d\ude00"], "c": {"d": {}}, "n": 18446744073709551616})");
  ASSERT_TRUE(root) << root.error().what;
  EXPECT_EQ(root->member("a")->as_u64(), 1u);
  auto items = root->member("b")->items();
  ASSERT_EQ(items.size(), 5u);
  EXPECT_EQ(items[0].as_i64(), -2);
  EXPECT_EQ(items[1].as_f64(), 2.5);
  EXPECT_EQ(items[2].as_bool(), true);
  EXPECT_TRUE(items[3].is_null());
  EXPECT_EQ(items[4].as_string(), "\xc3\xa9\xf0\x9f\x98\x80");
  EXPECT_TRUE(root->member("c")->member("d")->is_object());
  EXPECT_EQ(root->member("n")->type(), ValueType::f64);  // beyond 64 bits
}

TEST(Json, FlattensWithDots) {
  auto m =
      parse_json_flattened(R"({"x": 1, "rope_scaling": {"factor": 8.0, "in": {"y": [1]}}, "empty": {}, "none": null})");
  ASSERT_TRUE(m) << m.error().what;
  EXPECT_EQ(*m->f64("rope_scaling.factor"), 8.0);
  EXPECT_EQ(*m->i64s("rope_scaling.in.y"), (std::vector<std::int64_t>{1}));
  EXPECT_TRUE(m->find("empty")->is_object());
  EXPECT_TRUE(m->contains("none"));
  EXPECT_FALSE(m->find_as<double>("none")->has_value());
  EXPECT_FALSE(parse_json_flattened("[1]"));
  EXPECT_FALSE(parse_json_flattened(R"({"a.b": 1, "a": {"b": 2}})"));
}

TEST(Json, RefusesWhatIsNotJson) {
  for (const char* text : {"",
                           " ",
                           "{",
                           "}",
                           "{\"a\"}",
                           "{\"a\":1,}",
                           "[1,]",
                           "{a:1}",
                           "{'a':1}",
                           "01",
                           "+1",
                           ".5",
                           "1.",
                           "NaN",
                           "Infinity",
                           "-",
                           "1e",
                           "\"",
                           "\"\\x\"",
                           "\"\\ud800\"",
                           "\"\\udc00\"",
                           "\"\n\"",
                           "nul",
                           "// c\n1",
                           "1 2",
                           "{} {}",
                           "\"\xff\"",
                           "\"\xc0\xaf\"",
                           "\"\xed\xa0\x80\"",
                           "1e999",
                           "{\"a\":1,\"a\":1}",
                           "[{\"x\":{\"a\":1,\"b\":2,\"a\":3}}]"}) {
    auto root = parse_json(text);
    EXPECT_FALSE(root) << text;
    EXPECT_EQ(root ? Errc::internal : root.error().code, Errc::corrupt) << text;
  }
  EXPECT_FALSE(parse_json(std::string_view("{}\0", 3)));
  EXPECT_NE(parse_json("{\"a\":1,\"a\":1}").error().what.find("'a' occurs twice"), std::string::npos);
  EXPECT_EQ(parse_json("[1, \x1b[2J]").error().what.find('\x1b'), std::string::npos);
}

TEST(Json, LimitsDepthAndMemory) {
  EXPECT_TRUE(parse_json(repeat("[", 64) + repeat("]", 64)));
  EXPECT_FALSE(parse_json(repeat("[", 65) + repeat("]", 65)));
  EXPECT_FALSE(parse_json(repeat("[", 1000000)));
  EXPECT_FALSE(parse_json(repeat("{\"a\":", 1000000)));
  auto wide = parse_json("[" + repeat("[],", 1000000) + "0]", {.depth = 64, .memory = 1 << 20});
  ASSERT_FALSE(wide);
  EXPECT_EQ(wide.error().code, Errc::exhausted);
  EXPECT_FALSE(parse_json("\"" + std::string(101, 'x') + "\"", {.token = 100}));
  EXPECT_TRUE(parse_json("[\"" + std::string(50, 'x') + "\\\"" + std::string(48, 'x') + "\", \"y\"]", {.token = 102}));
  EXPECT_FALSE(parse_json(std::string(101, '1'), {.token = 100}));
  EXPECT_FALSE(parse_json(std::string(101, ' ') + "1", {.token = 100}));
  // A long key over a wide object would be repeated for each member.
  std::string members;
  for (int i = 0; i < 50000; ++i) members += "\"" + std::to_string(i) + "\":1,";
  auto blown = parse_json_flattened("{\"" + std::string(1000, 'k') + "\":{" + members + "\"x\":1}}");
  ASSERT_FALSE(blown);
  EXPECT_NE(blown.error().what.find("too long"), std::string::npos);
}

TEST(Json, TenMegabytesOfOneObjectStayFast) {
  std::string text = "{";
  for (int i = 0; i < 500000; ++i) text += "\"token" + std::to_string(i) + "\":" + std::to_string(i) + ",";
  text += "\"last\":0}";
  const auto begin = thread_time();
  auto root = parse_json(text);
  const double took = thread_seconds_since(begin);
  ASSERT_TRUE(root) << root.error().what;
  EXPECT_EQ(root->size(), 500001u);
  EXPECT_LT(took, kSanitized ? 20.0 : 1.0);  // 0.3 without sanitizers
}

}  // namespace
}  // namespace freehold::format
