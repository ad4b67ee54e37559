#include "text/tools/tool_format.h"

#include <gtest/gtest.h>

#include "text/grammar/grammar_testing.h"
#include "text/tools/answer_reader.h"
#include "text/tools/constraint.h"

namespace freehold::text::tools {
namespace {

std::vector<Tool> two_tools() {
  return {{.name = "get_weather",
           .description = "",
           .parameters = R"({"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"],
                             "additionalProperties": false})"},
          {.name = "now", .description = "", .parameters = ""}};
}

std::vector<Call> calls_in(const std::vector<AnswerPiece>& pieces) {
  std::vector<Call> out;
  for (const AnswerPiece& p : pieces) {
    if (p.kind == AnswerPiece::Kind::tool_start) out.push_back({p.text, ""});
    if (p.kind == AnswerPiece::Kind::tool_arguments) out.back().arguments += p.text;
    EXPECT_NE(p.kind, AnswerPiece::Kind::text) << p.text;
  }
  return out;
}

// Every row: what is written is read, and is what the grammar asks for.
TEST(ToolFormat, WritesWhatItReadsAndAllows) {
  std::vector<std::vector<Call>> answers = {{{"get_weather", R"({"city": "Zürich \"}]"})"}},
                                            {{"now", "{}"}},
                                            {{"now", "{}"}, {"get_weather", R"({"city":""})"}, {"now", "{}"}}};
  for (const ToolFormat& f : tool_formats()) {
    auto constraint = grammar::require(make_constraint(f, two_tools(), ToolChoice::required()));
    for (const auto& calls : answers) {
      std::string text = write_calls(f, calls);
      ReaderOptions o;
      o.format = &f;
      o.names = {"get_weather", "now"};
      EXPECT_EQ(calls_in(read_answer(o, text)), calls) << f.id << "\n" << text;
      EXPECT_EQ(grammar::verdict(constraint.grammar, text), grammar::Verdict::complete) << f.id << "\n" << text;
    }
    std::string trigger(f.triggers[0]);
    std::string opening = write_calls(f, answers[0]);
    bool found = opening.starts_with(trigger);
    for (std::string_view t : f.start_triggers) found |= !t.empty() && opening.starts_with(t);
    EXPECT_TRUE(found) << f.id << ": a call does not begin with a trigger";
  }
}

TEST(ToolFormat, DetectsByWhatTheTemplateWrites) {
  for (const ToolFormat& f : tool_formats()) {
    std::string source;
    for (std::string_view sign : f.signs) source += std::string(sign) + " … ";
    EXPECT_EQ(detect_tool_format(source).id, f.id);
  }
  EXPECT_EQ(&detect_tool_format("{{ messages }}"), &generic_tool_format());
  EXPECT_EQ(generic_tool_format().id, "hermes");
}

TEST(ToolFormat, Markers) {
  EXPECT_EQ(markers_of(generic_tool_format()), (std::vector<std::string>{"<tool_call>", "</tool_call>"}));
  for (const ToolFormat& f : tool_formats()) {
    for (const std::string& m : markers_of(f)) EXPECT_EQ(m.find_first_of(" \n{\""), std::string::npos) << m;
  }
}

TEST(ToolFormat, Thinking) {
  EXPECT_FALSE(detect_thinking("{{ messages }}"));
  auto tags = detect_thinking("…'<think>' … '</think>'…");
  ASSERT_TRUE(tags);
  EXPECT_EQ(tags->open, "<think>");
  EXPECT_TRUE(prompt_opens_thinking(*tags, "<|assistant|>\n<think>\n"));
  EXPECT_FALSE(prompt_opens_thinking(*tags, "<|assistant|>\n<think>\n\n</think>\n\n"));
  EXPECT_FALSE(prompt_opens_thinking(*tags, ""));
}

}  // namespace
}  // namespace freehold::text::tools
