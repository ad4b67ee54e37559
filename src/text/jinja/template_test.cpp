// The language, case by case (the tables say where their expectations come from), and the shape of failures.
#include "text/jinja/template.h"

#include <gtest/gtest.h>

#include <thread>

#include "base/utf8.h"
#include "text/jinja/expression_cases_testing.h"
#include "text/jinja/json_value.h"
#include "text/jinja/statement_cases_testing.h"

namespace freehold::text::jinja {
namespace {

std::tm fixed_time() {
  std::tm t{};
  t.tm_year = 124;
  t.tm_mon = 6;
  t.tm_mday = 26;
  t.tm_hour = 12;
  timegm(&t);
  return t;
}

Template::Variables variables(const char* json = testing::kVariables) {
  auto value = value_from_json(json);
  EXPECT_TRUE(value) << value.error().what;
  Template::Variables out;
  for (const auto& [name, item] : value->as_dict().entries()) out.emplace_back(name.as_text(), item);
  return out;
}

Outcome<std::string> render(const std::string& source, const Template::Variables& with = {}) {
  auto parsed = Template::parse(source);
  if (!parsed) return tl::unexpected(std::move(parsed).error());
  return parsed->render(with, fixed_time);
}

void check(const std::string& source, const char* expected, const Template::Variables& with) {
  auto text = render(source, with);
  ASSERT_TRUE(text) << source << "\n" << text.error().message();
  EXPECT_EQ(*text, expected) << source;
}

TEST(Jinja, Expressions) {
  auto with = variables();
  for (const auto& c : testing::kExpressions) check(std::string("{{ ") + c.source + " }}", c.expected, with);
  for (const char* source : testing::kExpressionsFailures)
    EXPECT_FALSE(render(std::string("{{ ") + source + " }}", with)) << source;
}

// Expected texts are Python 3.11's.
TEST(Jinja, FoldsCaseAndEscapesToAsciiAsPython) {
  check("{{ 'Straße'.casefold() }} {{ 'ΣΊΣΥΦΟΣ ﬃ İ ŉ Abc'.casefold() }}", "strasse σίσυφοσ ffi i\u0307 \u02bcn abc",
        {});
  check("{{ '%a|%5a|%r' % ('é', '🙂€', 'é') }}", R"('\xe9'|'\U0001f642\u20ac'|'é')", {});
  check("{{ '{!a} {!r}'.format(['é'], 'é') }}", R"(['\xe9'] 'é')", {});
  check("{{ 'a\nb\n\nc'|indent(2) }}|{{ 'a\r\nb\n'|indent('>', true, true) }}|{{ ''|indent(1, true) }}",
        "a\n  b\n\n  c|>a\n>b\n>| ", {});
}

TEST(Jinja, Statements) {
  auto with = variables();
  for (const auto& c : testing::kStatements) check(c.source, c.expected, with);
  for (const char* source : testing::kStatementsFailures) EXPECT_FALSE(render(source, with)) << source;
}

TEST(Jinja, FailuresNameKindAndLine) {
  auto syntax = render("a\nb\n{% if %}");
  ASSERT_FALSE(syntax);
  EXPECT_EQ(syntax.error().kind(), FailureKind::syntax);
  EXPECT_EQ(syntax.error().line(), 3u);

  auto runtime = render("\n\n  {{ 'a' + 1 }}");
  ASSERT_FALSE(runtime);
  EXPECT_EQ(runtime.error().kind(), FailureKind::runtime);
  EXPECT_EQ(runtime.error().line(), 3u);
  EXPECT_EQ(runtime.error().message(), "can only concatenate str (not \"int\") to str");

  auto raised = render("{% macro m() %}\n{{ raise_exception('a \"b\" é\n') }}{% endmacro %}\n{{ m() }}");
  ASSERT_FALSE(raised);
  EXPECT_EQ(raised.error().kind(), FailureKind::raised);
  EXPECT_EQ(raised.error().line(), 2u);
  EXPECT_EQ(raised.error().message(), "a \"b\" é\n");

  auto limit = render("{{ 2 ** 64 }}");
  ASSERT_FALSE(limit);
  EXPECT_EQ(limit.error().kind(), FailureKind::limit);
  EXPECT_EQ(limit.error().message(), "an integer outside 64 bits");
}

TEST(Jinja, UndefinedSaysWhatIsMissing) {
  auto with = variables();
  auto message = [&](const char* source) {
    auto text = render(source, with);
    return text ? "rendered " + *text : text.error().message();
  };
  EXPECT_EQ(message("{{ nope.x }}"), "'nope' is undefined");
  EXPECT_EQ(message("{{ d.nope.x }}"), "'dict object' has no attribute 'nope'");
  EXPECT_EQ(message("{{ l[7].x }}"), "list object has no element 7");
  EXPECT_EQ(message("{{ no.x.y }}"), "'None' has no attribute 'x'");
  EXPECT_EQ(message("{{ l.append(1) }}"), "access to attribute 'append' of 'list' object is unsafe.");
}

TEST(Jinja, NewlinesOfEveryKind) {
  EXPECT_EQ(*render("a\r\nb\rc\n"), "a\nb\nc");
  EXPECT_EQ(*render("a\n\n"), "a\n");
  EXPECT_EQ(*render("{% if true %}\r\nx\r\n{% endif %}\r\n"), "x\n");
}

TEST(Jinja, RefusesWhatIsNotText) {
  EXPECT_FALSE(Template::parse("a\xff"));
  EXPECT_FALSE(Template::parse("{{ '\\ud800' }}"));
  EXPECT_EQ(*render("{{ '\\ud83d\\ude42' }}"), "🙂");
  auto parsed = Template::parse("{{ x }}");
  EXPECT_EQ(*parsed->render({{"x", Value::string("a\xff")}}, fixed_time), "a\xEF\xBF\xBD");
}

TEST(Jinja, IntegersBeyond64BitsPassThrough) {
  auto with = variables(R"({"a": 18446744073709551615, "b": -99999999999999999999})");
  check("{{ a }} {{ [b]|tojson }} {{ a > 5 }} {{ b < a }} {{ a is integer }} {{ a == a }}",
        "18446744073709551615 [-99999999999999999999] True True True True", with);
  EXPECT_EQ(render("{{ a + 1 }}", with).error().kind(), FailureKind::limit);
}

TEST(Jinja, OneTemplateManyThreads) {
  auto parsed =
      Template::parse("{% for m in ms %}{{ m.role|upper }}{{ 'lit' ~ m.content }}{% endfor %}{{ ms|tojson }}");
  ASSERT_TRUE(parsed);
  auto with = variables();
  std::string expected = *parsed->render(with, fixed_time);
  std::vector<std::thread> threads;
  std::atomic<int> wrong = 0;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&] {
      for (int i = 0; i < 200; ++i) wrong += *parsed->render(with, fixed_time) == expected ? 0 : 1;
    });
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(wrong, 0);
}

