#include "api/anthropic/partial_input.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace freehold::api::anthropic {
namespace {

TEST(PartialInput, WhatIsCompleteStays) {
  const std::pair<const char*, const char*> cases[] = {
      {"", ""},
      {"{", "{}"},
      {R"({"a)", "{}"},
      {R"({"a")", "{}"},
      {R"({"a":)", "{}"},
      {R"({"a":1)", "{}"},
      {R"({"a":1,)", R"({"a":1})"},
      {R"({"a":1 )", R"({"a":1})"},
      {R"({"a":tru)", "{}"},
      {R"({"a":true)", R"({"a":true})"},
      {R"({"a":"x\")", "{}"},
      {R"({"a":"x\\")", R"({"a":"x\\"})"},
      {R"({"a":"x","b)", R"({"a":"x"})"},
      {R"({"a":"x","b":)", R"({"a":"x"})"},
      {R"({"a":1,"b":[2,"x)", R"({"a":1,"b":[2]})"},
      {R"({"a":[{"b":[)", R"({"a":[{"b":[]}]})"},
      {R"({"a":["x","y")", R"({"a":["x","y"]})"},
      {R"({"a":{"b":1},"c)", R"({"a":{"b":1}})"},
      {R"({"}{":"][","b":[]})", R"({"}{":"][","b":[]})"},
  };
  for (const auto& [text, expected] : cases) EXPECT_EQ(completed_json(text), expected) << text;
}

TEST(PartialInput, EveryBeginningOfAnObjectBecomesOne) {
  const std::string whole =
      R"({ "a" : "q\"\\\u00e9", "b":[1, -2.5e3,[],{}, {"c":null}],"é":{"d":[true,false ]}, "" : "}]" })";
  ASSERT_TRUE(nlohmann::json::accept(whole));
  for (std::size_t n = whole.find('{') + 1; n <= whole.size(); ++n) {
    const std::string out = completed_json(std::string_view(whole).substr(0, n));
    EXPECT_TRUE(nlohmann::json::accept(out)) << whole.substr(0, n) << " -> " << out;
  }
  EXPECT_EQ(completed_json(whole), whole.substr(0, whole.rfind('}') + 1));
}

TEST(PartialInput, NoTextIsTooStrange) {
  for (const char* text : {"]]]", "}{", "\"", "\\", ",", ":::", "[}", "{]", "nul", "\"\\"}) (void)completed_json(text);
  (void)completed_json(std::string(100'000, '['));
}

}  // namespace
}  // namespace freehold::api::anthropic
