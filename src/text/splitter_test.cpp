#include "text/splitter.h"

#include <gtest/gtest.h>

#include "text/pre_tokenizers.h"
#include "text/regex_dialect.h"

namespace freehold::text {
namespace {

using Words = std::vector<std::string>;
using Behaviour = SplitStep::Behaviour;

Words split(std::vector<SplitStep> steps, std::string_view text) {
  auto splitter = Splitter::create(steps);
  if (!splitter) return {"error: " + splitter.error().what};
  Matcher matcher(std::chrono::seconds(10));
  std::vector<Span> words;
  std::vector<Span> spare;
  auto done = splitter->split(text, matcher, words, spare);
  if (!done) return {"error: " + done.error().what};
  Words out;
  for (const Span& w : words) out.emplace_back(text.substr(w.begin, w.size()));
  return out;
}

TEST(Splitter, Behaviours) {
  auto with = [](Behaviour b, bool invert = false) {
    return split({{.pattern = "-", .behaviour = b, .invert = invert}}, "the-final--countdown-");
  };
  EXPECT_EQ(with(Behaviour::isolated), (Words{"the", "-", "final", "-", "-", "countdown", "-"}));
  EXPECT_EQ(with(Behaviour::removed), (Words{"the", "final", "countdown"}));
  EXPECT_EQ(with(Behaviour::removed, true), (Words{"-", "-", "-", "-"}));
  EXPECT_EQ(with(Behaviour::merged_with_previous), (Words{"the-", "final-", "-", "countdown-"}));
  EXPECT_EQ(with(Behaviour::merged_with_next), (Words{"the", "-final", "-", "-countdown", "-"}));
  EXPECT_EQ(with(Behaviour::contiguous), (Words{"the", "-", "final", "--", "countdown", "-"}));
}

TEST(Splitter, StepsSeeOnlyTheirPiece) {
  // The look-ahead of the second step must not see the letter behind the digit's piece.
  EXPECT_EQ(split({{.pattern = "[0-9]"}, {.pattern = R"(\s+(?!\S)|\s)"}}, "a  1"), (Words{"a", "  ", "1"}));
  EXPECT_EQ(split({{.pattern = R"(\s+$)"}}, "a  b  "), (Words{"a  b", "  "}));
  EXPECT_EQ(split({{.pattern = "x*"}}, "ab"), (Words{"a", "b"}));  // empty matches cut and go on
  EXPECT_EQ(split({{.pattern = "x*"}}, ""), Words{});
}

TEST(Splitter, WhiteSpaceIsUnicodes) {
  // U+180E is no white space (PCRE2's own \s takes it); U+0085 and U+3000 are.
  EXPECT_EQ(split({{.pattern = R"(\s)"}}, "a\u180Eb\u0085c\u3000d"), (Words{"a\u180Eb", "\u0085", "c", "\u3000", "d"}));
  EXPECT_EQ(split({{.pattern = R"([^\s]+)"}}, "a\u180Eb c"), (Words{"a\u180Eb", " ", "c"}));
}

TEST(RegexDialect, RefusesWhatMayMeanSomethingElse) {
  for (std::string_view bad : {"[a[b]]",  "[a&&b]", R"(\h)",   R"(\X)",   R"(\K)",
                               "(?<n>a)", "(?R)",   "(?C)",    "a{2,3}+", "a{,3}",
                               "{",       R"(\w)",  R"(\pL)",  "[]",      "[a",
                               R"(\)",    R"(\x4)", R"(\u12)", R"(\1)",   "(*LIMIT_MATCH=1)x\\Q"}) {
    EXPECT_FALSE(to_pcre2(bad)) << bad;
  }
  EXPECT_EQ(*to_pcre2(R"([^\s\p{L}]\uFF01)"), R"([^\p{White_Space}\p{L}]\x{FF01})");
  EXPECT_EQ(quote_regex("a.[b]"), R"(a\.\[b\])");
}

TEST(RegexDialect, NoControlVerbs) {
  // "(*" would begin a PCRE2 verb such as (*NO_JIT); in Oniguruma it is an error.
  EXPECT_FALSE(Regex::compile("(*UCP)a"));
  EXPECT_FALSE(Regex::compile("(*LIMIT_MATCH=1)a"));
}

TEST(PreTokenizers, AllCompileAndKeepTheText) {
  std::string_view text = "Hello, world's  123456 caf\u00E9 \u4F60\u597D\n\n\t x=y; \U0001F600 'S \u017F ";
  for (std::string_view name :
       {"llama-bpe", "qwen2", "gpt-2", "starcoder", "refact", "falcon", "default", "deepseek-llm", "deepseek-coder",
        "deepseek-v3", "tekken", "gpt-4o", "bloom", "viking", "chatglm-bpe"}) {
    const PreTokenizer* pre = find_pre_tokenizer(name);
    ASSERT_NE(pre, nullptr) << name;
    std::string all;
    for (const auto& word : split(split_steps(*pre), text)) all += word;
    EXPECT_EQ(all, text) << name;
  }
  EXPECT_EQ(find_pre_tokenizer("nobody-knows"), nullptr);
  EXPECT_EQ(find_pre_tokenizer(""), nullptr);
}

TEST(PreTokenizers, Tekken) {
  EXPECT_EQ(split(split_steps(*find_pre_tokenizer("tekken")), "HelloWorld ABCdef 12/"),
            (Words{"Hello", "World", " ABCdef", " ", "1", "2", "/"}));
}

}  // namespace
}  // namespace freehold::text
