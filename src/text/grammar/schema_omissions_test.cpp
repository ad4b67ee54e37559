// What schemas ask for and is not enforced: what it is, that it is named, and that everything else still holds.
#include "text/grammar/grammar_testing.h"

namespace freehold::text::grammar {
namespace {

struct Loosened {
  std::string_view schema;
  std::vector<std::string> left_out;
  std::vector<std::string_view> good;
  std::vector<std::string_view> bad;
};

void check(const std::vector<Loosened>& cases, bool loose) {
  for (const Loosened& c : cases) {
    LeftOut left_out;
    SchemaOptions options;
    options.left_out = &left_out;
    options.loose = loose;
    auto g = require(compile_json_schema(c.schema, options), c.schema);
    EXPECT_EQ(left_out, c.left_out) << c.schema;
    for (auto text : c.good) EXPECT_TRUE(accepts(g, text)) << c.schema << "\n  " << text;
    for (auto text : c.bad) EXPECT_FALSE(accepts(g, text)) << c.schema << "\n  " << text;
  }
}

TEST(SchemaOmissions, FormatsThatAreNotKnownAreAnnotations) {
  check(
      {
          {R"({"type":"string","format":"cuid","pattern":"^c[a-z]{2}$"})", {"#/format"}, {"\"cab\""}, {"\"ab\""}},
          {R"({"type":"object","properties":{"a/b":{"type":"string","format":"iri","maxLength":1}}})",
           {"#/properties/a~1b/format"},
           {R"({"a/b":"x"})"},
           {R"({"a/b":"xy"})", R"({"a/b":1})"}},
          {R"({"type":"object","properties":{"caf\u00e9, 5%\r\n":{"format":"iri"}}})",
           {"#/properties/caf%C3%A9%2C%205%25\\x0d\\n/format"},
           {},
           {}},
          // Known ones hold, also where the pattern beside them cannot.
          {R"x({"type":"string","format":"duration","pattern":"^P(?!$)(\\d+Y)?$"})x",
           {"#/pattern"},
           {"\"P1Y\"", "\"PT5M\""},
           {"\"P\"", "\"x\""}},
          {R"({"type":"string","format":"uuid"})", {}, {}, {"\"x\""}},
          {R"({"type":"string","format":"password"})", {}, {"\"x\""}, {}},
      },
      false);
}

TEST(SchemaOmissions, FormatsOfOtherValidators) {
  check(
      {
          {R"({"type":"string","format":"base64"})", {}, {"\"\"", "\"QQ==\"", "\"QUJD\""}, {"\"QQ\"", "\"QQ=\""}},
          {R"({"type":"string","format":"base64url"})", {}, {"\"\"", "\"Q-_\"", "\"QQ\""}, {"\"Q\"", "\"QQ==\""}},
          {R"({"type":"string","format":"hex"})", {}, {"\"\"", "\"0aF\""}, {"\"g\""}},
          {R"({"type":"string","format":"e164"})", {}, {"\"+4912345678\""}, {"\"+0123456\"", "\"49123456\"", "\"+1\""}},
          {R"({"type":"string","format":"cidrv4"})", {}, {"\"10.0.0.0/8\"", "\"1.2.3.4/32\""}, {"\"1.2.3.4/33\""}},
          {R"({"type":"string","format":"cidrv6"})", {}, {"\"::/0\"", "\"fe80::1/128\""}, {"\"::/129\"", "\"::\""}},
          {R"({"type":"string","format":"mac"})", {}, {"\"00:1A:2B:3C:4D:5E\""}, {"\"00:1a:2B:3C:4D:5E\"", "\"00\""}},
          {R"({"type":"string","format":"emoji"})",
           {},
           {"\"\xF0\x9F\x98\x80\"", "\"\xE2\x9D\xA4\xEF\xB8\x8F\""},
           {"\"a\"", "\"\"", "\"\xF0\x9F\x8F\xBB\""}},
          // As zod writes it.
          {R"x({"type":"string","format":"cidrv4","pattern":"^((25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9][0-9]|[0-9])\\.){3}(25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9][0-9]|[0-9])\\/([0-9]|[1-2][0-9]|3[0-2])$"})x",
           {},
           {"\"10.0.0.0/8\""},
           {"\"10.0.0.0\""}},
      },
      false);
}

TEST(SchemaOmissions, WithoutAPlaceForTheirNamesNothingIsLeftOut) {
  EXPECT_EQ(compile_json_schema(R"({"type":"string","format":"cuid"})").error().code, Errc::unsupported);
  SchemaOptions options;
  options.loose = true;
  EXPECT_EQ(compile_json_schema(R"({"if":{}})", options).error().code, Errc::unsupported);
}

