#include "text/tools/constraint.h"

#include <gtest/gtest.h>

#include "text/grammar/grammar_testing.h"

namespace freehold::text::tools {
namespace {

using grammar::require;
using grammar::Verdict;
using grammar::verdict;
using ConstraintKind = Constraint::Kind;

Tool tool(std::string name, std::string parameters = "") {
  return {.name = std::move(name), .description = "", .parameters = std::move(parameters)};
}

std::string call(std::string_view name, std::string_view arguments) {
  std::vector<Call> calls = {{std::string(name), std::string(arguments)}};
  return write_calls(generic_tool_format(), calls);
}

Constraint make(const std::vector<Tool>& tools, const ToolChoice& choice, const ConstraintOptions& options = {}) {
  return require(make_constraint(generic_tool_format(), tools, choice, options));
}

const std::vector<Tool> kTools = {tool("f", R"({"type": "object", "properties": {"n": {"type": "integer"}},
                                               "required": ["n"], "additionalProperties": false})"),
                                  tool("g"), tool("any", "{}")};

TEST(ToolConstraint, RequiredBeginsWithTheFirstByte) {
  Constraint c = make(kTools, ToolChoice::required());
  EXPECT_EQ(c.kind, ConstraintKind::whole);
  EXPECT_EQ(verdict(c.grammar, "<tool_call>\n{\"name\": \""), Verdict::prefix);
  EXPECT_EQ(verdict(c.grammar, "H"), Verdict::rejected);
  EXPECT_EQ(verdict(c.grammar, call("f", "{\"n\": 1}")), Verdict::complete);
  EXPECT_EQ(verdict(c.grammar, call("f", "{\"n\": \"1\"}")), Verdict::rejected);
  EXPECT_EQ(verdict(c.grammar, call("f", "{}")), Verdict::rejected);
  EXPECT_EQ(verdict(c.grammar, call("h", "{}")), Verdict::rejected);
  EXPECT_EQ(verdict(c.grammar, call("any", "{\"x\": [1]}")), Verdict::complete);
  EXPECT_EQ(verdict(c.grammar, call("any", "[1]")), Verdict::rejected);
}

TEST(ToolConstraint, MissingParametersAreTheEmptyObject) {
  Constraint c = make(kTools, ToolChoice::named("g"));
  EXPECT_EQ(verdict(c.grammar, call("g", "{}")), Verdict::complete);
  EXPECT_EQ(verdict(c.grammar, call("g", "{\"a\": 1}")), Verdict::rejected);
  EXPECT_EQ(verdict(c.grammar, call("f", "{\"n\": 1}")), Verdict::rejected);
}

TEST(ToolConstraint, ParallelOrNot) {
  std::string two = call("g", "{}") + "\n" + call("f", "{\"n\": 1}");
  EXPECT_EQ(verdict(make(kTools, ToolChoice::required()).grammar, two), Verdict::complete);
  ConstraintOptions one;
  one.parallel = false;
  EXPECT_EQ(verdict(make(kTools, ToolChoice::required(), one).grammar, two), Verdict::rejected);
  std::string many = call("g", "{}");
  for (std::uint32_t i = 1; i < kMaxCalls; ++i) many += "\n" + call("g", "{}");
  Constraint c = make(kTools, ToolChoice::required());
  EXPECT_EQ(verdict(c.grammar, many), Verdict::complete);
  EXPECT_EQ(verdict(c.grammar, many + "\n"), Verdict::rejected);
}

TEST(ToolConstraint, AllowedLists) {
  Constraint c = make(kTools, ToolChoice::allowed_list({"g", "any"}, true));
  EXPECT_EQ(verdict(c.grammar, call("any", "{}")), Verdict::complete);
  EXPECT_EQ(verdict(c.grammar, call("f", "{\"n\": 1}")), Verdict::rejected);
  EXPECT_EQ(make(kTools, ToolChoice::allowed_list({"g"}, false)).kind, ConstraintKind::lazy);
  EXPECT_EQ(make(kTools, ToolChoice::allowed_list({}, false)).kind, ConstraintKind::nothing);
  EXPECT_EQ(make(kTools, ToolChoice::none()).kind, ConstraintKind::nothing);
  EXPECT_EQ(make({}, ToolChoice::automatic()).kind, ConstraintKind::nothing);
}

TEST(ToolConstraint, WithASchemaForTheAnswer) {
  ConstraintOptions o;
  o.answer_schema = R"({"type": "object", "properties": {"ok": {"type": "boolean"}}, "required": ["ok"],
                       "additionalProperties": false})";
  Constraint c = make(kTools, ToolChoice::automatic(), o);
  EXPECT_EQ(c.kind, ConstraintKind::whole);
  EXPECT_EQ(verdict(c.grammar, "{\"ok\": true}"), Verdict::complete);
  EXPECT_EQ(verdict(c.grammar, call("g", "{}")), Verdict::complete);
  EXPECT_EQ(verdict(c.grammar, "{\"ok\": true}" + call("g", "{}")), Verdict::rejected);
  EXPECT_EQ(verdict(c.grammar, call("g", "{}") + "\n{\"ok\": true}"), Verdict::rejected);
  c = make(kTools, ToolChoice::required(), o);
  EXPECT_EQ(verdict(c.grammar, "{\"ok\": true}"), Verdict::rejected);
  c = make(kTools, ToolChoice::none(), o);
  EXPECT_EQ(verdict(c.grammar, "{\"ok\": true}"), Verdict::complete);
  EXPECT_EQ(verdict(c.grammar, call("g", "{}")), Verdict::rejected);
}

