#include "text/tools/answer_reader.h"

#include <gtest/gtest.h>

namespace freehold::text::tools {
namespace {

using Kind = AnswerPiece::Kind;
using Pieces = std::vector<AnswerPiece>;

const ToolFormat& format(std::string_view id) {
  for (const ToolFormat& f : tool_formats()) {
    if (f.id == id) return f;
  }
  ADD_FAILURE() << "no format " << id;
  return generic_tool_format();
}

ReaderOptions options(std::string_view id, bool thinks = false, bool starts_thinking = false) {
  ReaderOptions out;
  if (!id.empty()) out.format = &format(id);
  out.names = {"f", "get_weather", "größe"};
  if (thinks) out.thinking = ThinkingTags{"<think>", "</think>"};
  out.starts_thinking = starts_thinking;
  return out;
}

// "T(text) K(thought) f{…}; " and so on: a call that did not end has no ';'.
std::string shown(const Pieces& pieces) {
  std::string out;
  for (const AnswerPiece& p : pieces) {
    switch (p.kind) {
      case Kind::text:
        out += "T(" + p.text + ")";
        break;
      case Kind::thinking:
        out += "K(" + p.text + ")";
        break;
      case Kind::tool_start:
        out += std::to_string(p.index) + ":" + p.text;
        break;
      case Kind::tool_arguments:
        out += p.text;
        break;
      case Kind::tool_end:
        out += ";";
        break;
    }
  }
  return out;
}

Pieces joined(const Pieces& pieces) {
  Pieces out;
  for (const AnswerPiece& p : pieces) {
    bool fragment = p.kind != Kind::tool_start && p.kind != Kind::tool_end;
    if (fragment && !out.empty() && out.back().kind == p.kind && out.back().index == p.index) {
      out.back().text += p.text;
    } else {
      out.push_back(p);
    }
  }
  return out;
}

Pieces read_cut(const ReaderOptions& o, std::string_view text, std::initializer_list<std::size_t> cuts) {
  AnswerReader reader(o);
  Pieces out;
  std::size_t at = 0;
  for (std::size_t cut : cuts) {
    reader.push(text.substr(at, cut - at), out);
    at = cut;
  }
  reader.push(text.substr(at), out);
  reader.end(out);
  for (const AnswerPiece& p : out) EXPECT_TRUE(!p.text.empty() || p.kind == Kind::tool_end);
  return joined(out);
}

// The whole answer, and every way to cut it once and twice, and byte by byte.
std::string read(const ReaderOptions& o, std::string_view text) {
  Pieces whole = read_answer(o, text);
  for (std::size_t i = 0; i <= text.size(); ++i) {
    for (std::size_t k = i; k <= text.size(); ++k) {
      Pieces cut = read_cut(o, text, {i, k});
      if (cut != whole) {
        ADD_FAILURE() << text << "\ncut at " << i << ", " << k << ": " << shown(cut) << "\ninstead of " << shown(whole);
        return shown(whole);
      }
    }
  }
  AnswerReader reader(o);
  Pieces out;
  for (char c : text) reader.push({&c, 1}, out);
  reader.end(out);
  EXPECT_EQ(shown(joined(out)), shown(whole)) << text;
  return shown(whole);
}

TEST(AnswerReader, PlainTextPassesAtOnce) {
  EXPECT_EQ(read(options(""), " hello <tool_call>\n{\"name\": \"f\"} \n"),
            "T( hello <tool_call>\n{\"name\": \"f\"} \n)");
  AnswerReader reader(options("hermes"));
  Pieces out;
  reader.push("a < b", out);
  EXPECT_EQ(shown(out), "T(a < b)");
}

TEST(AnswerReader, Hermes) {
  ReaderOptions o = options("hermes");
  EXPECT_EQ(read(o, "<tool_call>\n{\"name\": \"f\", \"arguments\": {\"a\": [1, {\"b\": \"}\\\"\"}]}}\n</tool_call>"),
            "0:f{\"a\": [1, {\"b\": \"}\\\"\"}]};");
  EXPECT_EQ(
      read(o,
           "Let me see.\n\n<tool_call>{\"name\":\"f\",\"arguments\":{}}</tool_call>\n<tool_call>\n{\"arguments\": "
           "{\"x\": 1}, \"name\": \"get_weather\"}\n</tool_call>\n"),
      "T(Let me see.)0:f{};1:get_weather{\"x\": 1};");
  EXPECT_EQ(read(o, "<tool_call>{\"name\": \"gr\\u00f6\\u00dfe\"}</tool_call> and on"), "0:größe{};T(and on)");
  EXPECT_EQ(
      read(o, "<tool_call>[{\"name\": \"f\", \"id\": \"x,}\", \"parameters\": {}}, {\"name\": \"f\"}]</tool_call>"),
      "0:f{};1:f{};");
}

TEST(AnswerReader, Llama) {
  ReaderOptions o = options("llama3");
  EXPECT_EQ(read(o, "{\"name\": \"f\", \"parameters\": {\"q\": \"\xC3\xA9\"}}"), "0:f{\"q\": \"\xC3\xA9\"};");
  EXPECT_EQ(read(o, "<|python_tag|>{\"type\": \"function\", \"name\": \"f\", \"parameters\": {}}"), "0:f{};");
  EXPECT_EQ(read(o, " \n{\"name\": \"f\", \"parameters\": {}}; {\"name\": \"get_weather\", \"parameters\": {\"a\":1}}"),
            "0:f{};1:get_weather{\"a\":1};");
  EXPECT_EQ(read(o, "Use {\"name\": \"f\", \"parameters\": {}}"), "T(Use {\"name\": \"f\", \"parameters\": {}})");
  EXPECT_EQ(read(o, " {\"answer\": {\"name\": 1}} "), "T( {\"answer\": {\"name\": 1}} )");
  EXPECT_EQ(read(o, "{\"name\": \"Bob\", \"age\": 3}"), "T({\"name\": \"Bob\", \"age\": 3})");
}

TEST(AnswerReader, Mistral) {
  for (const char* id : {"mistral", "mistral-args"}) {
    ReaderOptions o = options(id);
    EXPECT_EQ(read(o,
                   "[TOOL_CALLS] [{\"name\": \"f\", \"arguments\": {\"a\": 1}, \"id\": \"abcDEF789\"}, {\"name\": "
                   "\"get_weather\", \"arguments\": {}}]"),
              "0:f{\"a\": 1};1:get_weather{};");
  }
  ReaderOptions o = options("mistral-args");
  EXPECT_EQ(read(o, "ok [TOOL_CALLS]f[CALL_ID]call12345[ARGS]{\"a\": 1}[TOOL_CALLS]get_weather[ARGS]{}"),
            "T(ok)0:f{\"a\": 1};1:get_weather{};");
  EXPECT_EQ(read(o, "[TOOL_CALLS]f{\"a\": 1}"), "0:f{\"a\": 1};");
  EXPECT_EQ(read(o, "[TOOL_CALLS]none of them {}"), "T([TOOL_CALLS]none of them {})");
}

TEST(AnswerReader, DeepSeek) {
  EXPECT_EQ(read(options("deepseek-v3.1", true),
                 "<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>f<｜tool▁sep｜>{\"a\": "
                 "1}<｜tool▁call▁end｜><｜tool▁call▁begin｜>f<｜tool▁sep｜>{}"
                 "<｜tool▁call▁end｜><｜tool▁calls▁end｜>"),
            "0:f{\"a\": 1};1:f{};");
  EXPECT_EQ(
      read(options("deepseek-r1", true, true),
           "Hm.\n</think>\n\n<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>function<｜tool▁sep｜>f\n```json\n{\"a\": "
           "1}\n```<｜tool▁call▁end｜>"),
      "K(Hm.)0:f{\"a\": 1};");
}

TEST(AnswerReader, CommandRAndGranite) {
  EXPECT_EQ(read(options("command-r"),
                 "\nAction:\n```json\n[\n    {\n        \"tool_name\": \"f\",\n        "
                 "\"parameters\": {\n            \"a\": 1\n        }\n    },\n {\"tool_name\": "
                 "\"f\", \"parameters\": {}}\n]```\n"),
            "0:f{\n            \"a\": 1\n        };1:f{};");
  EXPECT_EQ(read(options("command-r"), "Action: none"), "T(Action: none)");
  EXPECT_EQ(read(options("granite"), "<|tool_call|>[{\"name\": \"f\", \"arguments\": {}}]x"), "0:f{};T(x)");
}

TEST(AnswerReader, Thinking) {
  ReaderOptions o = options("hermes", true);
  EXPECT_EQ(read(o, "<think>\nWell <tool_call>{\"name\": \"f\"}.\n</think>\n\nYes. <think>no</think>"),
            "K(Well <tool_call>{\"name\": \"f\"}.)T(Yes. <think>no</think>)");
  EXPECT_EQ(read(o, "\n<think>\n\n</think>\n\n<tool_call>{\"name\": \"f\"}</tool_call>"), "0:f{};");
  EXPECT_EQ(read(o, "<thin <think>"), "T(<thin <think>)");
  EXPECT_EQ(read(o, "<think>cut </thi"), "K(cut </thi)");
  EXPECT_EQ(read(options("hermes", true, true), "a < b\n</think>c"), "K(a < b)T(c)");
  EXPECT_EQ(read(options("llama3", true), "<think>x</think>\n{\"name\": \"f\", \"parameters\": {}}"), "K(x)0:f{};");
  EXPECT_EQ(read(options("", true), "<think>x </think> y "), "K(x)T(y )");
}

TEST(AnswerReader, WhatIsNoCallIsText) {
  ReaderOptions o = options("hermes");
  for (std::string_view text :
       {"<tool_call>", "a <tool_call>\n", "<tool_call>\n{\"na", "<tool_call>x</tool_call>",
        "<tool_call>{\"name\": \"g\"}", "<tool_call>{\"name\": \"f\", \"arguments\": [1]}", "<tool_call>{\"name\": 1}",
        "<tool_call>{}", "<tool_call>{\"other\": 1, \"name\": \"f\"}", "<tool_", "  <tool_call<tool_call",
        "<tool_call>{\"arguments\": {}}", "<tool_call>{\"arguments\": {\"a\": 1}", "<tool_call>{\"name\": \"\\x\"}",
        "<tool_call>[[{\"name\": \"f\"}]]"}) {
    EXPECT_EQ(read(o, text), "T(" + std::string(text) + ")");
  }
  // And reading goes on.
  EXPECT_EQ(read(o, "<tool_call>\n<tool_call>{\"name\": \"f\"}</tool_call>"), "T(<tool_call>\n)0:f{};");
  EXPECT_EQ(read(o, "<tool_<tool_call>{\"name\": \"f\"}</tool_call></tool_call>"), "T(<tool_)0:f{};");
}

TEST(AnswerReader, UnfinishedCalls) {
  ReaderOptions o = options("hermes");
  EXPECT_EQ(read(o, "<tool_call>{\"name\": \"f\", \"arguments\": {\"a\": [1, "), "0:f{\"a\": [1, ");
  EXPECT_EQ(read(o, "<tool_call>{\"name\": \"f\", \"arguments\": {\"a\": 1}"), "0:f{\"a\": 1};");
  EXPECT_EQ(read(o, "<tool_call>{\"name\": \"f\", \"arguments\": {}, \"id\": \"x"), "0:f{};");
  EXPECT_EQ(read(o, "<tool_call>{\"name\": \"f\", \"arguments\": {}}\n</tool"), "0:f{};");
  EXPECT_EQ(read(o, "<tool_call>{\"name\": \"f\", \"arguments\": {}} then"), "0:f{};T(then)");
  AnswerReader reader(o);
  Pieces out;
  reader.push("<tool_call>{\"name\": \"f\", \"arguments\": {\"a\"", out);
  EXPECT_TRUE(reader.inside_call());
  EXPECT_EQ(reader.calls(), 1u);
  reader.push(": 1}", out);
  EXPECT_FALSE(reader.inside_call());
}

// The pieces of an answer that a limit cut.
std::string read_to_limit(const ReaderOptions& o, std::string_view text) {
  AnswerReader reader(o);
  Pieces out;
  for (char c : text) reader.push({&c, 1}, out);
  reader.end(out, true);
  return shown(joined(out));
}

TEST(AnswerReader, WhatALimitCutsInTheHeadOfACallIsDropped) {
  const std::string whole = "so: <tool_call>\n{\"name\": \"f\", \"arguments\": {\"a\":1}}\n</tool_call>";
  ReaderOptions forced = options("hermes");
  forced.calls_only = true;
  const std::size_t head = whole.find("<tool_call>"), arguments = whole.find("{\"a\"");
  for (std::size_t end = 0; end <= whole.size(); ++end) {
    const std::string said = read_to_limit(options("hermes"), whole.substr(0, end));
    if (end < head + 11) {
      // A beginning of the trigger may be anything.
      EXPECT_EQ(said, end == 0 ? "" : "T(" + whole.substr(0, end) + ")");
    } else if (end <= arguments) {
      EXPECT_EQ(said, "T(so:)") << end;
    } else {
      EXPECT_TRUE(said.starts_with("T(so:)0:f{")) << said;
    }
    const std::string calls = read_to_limit(forced, whole.substr(head, end));
    EXPECT_EQ(calls.find("T("), std::string::npos) << calls;
  }
}

TEST(AnswerReader, HoldsBackOnlyWhatMayBecomeATag) {
  AnswerReader reader(options("hermes"));
  Pieces out;
  reader.push("text \n", out);
  EXPECT_EQ(shown(out), "T(text)");  // the white space may belong to a call
  reader.push("<tool", out);
  EXPECT_EQ(shown(out), "T(text)");
  reader.push(" x", out);
  EXPECT_EQ(shown(out), "T(text \n<tool x)");
  std::string spaces(200, ' ');
  EXPECT_EQ(read(options("hermes"), "a" + spaces + "<tool_call>{\"name\": \"f\"}"),
            "T(a" + spaces.substr(64) + ")0:f{};");
}

// A megabyte of beginnings, held and given back, is read in time that grows with its length alone. No clock: what a
// quadratic reader would do here takes hours.
TEST(AnswerReader, LinearInHostileText) {
  for (std::string_view unit : {"<", "<tool_call>", "<tool_call>{\"arguments\": {\"a\": \"", "<tool_call>{\"name\": \"",
                                "  ", "{", "<tool_call>[", "</tool_call>"}) {
    for (std::string_view id : {"hermes", "llama3", "mistral-args", "deepseek-r1"}) {
      std::string text;
      while (text.size() < (std::size_t{1} << 20)) text += unit;
      Pieces out;
      AnswerReader reader(options(id, true));
      for (std::size_t at = 0; at < text.size(); at += 7) reader.push(std::string_view(text).substr(at, 7), out);
      reader.end(out);
      std::size_t bytes = 0;
      for (const AnswerPiece& p : out) bytes += p.text.size();
      EXPECT_EQ(bytes, text.size()) << unit;
    }
  }
}

}  // namespace
}  // namespace freehold::text::tools