TEST(JsonValue, KeepsOrderNumbersAndText) {
  auto value = value_from_json(R"({"z": 1, "a": 1.0, "m": [true, null, "é\u0000"]})");
  ASSERT_TRUE(value);
  auto parsed = Template::parse("{{ x }}");
  EXPECT_EQ(*parsed->render({{"x", *value}}, fixed_time), "{'z': 1, 'a': 1.0, 'm': [True, None, 'é\\x00']}");
}

TEST(JsonValue, RefusesWithThePlace) {
  for (const char* text :
       {"", "{", "[1,]", "{\"a\" 1}", "{\"a\": 1, \"a\": 1}", "\"\\ud800\"", "nul", "1 2", "\xff", "[1e999]"}) {
    auto value = value_from_json(text);
    ASSERT_FALSE(value) << text;
    EXPECT_EQ(value.error().code, Errc::invalid);
    EXPECT_EQ(printable(value.error().what, 1000), value.error().what);
  }
  std::string deep(100'000, '[');
  auto value = value_from_json(deep);
  ASSERT_FALSE(value);
  EXPECT_NE(value.error().what.find("nested deeper than 100"), std::string::npos);
  EXPECT_TRUE(value_from_json(std::string(100, '[') + std::string(100, ']')));
}

}  // namespace
}  // namespace freehold::text::jinja