std::vector<std::string> names_of(const Constraint& c) {
  std::vector<std::string> out;
  for (const LeftOut& left : c.left_out) out.push_back(left.tool + left.pointer);
  return out;
}

TEST(ToolConstraint, WhatCannotBeEnforcedIsLeftOutWhereTheModelMayChoose) {
  Tool odd = tool("odd", R"({"type":"object","properties":{"n":{"type":"integer","if":{}}},"required":["n"]})");
  Constraint c = make({odd, tool("g")}, ToolChoice::automatic());
  EXPECT_EQ(names_of(c), std::vector<std::string>{"odd#/properties/n/if"});
  EXPECT_EQ(verdict(c.grammar, call("odd", "{\"n\": 1}")), Verdict::complete);
  EXPECT_EQ(verdict(c.grammar, call("odd", "{\"n\": \"1\"}")), Verdict::rejected);
  EXPECT_EQ(verdict(c.grammar, call("g", "{\"a\": 1}")), Verdict::rejected);
  // Forced or strict it is refused.
  auto forced = make_constraint(generic_tool_format(), std::vector{odd}, ToolChoice::required());
  ASSERT_FALSE(forced);
  EXPECT_EQ(forced.error().code, Errc::unsupported);
  EXPECT_NE(forced.error().what.find("tool odd: parameters"), std::string::npos) << forced.error().what;
  odd.strict = true;
  EXPECT_FALSE(make_constraint(generic_tool_format(), std::vector{odd}, ToolChoice::automatic()));
  EXPECT_FALSE(
      make_constraint(generic_tool_format(), std::vector{tool("f", R"({"items":"x"})")}, ToolChoice::automatic()));
}

TEST(ToolConstraint, TooLargeASchemaMeansAnyObjectWhereTheModelMayChoose) {
  // Beside others, which hold.
  const Tool large =
      tool("large", R"({"type":"object","properties":{"s":{"type":"string","pattern":"a.*b","minLength":500000}}})");
  Constraint c = make({large, kTools[0]}, ToolChoice::automatic());
  EXPECT_EQ(names_of(c), std::vector<std::string>{"large#"});
  EXPECT_EQ(verdict(c.grammar, call("large", "{\"x\": [1]}")), Verdict::complete);
  EXPECT_EQ(verdict(c.grammar, call("large", "[1]")), Verdict::rejected);
  EXPECT_EQ(verdict(c.grammar, call("f", "{\"n\": \"1\"}")), Verdict::rejected);
  EXPECT_FALSE(make_constraint(generic_tool_format(), std::vector{large}, ToolChoice::required()));
  // All together.
  std::vector<Tool> many;
  for (int i = 0; i < 12; ++i)
    many.push_back(tool("t" + std::to_string(i),
                        R"({"type":"object","properties":{"s":{"type":"array","items":{},"minItems":5000}}})"));
  ConstraintOptions options;
  options.schema.limits.nfa_states = 80'000;
  c = make(many, ToolChoice::automatic(), options);
  EXPECT_EQ(c.left_out.size(), many.size());
  EXPECT_EQ(verdict(c.grammar, call("t3", "{}")), Verdict::complete);
  EXPECT_FALSE(make_constraint(generic_tool_format(), many, ToolChoice::required(), options));
  // One that is too large alone, and of the rest it is their number.
  many.push_back(large);
  c = make(many, ToolChoice::automatic(), options);
  EXPECT_EQ(c.left_out.size(), many.size());
  EXPECT_EQ(verdict(c.grammar, call("t3", "{}")), Verdict::complete);
}

