// JSON Schema: each keyword against texts, what clients send (WIRE.md's list), what is refused by name, hostile
// schemas.
#include "text/grammar/grammar_testing.h"

namespace freehold::text::grammar {
namespace {

GrammarPtr schema(std::string_view source, SchemaOptions options = {}) {
  return require(compile_json_schema(source, options), source);
}

struct Texts {
  std::string_view schema;
  std::vector<std::string_view> good;
  std::vector<std::string_view> bad;
};

void check(const std::vector<Texts>& cases, SchemaOptions options = {}) {
  for (const Texts& c : cases) {
    auto g = schema(c.schema, options);
    for (auto text : c.good) EXPECT_TRUE(accepts(g, text)) << c.schema << "\n  " << text;
    for (auto text : c.bad) EXPECT_FALSE(accepts(g, text)) << c.schema << "\n  " << text;
  }
}

TEST(Schema, TypesAndConstants) {
  check({
      {R"({"type":"null"})", {"null"}, {"", "nul", "0"}},
      {R"({"type":["string","null"]})", {"null", "\"\"", "\"a\""}, {"1"}},
      {R"({"const":"a\"\n\u00e9/"})", {"\"a\\\"\\n\xC3\xA9/\""}, {"\"a\\\"\\n\\u00e9/\""}},
      {R"({"enum":[1,1.50,"x",null,true,{"k":[1,"y"]},[]]})",
       {"1", "1.50", "\"x\"", "null", "true", R"({"k":[1,"y"]})", R"({"k": [1, "y"]})", "[]"},
       {"2", "false", R"({"k":[1]})", "1.5"}},
      {R"({"enum":["a",1,null],"type":["string","null"]})", {"\"a\"", "null"}, {"1"}},
      {R"({"enum":["abc","b"],"const":"b"})", {"\"b\""}, {"\"abc\""}},
      {R"({"const":"\u0001\u001f\u007f"})", {"\"\\u0001\\u001f\x7F\""}, {}},
      {R"(true)", {"1", "\"x\"", "{\"a\": [1, {}]}", "[]"}, {"", "{]"}},
      {R"({})", {"1", "[[1], null]"}, {"x"}},
      {R"({"type":"string","nullable":true})", {"null", "\"a\""}, {"1"}},
      {R"({"type":"boolean","not":{"type":"null"}})", {"true"}, {"null"}},
      {R"({"type":["boolean","null"],"not":{"type":"null"}})", {"true"}, {"null"}},
      {R"({"enum":[1,2,3],"not":{"const":2}})", {"1", "3"}, {"2"}},
  });
}

TEST(Schema, Strings) {
  check({
      {R"({"type":"string"})",
       {R"("a\"\\\/\b\f\n\r\t\u00e9\ud83d\ude00")", "\"\xC3\xA9\xF0\x9F\x98\x80\x7F\""},
       {"\"\n\"", R"("\ud83d")", R"("\ude00")", R"("\x")", "\"\xFF\"", "\"\xED\xA0\x80\"", "\"a"}},
      {R"({"type":"string","minLength":2,"maxLength":3})",
       {"\"ab\"", "\"\xC3\xA9\xF0\x9F\x98\x80z\"", R"("\n\ud83d\ude00")"},
       {"\"a\"", "\"abcd\"", R"("\n")"}},
      {R"({"type":"string","maxLength":100000})", {"\"\"", "\"abc\""}, {}},
      {R"({"type":"string","pattern":"^[a-z]+$"})", {"\"abc\""}, {"\"\"", "\"aB\"", "\"ab\\n\""}},
      {R"({"type":"string","pattern":"b"})", {"\"abc\"", "\"b\"", "\"\\\"b\""}, {"\"ac\"", "\"\""}},
      {R"({"type":"string","pattern":"^a|b$"})", {"\"ax\"", "\"xb\""}, {"\"xa\"", "\"bx\""}},
      {R"({"type":"string","pattern":"^\\S+\\.$","maxLength":3})",
       {"\"a.\"", "\"..\""},
       {"\".\"", "\"abc.\"", "\"a b.\""}},
      {R"({"type":"string","pattern":"^.$"})",
       {"\"\\\"\"", "\"\\\\\"", "\"\\t\""},
       {"\"\\n\"", "\"ab\"", "\"\\u0041\""}},
      {R"({"type":"string","pattern":"^[0-9]{3}-[0-9]{4}$","format":"hostname"})", {"\"123-4567\""}, {"\"1234567\""}},
  });
}