TEST(SchemaOmissions, StrictSchemasAreRefusedByName) {
  for (std::string_view source :
       {R"({"if":{}})", R"({"dependentRequired":{"a":["b"]}})", R"x({"type":"string","pattern":"(?=a)"})x",
        R"x({"type":"string","format":"cuid","pattern":"(?=a)"})x", R"({"$ref":"https://example.org/x"})",
        R"({"oneOf":[{"type":"integer"},{"type":"number"}]})", R"({"enum":["a","b"],"not":{"format":"cuid"}})"}) {
    LeftOut left_out;
    SchemaOptions options;
    options.left_out = &left_out;
    auto result = compile_json_schema(source, options);
    ASSERT_FALSE(result) << source;
    EXPECT_EQ(result.error().code, Errc::unsupported) << source << result.error().what;
  }
}

TEST(SchemaOmissions, LooseSchemasLeaveOutOneKeywordAndKeepTheRest) {
  check(
      {
          {R"({"type":"object","properties":{"a":{"type":"integer"}},"if":{"required":["a"]},"then":{"maxProperties":1},"required":["a"]})",
           {"#/if", "#/then"},
           {R"({"a":1})"},
           {"{}", R"({"a":"x"})"}},
          {R"({"type":"object","properties":{"a":{},"b":{}},"dependentRequired":{"a":["b"]}})",
           {"#/dependentRequired"},
           {R"({"a":1})"},
           {"[]"}},
          {R"({"type":"array","contains":{"type":"null"},"maxItems":1})", {"#/contains"}, {"[1]"}, {"[1,2]"}},
          {R"({"type":"object","properties":{"a":{"type":"null"}},"unevaluatedProperties":false})",
           {"#/unevaluatedProperties"},
           {R"({"a":null})"},
           {R"({"a":1})"}},
          {R"x({"type":"string","pattern":"^(?!x).*$","maxLength":2})x", {"#/pattern"}, {"\"x\""}, {"\"xyz\""}},
          {R"x({"type":"object","patternProperties":{"^(?!x)":{"type":"null"}},"additionalProperties":false,"properties":{"q":{"const":1}}})x",
           {"#/patternProperties", "#/additionalProperties"},
           {R"({"q":1,"a":2})", "{}"},
           {R"({"q":2})"}},
          {R"({"type":"object","patternProperties":{"1":{},"2":{},"3":{},"4":{},"5":{"type":"null"}}})",
           {"#/patternProperties"},
           {R"({"5":1})"},
           {"[]"}},
          {R"({"type":"object","propertyNames":{"anyOf":[{"const":"a"}]},"additionalProperties":{"type":"null"}})",
           {"#/propertyNames"},
           {R"({"b":null})"},
           {R"({"b":1})"}},
          {R"({"$ref":"https://example.org/x","type":"string"})", {"#/$ref"}, {"\"a\""}, {"1"}},
          {R"({"oneOf":[{"type":"string"},{"type":"string","format":"date"}]})", {"#/oneOf"}, {"\"a\""}, {"1"}},
          {R"({"type":"string","not":{"pattern":"a"}})", {"#/not"}, {"\"a\""}, {"1"}},
          {R"({"enum":["a","b",1],"type":"string","not":{"if":{}}})", {"#/not/if", "#/not"}, {"\"a\""}, {"1"}},
          {R"({"enum":["a","b"],"oneOf":[{"if":{}},{"type":"string"}]})",
           {"#/oneOf/0/if", "#/oneOf"},
           {"\"a\""},
           {"1"}},
          {R"({"type":"array","uniqueItems":true,"items":{"type":"integer"}})",
           {"#/uniqueItems"},
           {"[1,1]"},
           {"[null]"}},
          {R"({"type":"object","minProperties":40})", {"#/minProperties"}, {R"({"a":1})"}, {"{}"}},
          {R"({"type":"object","properties":null,"required":null,"description":null})",
           {"#/properties", "#/required"},
           {"{}", R"({"a":1})"},
           {"[]"}},
          {R"({"const":null})", {}, {"null"}, {"1"}},
      },
      true);
}

TEST(SchemaOmissions, NoValueIsLostByWhatIsLeftOut) {
  check(
      {
          // Branches that are whole are counted as ever.
          {R"({"enum":[1],"not":{"oneOf":[{"type":"integer"},{"minimum":0}]}})", {}, {"1"}, {"2"}},
          {R"({"enum":[{"b":1},{"b":"x"}],"properties":{"b":{"oneOf":[{"type":"integer"},{"minimum":0}]}}})",
           {},
           {R"({"b":"x"})"},
           {R"({"b":1})"}},
          {R"({"enum":[1],"not":{"oneOf":[{"type":"integer","if":{}},{"minimum":0}]}})",
           {"#/not/oneOf/0/if", "#/not/oneOf", "#/not"},
           {"1"},
           {"2"}},
          {R"({"enum":[{"b":1},{"b":null}],"properties":{"b":{"type":"integer","oneOf":[{"if":{}},{"minimum":0}]}}})",
           {"#/properties/b/oneOf/0/if", "#/properties/b/oneOf"},
           {R"({"b":1})"},
           {R"({"b":null})"}},
          {R"({"enum":[{"b":1},{"b":"x"}],"properties":{"b":{"not":{"type":"integer","if":{}}}}})",
           {"#/properties/b/not/if", "#/properties/b/not"},
           {R"({"b":1})", R"({"b":"x"})"},
           {R"({"b":2})"}},
          // No property becomes required, not even one that no text satisfies.
          {R"({"properties":{"a":{"type":"string","minLength":5,"maxLength":3}},"type":"object","additionalProperties":true,"minProperties":20})",
           {"#/minProperties"},
           {R"({"b":1})"},
           {"{}"}},
          {R"({"properties":{"a":{},"b":{}},"type":"object","additionalProperties":true,"minProperties":20,"required":["b"]})",
           {"#/minProperties"},
           {R"({"b":1,"c":1})", R"({"a":1,"b":1})"},
           {R"({"a":1})", R"({"b":1})"}},
      },
      true);
  // Strict, a `not` around what is not enforced is refused wherever it stands.
  LeftOut left_out;
  SchemaOptions options;
  options.left_out = &left_out;
  auto nested = compile_json_schema(R"({"enum":[{"b":"x"}],"properties":{"b":{"not":{"format":"cuid"}}}})", options);
  ASSERT_FALSE(nested);
  EXPECT_EQ(nested.error().code, Errc::unsupported) << nested.error().what;
}

TEST(SchemaOmissions, NullIsNoList) {
  check(
      {
          {R"({"anyOf":null,"type":"string"})", {"#/anyOf"}, {"\"a\""}, {"1"}},
          {R"({"oneOf":null,"allOf":null,"type":"string"})", {"#/oneOf", "#/allOf"}, {"\"a\""}, {"1"}},
          {R"({"type":"object","propertyNames":{"anyOf":null,"pattern":"^x"}})",
           {"#/propertyNames/anyOf"},
           {R"({"x":1})"},
           {R"({"a":1})"}},
      },
      true);
}

TEST(SchemaOmissions, PatternsThatAreOnlyTooLargeHoldOrAreRefused) {
  const std::string deep =
      R"({"type":"string","format":"uuid","pattern":")" + std::string(70, '(') + "a" + std::string(70, ')') + "\"}";
  LeftOut left_out;
  SchemaOptions options;
  options.left_out = &left_out;
  auto strict = compile_json_schema(deep, options);
  ASSERT_FALSE(strict);
  EXPECT_EQ(strict.error().code, Errc::exhausted) << strict.error().what;
  check({{deep, {"#/pattern"}, {}, {"\"a\""}}}, true);
}