TEST(ToolConstraint, AnnotationsAreNamedForAnswersAndStrictTools) {
  ConstraintOptions o;
  o.answer_schema = R"({"type":"string","format":"cuid","pattern":"^c$"})";
  Tool strict = tool("s", R"({"type":"object","properties":{"u":{"type":"string","format":"ulid"}},"required":["u"]})");
  strict.strict = true;
  Constraint c = make({strict}, ToolChoice::automatic(), o);
  EXPECT_EQ(names_of(c), (std::vector<std::string>{"#/format", "s#/properties/u/format"}));
  EXPECT_EQ(verdict(c.grammar, "\"c\""), Verdict::complete);
  EXPECT_EQ(verdict(c.grammar, "\"d\""), Verdict::rejected);
  o.answer_schema = R"({"if":{}})";
  EXPECT_FALSE(make_constraint(generic_tool_format(), std::vector{strict}, ToolChoice::automatic(), o));
}

TEST(ToolConstraint, ThinkingThatThePromptOpenedIsClosedFirst) {
  ConstraintOptions o;
  o.thinking = ThinkingTags{"<think>", "</think>"};
  o.starts_thinking = true;
  o.answer_schema = "{\"type\": \"null\"}";
  Constraint c = make(kTools, ToolChoice::automatic(), o);
  EXPECT_EQ(c.kind, ConstraintKind::whole);
  EXPECT_EQ(verdict(c.grammar, "</think>\n\n" + call("g", "{}")), Verdict::complete);
  EXPECT_EQ(verdict(c.grammar, "</think>null"), Verdict::complete);
  EXPECT_EQ(verdict(c.grammar, "null"), Verdict::rejected);
  o.think_first = true;
  c = make(kTools, ToolChoice::required(), o);
  ASSERT_EQ(c.kind, ConstraintKind::lazy);
  LazyStart start(c);
  EXPECT_FALSE(start.push("hm <tool_call>"));
  EXPECT_EQ(start.push("\n</think>\n"), "</think>\n");
  EXPECT_EQ(verdict(c.grammar, "</think>\n" + call("g", "{}")), Verdict::complete);
}

// Where the constraint begins, for the answer cut at every place.
std::string begin_of(const Constraint& c, std::string_view text) {
  std::string first;
  for (std::size_t cut = 0; cut <= text.size(); ++cut) {
    LazyStart start(c);
    std::string found = "never";
    if (auto begun = start.push(text.substr(0, cut))) {
      found = *begun + std::string(text.substr(cut));
    } else if (auto later = start.push(text.substr(cut))) {
      found = *later;
    }
    if (cut == 0) first = found;
    EXPECT_EQ(found, first) << text << " cut at " << cut;
  }
  return first;
}

TEST(LazyStart, BeginsWithTheTrigger) {
  Constraint c = make(kTools, ToolChoice::automatic());
  ASSERT_EQ(c.kind, ConstraintKind::lazy);
  EXPECT_EQ(begin_of(c, "I will. <tool_<tool_call>\n{\"na"), "<tool_call>\n{\"na");
  EXPECT_EQ(begin_of(c, "<tool_call>"), "<tool_call>");
  EXPECT_EQ(begin_of(c, "nothing <tool_cal>"), "never");
  EXPECT_EQ(verdict(c.grammar, call("f", "{\"n\": 1}")), Verdict::complete);
}