TEST(Schema, Formats) {
  check({
      {R"({"type":"string","format":"date"})",
       {"\"2024-02-29\"", "\"2000-02-29\"", "\"0001-12-31\""},
       {"\"2023-02-29\"", "\"1900-02-29\"", "\"2024-04-31\"", "\"2024-13-01\"", "\"0000-01-01\"", "\"2024-1-01\""}},
      {R"({"type":"string","format":"time"})",
       {"\"23:59:59Z\"", "\"00:00:00.5+05:30\""},
       {"\"24:00:00Z\"", "\"12:60:00Z\"", "\"12:00:00\""}},
      {R"({"type":"string","format":"date-time"})",
       {"\"2024-02-29T12:00:00Z\""},
       {"\"2024-02-29 12:00:00Z\"", "\"2023-02-29T12:00:00Z\""}},
      {R"({"type":"string","format":"uuid"})",
       {"\"123e4567-e89b-12d3-a456-426614174000\""},
       {"\"123e4567e89b12d3a456426614174000\""}},
      {R"({"type":"string","format":"ipv4"})", {"\"255.249.0.10\""}, {"\"256.1.1.1\"", "\"1.1.1\"", "\"01.1.1.1\""}},
      {R"({"type":"string","format":"ipv6"})",
       {"\"::\"", "\"::1\"", "\"1:2:3:4:5:6:7:8\"", "\"1::8\"", "\"fe80::a:b\""},
       {"\":::\"", "\"1:2:3:4:5:6:7\"", "\"1::2::3\"", "\"12345::\""}},
      {R"({"type":"string","format":"email"})",
       {"\"a.b+c@example.org\""},
       {"\"a@b\"", "\".a@b.org\"", "\"a..b@c.org\"", "\"a b@c.org\""}},
      {R"({"type":"string","format":"hostname"})", {"\"a-b.example\""}, {"\"-a.example\"", "\"a..b\""}},
      {R"({"type":"string","format":"uri"})",
       {"\"https://example.org:8080/a/b?c=d#e\"", "\"s3://bucket/key%20x\""},
       {"\"example.org\"", "\"http:// x\""}},
      {R"({"type":"string","format":"duration"})",
       {"\"P1Y2M3DT4H5M6S\"", "\"PT5M\"", "\"P2W\""},
       {"\"P\"", "\"PT\"", "\"P1S\""}},
      {R"({"type":"integer","format":"int32"})", {"2147483647", "-2147483648"}, {"2147483648"}},
  });
}

