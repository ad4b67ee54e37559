// String values of JSON text are replaced, whole or cut anywhere; nothing else changes.
#include "format/json_strings.h"

#include <gtest/gtest.h>

namespace freehold::format {
namespace {

std::optional<std::string> marked(const JsonStrings::Value& value) {
  if (value.number) return value.text.size() > 3 ? std::optional<std::string>("0") : std::nullopt;
  std::string in;
  for (const std::string& name : value.in) in += name + ".";
  if (value.text.find("keep") != std::string_view::npos) return std::nullopt;
  return "<" + in + std::string(value.text) + ">";
}

constexpr std::string_view kText =
    R"( {"a": "x\n\"y\"", "b" : ["p", {"c":"q\u00e9\ud83d\ude00"}, 1234, -5.5e3, 12], "keep\u0041": "keep\/", "d":{"e":{}},"f":"","g":true} )";
constexpr std::string_view kReplaced =
    "{\"a\": \"<a.x\\n\\\"y\\\">\", \"b\" : [\"<b.p>\", {\"c\":\"<b.c.qé😀>\"}, 0, 0, 12], \"keep\\u0041\": "
    "\"keep\\/\", \"d\":{\"e\":{}},\"f\":\"<f.>\",\"g\":true}";

TEST(JsonStrings, ReplacesValuesAlone) {
  EXPECT_EQ(replace_json_strings(kText, marked), " " + std::string(kReplaced) + " ");
  EXPECT_EQ(replace_json_strings("\"alone\"", marked), "\"<alone>\"");
}

TEST(JsonStrings, CutAnywhere) {
  for (std::size_t i = 0; i <= kText.size(); ++i) {
    for (std::size_t j = i; j <= kText.size(); j += 7) {
      JsonStrings walker;
      std::string out = walker.feed(kText.substr(0, i), marked);
      out += walker.feed(kText.substr(i, j - i), marked);
      out += walker.feed(kText.substr(j), marked);
      out += walker.finish(marked);
      ASSERT_EQ(out, " " + std::string(kReplaced) + " ") << i << " " << j;
    }
  }
}

TEST(JsonStrings, WhatIsNoJsonGoesThrough) {
  const auto keep = [](const JsonStrings::Value&) { return std::optional<std::string>(); };
  for (const char* text :
       {"", "}}]]", "{\"a\": \"open", "\"\\", "\"\\u12", "{{{[[\"a\"", "nonsense 12 \"a\" \"b\" : 1", "{\"a\":1"}) {
    EXPECT_EQ(replace_json_strings(text, keep), text);
  }
  EXPECT_EQ(replace_json_strings(R"({"a": "cut he)", marked), R"({"a": "<a.cut he>)");
  EXPECT_EQ(replace_json_strings(R"(["\ud83d", "\q"])", marked), "[\"<\xEF\xBF\xBD>\", \"<\\\\q>\"]");
}

}  // namespace
}  // namespace freehold::format