TEST(SchemaOmissions, WhatIsNoSchemaIsRefusedAllTheSame) {
  for (std::string_view source :
       {R"({"properties":{"a":"string"}})", R"({"type":"frob"})", R"x({"type":"string","pattern":"("})x",
        R"({"minLength":"1"})", R"({"$ref":"#/$defs/none"})", R"({"required":"a"})", R"([1])", R"({"items":"x"})"}) {
    LeftOut left_out;
    SchemaOptions options;
    options.left_out = &left_out;
    options.loose = true;
    auto result = compile_json_schema(source, options);
    ASSERT_FALSE(result) << source;
    EXPECT_EQ(result.error().code, Errc::invalid) << source << result.error().what;
  }
}

TEST(SchemaOmissions, NamesAreFewAndShort) {
  std::string source = R"({"type":"object","properties":{)";
  for (int i = 0; i < 40; ++i)
    source += (i > 0 ? ",\"" : "\"") + std::string(60, 'k') + std::to_string(i) + R"(":{"properties":{")" +
              std::string(300, 'x') + R"(":{"if":{}}}})";
  source += "}}";
  LeftOut left_out;
  SchemaOptions options;
  options.left_out = &left_out;
  options.loose = true;
  require(compile_json_schema(source, options));
  EXPECT_EQ(left_out.size(), kMostLeftOut + 1);
  for (const std::string& name : left_out) EXPECT_LE(name.size(), 130u);
}

TEST(SchemaNames, OfPropertiesAreEnforced) {
  check(
      {
          {R"({"type":"object","propertyNames":{"type":"string"},"additionalProperties":{"type":"integer"}})",
           {},
           {"{}", R"({"a":1,"b":2})"},
           {R"({"a":"x"})"}},
          {R"({"type":"object","propertyNames":{"type":"string","enum":["a","b"]},"additionalProperties":{"type":"boolean"},"required":["a","b"]})",
           {},
           {R"({"a":true,"b":false})"},
           {R"({"a":true})", "{}", R"({"a":true,"b":1})", R"({"a":true,"b":false,"c":true})"}},
          {R"({"type":"object","propertyNames":{"enum":["a","b",1]},"additionalProperties":{"type":"boolean"}})",
           {},
           {"{}", R"({"b":true})", R"({"a":true,"b":true})"},
           {R"({"c":true})", R"({"a":true,"a":true})", R"({"1":true})"}},
          {R"({"type":"object","propertyNames":{"const":"k"}})", {}, {"{}", R"({"k":[1]})"}, {R"({"l":1})"}},
          {R"({"type":"object","propertyNames":{"pattern":"^x","maxLength":2}})",
           {},
           {R"({"x":1,"xy":2})", "{}"},
           {R"({"y":1})", R"({"xyz":1})"}},
          {R"({"type":"object","propertyNames":{"minLength":2},"minProperties":2})",
           {},
           {R"({"ab":1,"abc":2})"},
           {R"({"a":1,"abc":2})", R"({"ab":1})"}},
          {R"({"type":"object","propertyNames":{"pattern":"^x"},"properties":{"a":{},"x":{}},"additionalProperties":true})",
           {},
           {R"({"x":1,"xa":2})"},
           {R"({"a":1})", R"({"b":1})"}},
          {R"({"type":"object","propertyNames":{"pattern":"^x"},"patternProperties":{"^x":{"type":"null"},"y$":{"type":"null"}},"additionalProperties":false})",
           {},
           {R"({"xa":null,"xy":null})"},
           {R"({"ay":null})", R"({"xa":1})"}},
          {R"({"type":"object","propertyNames":false})", {}, {"{}"}, {R"({"a":1})"}},
          {R"({"type":"object","propertyNames":{"type":"integer"}})", {}, {"{}"}, {R"({"1":1})"}},
          {R"({"type":"object","propertyNames":true})", {}, {R"({"a":1})"}, {}},
          {R"({"type":"object","propertyNames":{"enum":["a","b"]},"properties":{"a":{}}})",
           {},
           {R"({"a":1})"},
           {R"({"b":1})"}},  // closed: docs/adr/0021
          {R"({"enum":[{"a":1},{"b":1}],"propertyNames":{"pattern":"a"}})", {}, {R"({"a":1})"}, {R"({"b":1})"}},
      },
      false);
  EXPECT_EQ(compile_json_schema(R"({"type":"object","propertyNames":{"const":"a"},"required":["b"]})").error().code,
            Errc::invalid);
}

TEST(SchemaNames, CountAsWork) {
  std::string source = R"({"type":"object","additionalProperties":false,"propertyNames":{"enum":["k")";
  for (int i = 0; i < 200; ++i) source += ",\"k" + std::to_string(i) + '"';
  source += "]}}";
  EXPECT_TRUE(accepts(require(compile_json_schema(source)), "{}"));
  SchemaOptions options;
  options.limits.steps = 1000;
  EXPECT_EQ(compile_json_schema(source, options).error().code, Errc::exhausted);
}

TEST(SchemaAnchors, AreFollowed) {
  check({{R"({"$defs":{"a":{"$anchor":"q","type":"integer"}},"type":"array","items":{"$ref":"#q"}})",
          {},
          {"[1]"},
          {"[\"a\"]"}},
         // Below properties and $defs these are names like others.
         {R"({"properties":{"default":{"$anchor":"x","type":"null"},"b":{"$ref":"#x"}},"required":["b"]})",
          {},
          {R"({"b":null})"},
          {R"({"b":1})"}},
         {R"({"$defs":{"enum":{"type":"object","properties":{"const":{"$anchor":"x","type":"null"}}}},"$ref":"#x"})",
          {},
          {"null"},
          {"1"}}},
        false);
  EXPECT_EQ(compile_json_schema(R"({"properties":{"a":{"default":{"$anchor":"q"}}},"$ref":"#q"})").error().code,
            Errc::invalid);
  EXPECT_EQ(compile_json_schema(R"({"const":{"$anchor":"q"},"$ref":"#q"})").error().code, Errc::invalid);
}

}  // namespace
}  // namespace freehold::text::grammar