TEST(Schema, Numbers) {
  check({
      {R"({"type":"integer"})",
       {"0", "-1", "123456789012345678"},
       {"01", "-0", "1.0", "1e3", "1234567890123456789", "+1"}},
      {R"({"type":"number"})", {"0", "-1.5", "1e5", "2.5E-10", "-0.0"}, {"1e999", "1.", ".5", "01", "NaN"}},
      {R"({"type":"integer","minimum":-5,"maximum":12})",
       {"-5", "-1", "0", "9", "10", "12"},
       {"-6", "13", "-0", "100"}},
      {R"({"type":"integer","exclusiveMinimum":0,"exclusiveMaximum":3})", {"1", "2"}, {"0", "3"}},
      {R"({"type":"integer","minimum":1.5,"maximum":3.5})", {"2", "3"}, {"1", "4"}},
      {R"({"type":"integer","minimum":100})", {"100", "999", "1000", "123456789012345678"}, {"99", "-100", "10"}},
      {R"({"type":"integer","maximum":-100})", {"-100", "-1000"}, {"-99", "100"}},
      {R"({"type":"integer","minimum":9223372036854775807})", {"9223372036854775807"}, {"9223372036854775806"}},
      {R"({"type":"number","minimum":0,"maximum":1})",
       {"0", "0.5", "1", "1.0", "0.000"},
       {"1.01", "-0.1", "2", "1e-1"}},
      {R"({"type":"number","exclusiveMinimum":0.5,"exclusiveMaximum":0.75})",
       {"0.51", "0.7499", "0.500001"},
       {"0.5", "0.50", "0.75", "0.7500", "0.4"}},
      {R"({"type":"number","minimum":-1.5,"exclusiveMaximum":-0.25})",
       {"-1.5", "-1", "-0.26", "-0.3"},
       {"-1.51", "-0.25", "0", "-0.2"}},
      {R"({"type":"number","exclusiveMinimum":0})", {"0.1", "7", "0.00000000000001"}, {"0", "0.0", "-1"}},
      {R"({"type":"number","minimum":1e-7,"maximum":1e3})", {"0.0000001", "1000", "999.5"}, {"0", "1000.1"}},
      {R"({"type":"integer","multipleOf":7,"minimum":0})", {"0", "7", "14", "700"}, {"1", "8", "20"}},
      {R"({"type":"number","multipleOf":0.25})", {"0", "0.25", "1.5", "-3", "2.50"}, {"0.3", "0.125"}},
      {R"({"type":"number","multipleOf":0.01,"minimum":0,"maximum":10})", {"9.99", "10", "0.1"}, {"10.01", "0.001"}},
      {R"({"allOf":[{"type":"integer","multipleOf":4},{"multipleOf":6}]})", {"12", "-24", "0"}, {"4", "6", "8"}},
      {R"({"minimum":3,"exclusiveMinimum":true,"type":"integer"})", {"4"}, {"3"}},
      {R"({"exclusiveMaximum":true,"maximum":3,"type":"integer"})", {"2"}, {"3"}},
  });
}

TEST(Schema, Arrays) {
  check({
      {R"({"type":"array"})", {"[]", "[1, \"a\", [], {}]", "[1,2]"}, {"[1,]", "[,1]", "[1  ,2]", "[ 1]"}},
      {R"({"type":"array","items":{"type":"integer"},"minItems":2,"maxItems":3})",
       {"[1,2]", "[1, 2, 3]"},
       {"[]", "[1]", "[1,2,3,4]", "[1,\"a\"]"}},
      {R"({"type":"array","maxItems":0})", {"[]"}, {"[1]"}},
      {R"({"type":"array","items":false})", {"[]"}, {"[1]"}},
      {R"({"prefixItems":[{"type":"integer"},{"type":"string"}],"items":{"type":"null"},"type":"array"})",
       {"[]", "[1]", "[1,\"a\"]", "[1,\"a\",null,null]"},
       {"[\"a\"]", "[1,2]", "[1,\"a\",1]"}},
      {R"({"prefixItems":[{"type":"integer"},{"type":"string"}],"items":false,"minItems":2,"type":"array"})",
       {"[1,\"a\"]"},
       {"[1]", "[1,\"a\",1]"}},
      {R"({"items":[{"type":"integer"}],"additionalItems":{"type":"null"},"type":"array"})",
       {"[1,null]", "[]"},
       {"[1,1]"}},
      {R"({"type":"array","items":{"enum":["a","b"]},"uniqueItems":true,"minItems":1})",
       {"[\"a\"]", "[\"b\", \"a\"]"},
       {"[]", "[\"a\",\"a\"]"}},
      {R"({"type":"array","items":{"type":"boolean"},"uniqueItems":true})", {"[]", "[true,false]"}, {"[true,true]"}},
      {R"({"type":"array","maxItems":1,"uniqueItems":true})", {"[1]"}, {"[1,2]"}},
  });
}

