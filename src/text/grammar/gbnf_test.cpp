// GBNF: the language's features against texts, its errors, and hostile grammars.
#include "text/grammar/grammar_testing.h"

namespace freehold::text::grammar {
namespace {

GrammarPtr gbnf(std::string_view source) {
  return require(compile_gbnf(source));
}

TEST(Gbnf, LiteralsClassesAndRepetitions) {
  auto g = gbnf("root ::= \"a\" [b-d]+ [^x] . \"\\n\"? \"ab\"{2,3}\n");
  EXPECT_TRUE(accepts(g, "abyzabab"));
  EXPECT_TRUE(accepts(g, "abcd\xC3\xA9\xF0\x9F\x98\x80\nababab"));
  EXPECT_FALSE(accepts(g, "abyzab"));
  EXPECT_FALSE(accepts(g, "abyzabababab"));
  EXPECT_EQ(verdict(g, "ayz"), Verdict::rejected);
  EXPECT_EQ(verdict(g, "abx"), Verdict::rejected);
}

TEST(Gbnf, TheRepetitionOfALiteralRepeatsAllOfIt) {
  auto g = gbnf("root ::= \"ab\"*");
  EXPECT_TRUE(accepts(g, ""));
  EXPECT_TRUE(accepts(g, "abab"));
  EXPECT_FALSE(accepts(g, "abb"));
}

TEST(Gbnf, EscapesCommentsNamesAndLines) {
  auto g = gbnf(
      "# a comment \"with ::= quotes\n"
      "root ::= (  # one\n  \"\\x41\\u00e9\\U0001F600\"\n  Rule-2 | \n rule_3 ) |\n \"q\\\"\\\\\\t\"\n"
      "\n\nRule-2 ::= [\\]\\-a^] \n"
      "rule_3 ::= [a-] | \"\"  # empty\n");
  EXPECT_TRUE(accepts(g, "A\xC3\xA9\xF0\x9F\x98\x80]"));
  EXPECT_TRUE(accepts(g, "A\xC3\xA9\xF0\x9F\x98\x80^"));
  EXPECT_TRUE(accepts(g, "-"));
  EXPECT_TRUE(accepts(g, ""));
  EXPECT_TRUE(accepts(g, "q\"\\\t"));
  EXPECT_FALSE(accepts(g, "b"));
}

TEST(Gbnf, ALaterDefinitionReplacesAnEarlierOne) {
  auto g = gbnf("root ::= x\nx ::= \"a\"\nx ::= \"b\"\n");
  EXPECT_FALSE(accepts(g, "a"));
  EXPECT_TRUE(accepts(g, "b"));
}

TEST(Gbnf, CountedRepetitions) {
  auto g = gbnf("root ::= [a-z]{3,1000} \"!\" \"x\"{200} (\"y\" | \"zz\"){100,}");
  std::string y;
  for (int i = 0; i < 100; ++i) y += i % 2 != 0 ? "y" : "zz";
  EXPECT_TRUE(accepts(g, "abc!" + std::string(200, 'x') + y));
  EXPECT_TRUE(accepts(g, std::string(1000, 'q') + "!" + std::string(200, 'x') + y + y));
  EXPECT_EQ(verdict(g, std::string(1001, 'q')), Verdict::rejected);
  EXPECT_EQ(verdict(g, "ab!"), Verdict::rejected);
  EXPECT_EQ(verdict(g, "abc!" + std::string(199, 'x') + "y"), Verdict::rejected);
  EXPECT_EQ(verdict(g, "abc!" + std::string(200, 'x') + y.substr(2)), Verdict::prefix);
}

TEST(Gbnf, RecursionAndAmbiguity) {
  auto g = gbnf("root ::= s\ns ::= \"(\" s \")\" s | \"\"\n");
  EXPECT_TRUE(accepts(g, "(()())()"));
  EXPECT_EQ(verdict(g, "(()"), Verdict::prefix);
  EXPECT_EQ(verdict(g, "())"), Verdict::rejected);
  // Every pair of halves: 2^n derivations, one set of stacks.
  auto ambiguous = gbnf("root ::= a | b\na ::= \"x\" root \"y\" | \"x\"\nb ::= \"x\" root \"y\" | \"x\"\n");
  EXPECT_TRUE(accepts(ambiguous, std::string(200, 'x') + std::string(199, 'y')));
  EXPECT_EQ(verdict(ambiguous, "xyy"), Verdict::rejected);
}

TEST(Gbnf, NestingIsBoundedWithoutDeadEnds) {
  auto g = gbnf("root ::= \"(\" root \")\" | \"x\"");
  std::string deep;
  while (verdict(g, deep + "(") != Verdict::rejected) {
    deep += '(';
    ASSERT_LT(deep.size(), 5000u);
  }
  EXPECT_GE(deep.size(), 500u);
  EXPECT_TRUE(accepts(g, deep + "x" + std::string(deep.size(), ')')));
}

struct Bad {
  std::string_view source;
  Errc code;
  std::string_view part;  // of the message
};

TEST(Gbnf, ErrorsSayWhatAndWhere) {
  const Bad cases[] = {
      {"", Errc::invalid, "no rule \"root\""},
      {"start ::= \"a\"", Errc::invalid, "no rule \"root\""},
      {"root ::= x", Errc::invalid, "\"x\" is used but not defined"},
      {"root := \"a\"", Errc::invalid, "line 1, column 6"},
      {"root ::= \"a", Errc::invalid, "ends inside"},
      {"root ::= [a", Errc::invalid, "ends inside"},
      {"root ::= (\"a\"", Errc::invalid, "expected \")\""},
      {"root ::= \"a\")", Errc::invalid, "end of the rule"},
      {"root ::= *", Errc::invalid, "nothing to repeat"},
      {"root ::= \"a\"{3,2}", Errc::invalid, "out of order"},
      {"root ::= \"a\"{99999999}", Errc::exhausted, "100000"},
      {"root ::= [z-a]", Errc::invalid, "out of order"},
      {"root ::= \"\\q\"", Errc::invalid, "unknown escape"},
      {"root ::= \"\\ud800\"", Errc::invalid, "not a code point"},
      {"root ::= <think>", Errc::unsupported, "token"},
      {"root ::= root \"a\" | \"b\"", Errc::unsupported, "left recursion"},
      {"root ::= a\na ::= b? a \"x\" | \"y\"\nb ::= \"z\"", Errc::unsupported, "left recursion"},
      {"root ::= a\na ::= \"\" b\nb ::= a \"x\" | \"y\"", Errc::unsupported, "left recursion"},
      {"root ::= \"a\" root", Errc::invalid, "no text"},
      {"root ::= \xFF", Errc::invalid, "UTF-8"},
  };
  for (const Bad& bad : cases) {
    auto result = compile_gbnf(bad.source);
    ASSERT_FALSE(result) << bad.source;
    EXPECT_EQ(result.error().code, bad.code) << bad.source << ": " << result.error().what;
    EXPECT_NE(result.error().what.find(bad.part), std::string::npos) << bad.source << ": " << result.error().what;
  }
}

TEST(Gbnf, BombsEndInAnError) {
  std::string nested = "root ::= " + std::string(100'000, '(') + "\"a\"" + std::string(100'000, ')');
  std::string stars = "root ::= \"a\"" + std::string(100'000, '*');
  std::string powers = "root ::= a{1000}\na ::= b{1000}\nb ::= c{1000}\nc ::= \"x\"{1000}";
  std::string many = "root ::= \"a\"";
  for (int i = 0; i < 20'000; ++i) many += "\nr" + std::to_string(i) + " ::= \"a\"";
  std::string subset = "root ::= [ab]* \"a\"";
  for (int i = 0; i < 40; ++i) subset += " [ab]";
  std::string chain = "root ::= r0";
  for (int i = 0; i < 5000; ++i) chain += "\nr" + std::to_string(i) + " ::= r" + std::to_string(i + 1) + " \"x\"";
  chain += "\nr5000 ::= \"a\"";
  std::string doubling = "root ::= r0";
  for (int i = 0; i < 60; ++i)
    doubling += "\nr" + std::to_string(i) + " ::= r" + std::to_string(i + 1) + " r" + std::to_string(i + 1);
  doubling += "\nr60 ::= \"a\"";
  for (const std::string& source : {nested, stars, powers, many, subset, chain, doubling}) {
    auto result = compile_gbnf(source);
    ASSERT_FALSE(result) << source.substr(0, 60);
    EXPECT_TRUE(result.error().code == Errc::exhausted || result.error().code == Errc::invalid) << result.error().what;
  }
}

}  // namespace
}  // namespace freehold::text::grammar
