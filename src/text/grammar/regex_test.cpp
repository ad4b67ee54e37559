// Regular expressions: our automata against PCRE2 on random patterns and texts, both as grammars and over code points;
// anchors; what is refused.
#include "text/regex.h"

#include "base/sanitized_testing.h"
#include "text/grammar/grammar_testing.h"
#include "text/grammar/regex_ast.h"

namespace freehold::text::grammar {
namespace {

// A random pattern of what both engines write alike.
std::string random_pattern(std::mt19937& random, int depth, bool anchors) {
  auto pick = [&](unsigned n) { return random() % n; };
  std::string out;
  unsigned branches = 1 + (pick(4) == 0 ? 1 : 0);
  for (unsigned b = 0; b < branches; ++b) {
    if (b > 0) out += '|';
    if (anchors && pick(4) == 0) out += '^';
    for (unsigned i = 0, n = 1 + pick(3); i < n; ++i) {
      static constexpr std::string_view kAtoms[] = {"a", "b", "ab",    "[ab]",     "[^a]",
                                                    ".", "c", "[a-c]", "\xC3\xA9", "[^\xC3\xA9z]"};
      if (depth > 0 && pick(3) == 0) {
        out += (pick(2) != 0 ? "(?:" : "(") + random_pattern(random, depth - 1, anchors) + ")";
      } else if (anchors && pick(12) == 0) {
        out += pick(2) != 0 ? "(?:^)" : "(?:$)";
        continue;
      } else {
        out += kAtoms[pick(std::size(kAtoms))];
      }
      static constexpr std::string_view kTimes[] = {"*", "+", "?", "{2}", "{1,3}", "{0,2}", "{2,}", "*?"};
      if (pick(3) == 0) {
        if (out.back() == 'b' && out.size() > 1 && out[out.size() - 2] == 'a') out.pop_back();
        out += kTimes[pick(std::size(kTimes))];
      }
    }
    if (anchors && pick(4) == 0) out += '$';
  }
  return out;
}

std::string random_text(std::mt19937& random) {
  static constexpr std::string_view kChars[] = {"a", "b", "c", "z", "\xC3\xA9", "\xF0\x9F\x98\x80"};
  std::string out;
  for (unsigned i = 0, n = random() % 8; i < n; ++i) out += kChars[random() % (random() % 3 == 0 ? 6 : 3)];
  return out;
}

TEST(GrammarRegex, AgreesWithPcre2) {
  std::mt19937 random(20);
  text::Matcher pcre(std::chrono::seconds(60));
  std::size_t matched = 0;
  int compared = 0;
  for (int i = 0; i < repeats(1500); ++i) {
    std::string pattern = random_pattern(random, 2, i % 2 != 0);
    auto anywhere = Regex::compile(pattern);
    auto whole = Regex::compile("^(?:" + pattern + ")$");
    ASSERT_TRUE(anywhere && whole) << pattern;
    auto ast = parse_regex(pattern, {});
    ASSERT_TRUE(ast) << pattern << ": " << ast.error().what;
    auto dfa_anywhere = regex_to_dfa(*ast, Reach::anywhere, 2000);
    auto dfa_whole = regex_to_dfa(*ast, Reach::whole, 2000);
    auto grammar = compile_regex(pattern);
    if (!dfa_anywhere || !dfa_whole) continue;  // few, and refused for what they are: exponential
    ++compared;
    for (int k = 0; k < 12; ++k) {
      std::string text = random_text(random);
      bool found = require(pcre.find(*anywhere, text, 0)).has_value();
      bool all = require(pcre.find(*whole, text, 0)).has_value();
      matched += found ? 1 : 0;
      EXPECT_EQ(dfa_anywhere->matches(text), found) << pattern << " in " << text;
      EXPECT_EQ(dfa_whole->matches(text), all) << pattern << " is " << text;
      // A grammar may say that nothing can match.
      EXPECT_EQ(grammar.has_value() && accepts(*grammar, text), all) << pattern << " is " << text;
    }
  }
  EXPECT_GT(matched, static_cast<std::size_t>(repeats(2000)));
  EXPECT_GT(compared, repeats(1400));
}

TEST(GrammarRegex, AsPatternInASchemaAgreesToo) {
  std::mt19937 random(21);
  text::Matcher pcre(std::chrono::seconds(60));
  for (int i = 0; i < repeats(300); ++i) {
    std::string pattern = random_pattern(random, 2, i % 2 != 0);
    auto regex = Regex::compile(pattern);
    ASSERT_TRUE(regex) << pattern;
    auto grammar = compile_json_schema(R"({"type":"string","pattern":")" + pattern + "\"}");
    if (!grammar && grammar.error().code == Errc::exhausted) continue;
    for (int k = 0; k < 10; ++k) {
      std::string text = random_text(random);
      bool found = require(pcre.find(*regex, text, 0)).has_value();
      EXPECT_EQ(grammar.has_value() && accepts(*grammar, "\"" + text + "\""), found) << pattern << " in " << text;
    }
  }
}

TEST(GrammarRegex, Escapes) {
  auto g = require(compile_regex(R"(\d\w\s\t\x41\u00e9\u{1F600}\uD83D\uDE00\.\/\-[\d\-\]a-c\b]\p{Lu}\P{L})"));
  EXPECT_TRUE(accepts(g, "7_ \tA\xC3\xA9\xF0\x9F\x98\x80\xF0\x9F\x98\x80./-]\xC3\x89!"));
  EXPECT_TRUE(accepts(g, "7_\xC2\xA0\tA\xC3\xA9\xF0\x9F\x98\x80\xF0\x9F\x98\x80./-\bZ1"));
  EXPECT_FALSE(accepts(g, "7_ \tA\xC3\xA9\xF0\x9F\x98\x80\xF0\x9F\x98\x80./-x\xC3\x89!"));
  EXPECT_TRUE(accepts(require(compile_regex("a{,3}b{x}")), "a{,3}b{x}"));
  EXPECT_TRUE(accepts(require(compile_regex("(?<year>[0-9]{4})(?P<m>x)?")), "2024x"));
  EXPECT_FALSE(accepts(require(compile_regex("a.b")), "a\nb"));
  EXPECT_TRUE(accepts(require(compile_regex("[^]")), "\n"));
}

TEST(GrammarRegex, WhatCannotBeEnforcedIsRefusedByName) {
  const std::pair<std::string_view, std::string_view> cases[] = {
      {"(?=a)b", "look-ahead"},        {"(?!a)b", "look-ahead"},     {"(?<=a)b", "look-behind"},
      {"(?<!a)b", "look-behind"},      {"(a)\\1", "back-reference"}, {"\\k<x>", "back-reference"},
      {"\\bword\\b", "word boundary"}, {"(?i)a", "inline flag"},     {"\\p{Script=Greek}", "property"},
      {"[[:alpha:]]", "POSIX"}};
  for (auto [pattern, part] : cases) {
    auto result = compile_regex(pattern);
    ASSERT_FALSE(result) << pattern;
    EXPECT_EQ(result.error().code, Errc::unsupported) << pattern;
    EXPECT_NE(result.error().what.find(part), std::string::npos) << result.error().what;
  }
  for (std::string_view pattern :
       {"(", ")", "a**", "*a", "[a", "[z-a]", "a{3,2}", "\\", "\\x1", "\\u12", "\\q", "^*", "(?<>a)", "\\uD800"}) {
    auto result = compile_regex(pattern);
    ASSERT_FALSE(result) << pattern;
    EXPECT_EQ(result.error().code, Errc::invalid) << pattern << result.error().what;
  }
}

// Written out this has 2^41 states; the counted repetition is a rule of its own, and the stacks stay few.
TEST(GrammarRegex, CountsAreNotWrittenOut) {
  auto g = require(compile_regex("[ab]*a[ab]{40}"));
  EXPECT_TRUE(accepts(g, "bba" + std::string(40, 'b')));
  EXPECT_FALSE(accepts(g, "bb" + std::string(40, 'b')));
  EXPECT_FALSE(accepts(g, std::string(40, 'a')));
  EXPECT_TRUE(accepts(g, std::string(41, 'a')));
}

TEST(GrammarRegex, BombsEndInAnError) {
  std::string deep = std::string(5000, '(') + std::string(5000, ')');
  std::string repeated = "(((((a{100}){100}){100}){100}){100})";
  std::string subset = "[ab]*a[ab][ab][ab][ab][ab][ab][ab][ab][ab][ab][ab][ab][ab][ab][ab][ab][ab][ab][ab][ab]";
  std::string anchored = "(?:^|x)[ab]*a[ab]{40}(?:$|y)z?";
  for (const std::string& pattern : {deep, repeated, subset, anchored, std::string(100'000, 'a')}) {
    auto result = compile_regex(pattern);
    ASSERT_FALSE(result) << pattern.substr(0, 50);
    EXPECT_EQ(result.error().code, Errc::exhausted) << result.error().what;
  }
}

}  // namespace
}  // namespace freehold::text::grammar