TEST(Schema, Objects) {
  check({
      {R"({"type":"object","properties":{"b":{"type":"integer"},"a":{"type":"null"}},"required":["a"],"additionalProperties":false})",
       {R"({"b": 1, "a": null})", R"({"a":null})"},
       {R"({"a":null,"b":1})", "{}", R"({"b":1})", R"({"a":null,"c":1})", R"({"b":1,})"}},
      {R"({"type":"object","properties":{"a":{"type":"null"}}})",
       {"{}", R"({"a":null})"},
       {R"({"a":1})", R"({"zz": [1], "aa": 2})", R"({"a":null,"x":1})", R"({"\u0061":1})"}},
      {R"({"type":"object","properties":{"a":{"type":"null"}},"additionalProperties":true})",
       {"{}", R"({"a":null})", R"({"zz": [1], "aa": 2})", R"({"a":null,"x":1})"},
       {R"({"a":1})", R"({"x":1,"a":1})", R"({"\u0061":1})"}},
      {R"({"type":"object","properties":{"a":{"const":1}},"minProperties":2})", {R"({"a":1,"b":2})"}, {R"({"a":1})"}},
      {R"({"type":"number","minimum":-1.7976931348623157e308,"maximum":1.7976931348623157e308})",
       {"1", "-2.5"},
       {"\"a\""}},
      {R"({"type":"object","minProperties":2})", {R"({"ab":1,"c":2})"}, {"{}", R"({"a":1})", R"({"ab":1,"ab":2})"}},
      {R"({"type":"object","properties":{"q":{"const":1}},"minProperties":3})",
       {R"({"q":1,"a":1,"bc":2})", R"({"abc":1,"d":2,"ef":0,"g":0})"},
       {R"({"q":1})", R"({"q":1,"a":1})", R"({"q":1,"a":1,"a":2})"}},
      {R"({"type":"object","patternProperties":{"^a":{"type":"integer"}},"additionalProperties":false,"minProperties":2,"maxProperties":2})",
       {R"({"ax":1,"a":2})"},
       {R"({"a":1})", R"({"ax":1,"b":2})", R"({"ax":1,"a":2,"abc":3})"}},
      {R"({"type":"object","additionalProperties":{"type":"integer"}})",
       {"{}", R"({"x":1,"y\n":2})"},
       {R"({"x":"a"})"}},
      {R"({"type":"object","required":["x"]})", {R"({"x":1,"y":2})"}, {"{}", R"({"y":2})"}},
      {R"({"type":"object","patternProperties":{"^n_":{"type":"integer"},"_s$":{"type":"string"}},"additionalProperties":false})",
       {R"({"n_a":1,"b_s":"x"})", "{}"},
       {R"({"n_a":"x"})", R"({"q":1})", R"({"n_s":1})", R"({"n_s":"x"})"}},
      {R"({"type":"object","properties":{"n_x":{"minimum":5}},"patternProperties":{"^n_":{"type":"integer"}},"additionalProperties":true})",
       {R"({"n_x":5,"z":null})"},
       {R"({"n_x":4})", R"({"n_x":5.5})", R"({"n_y":"a"})"}},
      {R"({"type":"object","properties":{"a":{"const":1},"b":{"const":2},"c":{"const":3}},"additionalProperties":false,"minProperties":2,"maxProperties":2})",
       {R"({"a":1,"b":2})", R"({"a":1,"c":3})", R"({"b":2,"c":3})"},
       {"{}", R"({"a":1})", R"({"a":1,"b":2,"c":3})"}},
      {R"({"type":"object","maxProperties":1})", {"{}", R"({"a":1})"}, {R"({"a":1,"b":2})"}},
      {R"({"properties":{"a\"b":{"const":1},"new\nline":{"const":2},"caf\u00e9":{"const":3},"":{"const":4},"$ref":{"const":5}},"type":"object","required":["","$ref"]})",
       {"{\"a\\\"b\":1,\"new\\nline\":2,\"caf\xC3\xA9\":3,\"\":4,\"$ref\":5}"},
       {"{\"\":4}"}},
      {R"({"type":"object","properties":{"a":false,"b":{"const":1}}})", {"{}", R"({"b":1})"}, {R"({"a":1})"}},
  });
}