TEST(LazyStart, StartTriggersAndThinking) {
  const ToolFormat* llama = nullptr;
  for (const ToolFormat& f : tool_formats()) {
    if (f.id == "llama3") llama = &f;
  }
  ASSERT_NE(llama, nullptr);
  ConstraintOptions o;
  Constraint c = require(make_constraint(*llama, kTools, ToolChoice::automatic(), o));
  EXPECT_EQ(begin_of(c, "\n {\"name\": \"g"), "{\"name\": \"g");
  EXPECT_EQ(begin_of(c, "{\"type\": \"function\", \"name\": \"g"), "{\"type\": \"function\", \"name\": \"g");
  EXPECT_EQ(begin_of(c, "see {\"name\": \"g"), "never");
  EXPECT_EQ(begin_of(c, "{\"na<|python_tag|>{"), "<|python_tag|>{");
  EXPECT_EQ(verdict(c.grammar, "<|python_tag|>{\"type\": \"function\", \"name\": \"g\", \"parameters\": {}}"),
            Verdict::complete);
  o.thinking = ThinkingTags{"<think>", "</think>"};
  c = require(make_constraint(*llama, kTools, ToolChoice::automatic(), o));
  EXPECT_EQ(begin_of(c, "<think><|python_tag|></think>\n{\"name\": \"g"), "{\"name\": \"g");
  EXPECT_EQ(begin_of(c, "<think><|python_tag|>"), "never");
  EXPECT_EQ(begin_of(c, "x<think><|python_tag|>"), "<|python_tag|>");
  o.starts_thinking = true;
  c = require(make_constraint(*llama, kTools, ToolChoice::automatic(), o));
  EXPECT_EQ(begin_of(c, "<|python_tag|> </think> <|python_tag|>"), "<|python_tag|>");
}

TEST(ToolConstraint, ErrorsNameTheTool) {
  auto why = [](const std::vector<Tool>& tools, const ToolChoice& choice) {
    auto c = make_constraint(generic_tool_format(), tools, choice);
    EXPECT_FALSE(c);
    return c ? std::string() : std::string(name_of(c.error().code)) + ": " + c.error().what;
  };
  auto holds = [](const std::string& text, std::string_view part) {
    EXPECT_NE(text.find(part), std::string::npos) << text;
  };
  ToolChoice any = ToolChoice::automatic();
  holds(why({tool("f"), tool("f")}, any), "invalid: tool \"f\"");
  holds(why({tool("")}, any), "invalid");
  holds(why({tool("a b")}, any), "a b");
  holds(why({tool("x\xFF")}, any), "UTF-8");
  holds(why({tool(std::string(300, 'x'))}, any), "longer than 256");
  holds(why({tool("f", "{")}, any), "tool \"f\": parameters: byte");
  holds(why({tool("f", "[]")}, any), "expected a JSON Schema");
  holds(why({tool("f", R"({"type": "string"})")}, any), "tool \"f\"");
  holds(why({tool("g"), tool("f", R"({"properties": {"a": {"type": "strange"}}})")}, any), "tool f: parameters");
  holds(why({tool("f")}, ToolChoice::named("h")), "\"h\"");
  holds(why({}, ToolChoice::required()), "no tools");
}

TEST(ToolConstraint, SchemasThatAreObjectsInOtherWords) {
  Constraint c = make({tool("f", R"({"$ref": "#/$defs/x", "$defs": {"x": {"properties": {"a": {"type": "integer"}},
                                  "required": ["a"]}}})"),
                       tool("g", R"({"type": ["null", "object"]})")},
                      ToolChoice::required());
  EXPECT_EQ(verdict(c.grammar, call("f", "{\"a\": 1}")), Verdict::complete);
  EXPECT_EQ(verdict(c.grammar, call("f", "{\"a\": \"\"}")), Verdict::rejected);
  EXPECT_EQ(verdict(c.grammar, call("f", "1")), Verdict::rejected);
  EXPECT_EQ(verdict(c.grammar, call("g", "{}")), Verdict::complete);
  EXPECT_EQ(verdict(c.grammar, call("g", "null")), Verdict::rejected);
  Tool gemini = tool("f", R"({"type": "OBJECT", "properties": {"a": {"type": "STRING"}}, "required": ["a"]})");
  gemini.dialect = grammar::SchemaDialect::gemini;
  c = make({gemini, kTools[1]}, ToolChoice::required());
  EXPECT_EQ(verdict(c.grammar, call("f", "{\"a\": \"x\"}")), Verdict::complete);
}

}  // namespace
}  // namespace freehold::text::tools