// Either is right; what matters is that the work is counted (10,000 values took the square of that before).
TEST(Schema, LongListsOfValuesCostTheirLength) {
  std::string list = R"({"enum":[0)";
  for (int i = 1; i < 1500; ++i) list += "," + std::to_string(i);
  auto g = schema(list + "]}");
  EXPECT_TRUE(accepts(g, "1499"));
  EXPECT_FALSE(accepts(g, "1500"));
  std::string both = R"({"allOf":[)" + list + "]}," + list + "]}]}";
  const auto merged = compile_json_schema(both);
  if (!merged) {
    EXPECT_EQ(merged.error().code, Errc::exhausted);
  }
}

TEST(Schema, ObjectsMayBeReadAsOpen) {
  SchemaOptions options;
  options.open_objects = true;
  check({{R"({"type":"object","properties":{"a":{"type":"null"}}})",
          {"{}", R"({"a":null})", R"({"zz": [1], "aa": 2})", R"({"a":null,"x":1})"},
          {R"({"a":1})"}},
         {R"({"type":"object","properties":{"a":{}},"additionalProperties":false})", {"{}"}, {R"({"b":1})"}}},
        options);
}

TEST(Schema, Combinations) {
  check({
      {R"({"anyOf":[{"type":"integer"},{"type":"string","maxLength":1}]})", {"1", "\"a\""}, {"\"ab\"", "null"}},
      {R"({"anyOf":[{"minimum":5},{"maximum":2}],"type":"integer"})", {"1", "7"}, {"3"}},
      {R"({"oneOf":[{"type":"integer"},{"type":"string"}]})", {"1", "\"a\""}, {"null"}},
      {R"({"oneOf":[{"properties":{"k":{"const":"a"},"v":{"type":"integer"}},"required":["k"],"type":"object","additionalProperties":false},{"properties":{"k":{"const":"b"}},"required":["k"],"type":"object","additionalProperties":false}],"discriminator":{"propertyName":"k"}})",
       {R"({"k":"a","v":1})", R"({"k":"b"})"},
       {R"({"k":"b","v":1})", "{}"}},
      {R"({"allOf":[{"type":"object","properties":{"a":{"type":"integer"}},"required":["a"]},{"properties":{"a":{"minimum":3},"b":{"const":0}},"required":["b"]}]})",
       {R"({"a":3,"b":0})"},
       {R"({"a":2,"b":0})", R"({"a":3})", R"({"a":4,"b":0,"z":1})"}},
      {R"({"allOf":[{"type":"object","properties":{"a":{}},"additionalProperties":false},{"properties":{"b":{}}}]})",
       {R"({"a":1})", "{}"},
       {R"({"b":1})"}},
      {R"({"$ref":"#/$defs/x~1y","$defs":{"x/y":{"type":"integer"}}})", {"1"}, {"\"a\""}},
      {R"({"$ref":"#/definitions/a%20b","definitions":{"a b":{"type":"integer"}},"minimum":5})", {"5"}, {"4"}},
      {R"({"type":"object","properties":{"v":{"type":"integer"},"next":{"anyOf":[{"$ref":"#"},{"type":"null"}]}},"required":["v","next"],"additionalProperties":false})",
       {R"({"v":1,"next":{"v":2,"next":null}})"},
       {R"({"v":1,"next":{"v":2}})"}},
      {R"({"$ref":"#/$defs/a","$defs":{"a":{"type":"array","items":{"$ref":"#/$defs/b"}},"b":{"type":"object","additionalProperties":{"$ref":"#/$defs/a"}}}})",
       {R"([{"x":[{"y":[]}]}])"},
       {R"([{"x":[1]}])"}},
      {R"({"type":"object","properties":{"$ref":{"type":"string"}},"required":["$ref"],"additionalProperties":false})",
       {R"({"$ref":"#"})"},
       {"{}"}},
  });
}

TEST(Schema, AnnotationsSayNothing) {
  auto g = schema(
      R"({"$schema":"http://json-schema.org/draft-07/schema#","$id":"x","title":"T","description":"d","default":1,"examples":[1],
    "deprecated":true,"readOnly":true,"$comment":"c","x-order":3,"type":"integer"})");
  EXPECT_TRUE(accepts(g, "1"));
}

TEST(Schema, GeminiDialect) {
  check(
      {{R"({"type":"OBJECT","properties":{"type":{"type":"STRING","nullable":true},"n":{"type":"ARRAY","min_items":"1","maxItems":"2","items":{"type":"INTEGER","format":"int32"}},"e":{"type":"STRING","format":"enum","enum":["A","B"]}},
           "required":["n"],"property_ordering":["e","n","type"],"additionalProperties":false})",
        {R"({"e":"A","n":[1],"type":null})", R"({"n":[1,2]})"},
        {R"({"type":null,"n":[1]})", R"({"n":[]})", R"({"n":[1,2,3]})", R"({"e":"C","n":[1]})"}},
       {R"({"anyOf":[{"type":"STRING"},{"type":"NUMBER"}]})", {"1.5", "\"a\""}, {"null"}}},
      {.dialect = SchemaDialect::gemini});
  EXPECT_FALSE(compile_json_schema(R"({"type":"STRING"})"));
}

TEST(Schema, CompactLeavesNoChoiceOfSpaces) {
  auto g = schema(R"({"type":"array"})", {.allow_spaces = false});
  EXPECT_TRUE(accepts(g, "[1,{\"a\":2}]"));
  EXPECT_FALSE(accepts(g, "[1, 2]"));
}

TEST(Schema, AnyObject) {
  auto g = require(compile_json_object());
  EXPECT_TRUE(accepts(g, R"({"a": {"b": [1, true, null, "x", -1.5e3]}})"));
  EXPECT_FALSE(accepts(g, "[]"));
  std::string deep;
  while (verdict(g, deep + "{\"a\":") == Verdict::prefix) {
    deep += "{\"a\":";
    ASSERT_LT(deep.size(), 10'000u);
  }
  EXPECT_GE(deep.size() / 5, 60u);
  EXPECT_LE(deep.size() / 5, 64u);
  EXPECT_TRUE(accepts(g, deep + "1" + std::string(deep.size() / 5, '}')));
}

struct Refusal {
  std::string_view schema;
  Errc code;
  std::string_view part;
};

TEST(Schema, WhatIsNotEnforcedIsRefusedByNameAndPlace) {
  const Refusal cases[] = {
      {R"({"type":"object","properties":{"a/b":{"if":{}}}})", Errc::unsupported,
       "#/properties/a~1b/if: the keyword \"if\""},
      {R"({"dependentRequired":{"a":["b"]}})", Errc::unsupported, "dependentRequired"},
      {R"({"propertyNames":{"anyOf":[{"maxLength":3}]}})", Errc::unsupported, "propertyNames"},
      {R"({"type":"object","minProperties":40})", Errc::unsupported, "minProperties"},
      {R"({"type":"object","patternProperties":{"^(ab|cd)$":{}},"additionalProperties":false,"minProperties":2})",
       Errc::unsupported, "minProperties"},
      {R"({"contains":{"type":"null"}})", Errc::unsupported, "contains"},
      {R"({"unevaluatedProperties":false})", Errc::unsupported, "additionalProperties"},
      {R"({"type":"string","format":"iri"})", Errc::unsupported, "the format \"iri\""},
      {R"({"type":"array","uniqueItems":true})", Errc::unsupported, "uniqueItems"},
      {R"({"oneOf":[{"type":"integer"},{"type":"number"}]})", Errc::unsupported, "oneOf/1"},
      {R"({"type":"string","not":{"pattern":"a"}})", Errc::unsupported, "\"not\""},
      {R"({"$ref":"https://example.org/x"})", Errc::unsupported, "nothing is fetched"},
      {R"({"$ref":"#/$defs/none"})", Errc::invalid, "leads nowhere"},
      {R"({"$ref":"#"})", Errc::invalid, "refers to itself"},
      {R"({"anyOf":[{"type":"null"},{"$ref":"#"}]})", Errc::invalid, "refers to itself"},
      {R"({"type":"frob"})", Errc::invalid, "\"frob\" does not exist"},
      {R"x({"type":"string","pattern":"("})x", Errc::invalid, "not closed"},
      {R"x({"type":"string","pattern":"(?=a)"})x", Errc::unsupported, "look-ahead"},
      {R"({"minLength":-1})", Errc::invalid, "#/minLength"},
      {R"({"minItems":1.5})", Errc::invalid, "#/minItems"},
      {R"({"required":"a"})", Errc::invalid, "#/required"},
      {R"({"properties":[]})", Errc::invalid, "#/properties"},
      {R"({"type":"object","type":"array"})", Errc::invalid, "stands there twice"},
      {R"([1])", Errc::invalid, "a schema is"},
      {R"({"type":)", Errc::invalid, "byte"},
      {R"({"minimum":1e999})", Errc::invalid, "byte"},
      {R"(false)", Errc::invalid, "no text can ever"},
      {R"({"type":"integer","minimum":3,"maximum":2})", Errc::invalid, "no text can ever"},
      {R"({"type":"object","properties":{"a":{"$ref":"#"}},"required":["a"]})", Errc::invalid, "no text can ever"},
      {R"({"type":"integer","multipleOf":1000003})", Errc::unsupported, "multipleOf"},
      {R"({"multipleOf":0})", Errc::invalid, "multipleOf"},
      {"{\"const\":\"\xFF\"}", Errc::invalid, "byte"},
  };
  for (const Refusal& r : cases) {
    auto result = compile_json_schema(r.schema);
    ASSERT_FALSE(result) << r.schema;
    EXPECT_EQ(result.error().code, r.code) << r.schema << ": " << result.error().what;
    EXPECT_NE(result.error().what.find(r.part), std::string::npos) << r.schema << ": " << result.error().what;
    EXPECT_TRUE(result.error().what.starts_with("schema: ")) << result.error().what;
  }
}

TEST(Schema, BombsEndInAnErrorOrAreSmall) {
  std::string deep(200'000, '[');
  std::string nested;
  for (int i = 0; i < 100; ++i) nested += R"({"items":)";
  nested += "{}" + std::string(100, '}');
  std::string doubling = R"({"$ref":"#/$defs/d0","$defs":{)";
  for (int i = 0; i < 40; ++i) {
    std::string next = R"({"$ref":"#/$defs/d)" + std::to_string(i + 1) + "\"}";
    doubling += (i > 0 ? "," : "") + ("\"d" + std::to_string(i)) + R"(":{"anyOf":[)" + next + "," + next + "]}";
  }
  doubling += R"(,"d40":{"type":"integer"}}})";
  std::string product = R"({"allOf":[)";
  for (int i = 0; i < 12; ++i)
    product += (i > 0 ? "," : "") + std::string(R"({"anyOf":[{"minimum":1},{"maximum":3}]})");
  product += "]}";
  std::string items =
      R"({"type":"array","items":{"type":"array","items":{"type":"object","properties":{"a":{}}},"minItems":90000},"minItems":90000})";
  std::string lengths = R"({"type":"string","pattern":"a.*b","minLength":500000})";
  for (const std::string& source : {deep, nested, doubling, product, items, lengths}) {
    auto result = compile_json_schema(source);
    ASSERT_FALSE(result) << source.substr(0, 100);
    EXPECT_EQ(result.error().code, Errc::exhausted) << source.substr(0, 100) << result.error().what;
  }
  // Large, and not a bomb.
  std::string wide = R"({"type":"object","properties":{)";
  for (int i = 0; i < 400; ++i) wide += (i > 0 ? "," : "") + ("\"key" + std::to_string(i)) + R"(":{"type":"string"})";
  wide += R"(},"additionalProperties":false})";
  EXPECT_TRUE(accepts(schema(wide), R"({"key7": "a", "key399": "b"})"));
}

}  // namespace
}  // namespace freehold::text::grammar
