// The promise, over random schemas, random tokens and small budgets: every text that was begun with a budget that its
// shortest form fits is complete when the budget ends, parses, and validates under a validator that shares no code with
// the compiler. FREEHOLD_SCHEMAS sets how many schemas (default 400).
#include <cstdlib>

#include "base/sanitized_testing.h"
#include "text/grammar/grammar_testing.h"
#include "text/grammar/random_schema_testing.h"
#include "text/grammar/validator_testing.h"

namespace freehold::text::grammar {
namespace {

int schemas() {
  const char* given = std::getenv("FREEHOLD_SCHEMAS");
  return given != nullptr ? std::atoi(given) : repeats(400);
}

TEST(SchemaProperty, EveryTextFinishesAndValidates) {
  std::mt19937 random(7);
  int texts = 0;
  int refused = 0;
  for (int i = 0; i < schemas(); ++i) {
    auto schema = RandomSchema(static_cast<std::uint32_t>(i)).make();
    std::string source = schema.dump();
    SCOPED_TRACE("schema " + std::to_string(i) + ": " + source);
    auto grammar = compile_json_schema(source);
    if (!grammar) {
      // Random schemas may contradict themselves; nothing else may be wrong with them.
      ASSERT_NE(grammar.error().what.find("no text can ever"), std::string::npos) << grammar.error().what;
      ++refused;
      continue;
    }
    auto cache = std::make_shared<MaskCache>(*grammar, test_vocabulary());
    Validator validator(nlohmann::json::parse(source));
    Matcher first(cache);
    std::uint32_t least = first.min_tokens();
    ASSERT_NE(least, kNoBudget);
    for (std::uint32_t extra : {0u, 0u, 1u, 2u, 5u, 12u, 40u, 150u}) {
      bool complete = false;
      std::string text = random_text(cache, least + extra, random, &complete);
      ++texts;
      ASSERT_TRUE(complete) << "budget " << least << " + " << extra << ": " << text;
      auto value = nlohmann::json::parse(text, nullptr, false);
      ASSERT_FALSE(value.is_discarded()) << text;
      std::string problem = validator.check(value);
      ASSERT_EQ(problem, "") << text;
    }
    // One token less than the least does not fit, and says so.
    if (least > 0) {
      std::vector<std::uint64_t> mask(test_vocabulary()->mask_words());
      EXPECT_EQ(require(first.fill_mask(mask, least - 1)), MaskKind::cannot_fit);
    }
  }
  EXPECT_LT(refused, schemas() / 10 + 2);
  EXPECT_GT(texts, schemas() * 6);
}

// Keywords that are not enforced, put into some of the schemas inside of `schema`. The validator knows none of them.
void add_odd_keywords(nlohmann::ordered_json& schema, std::mt19937& random) {
  if (schema.is_array()) {
    for (auto& one : schema) add_odd_keywords(one, random);
  }
  if (!schema.is_object()) return;
  for (const char* key : {"items", "prefixItems", "additionalProperties", "propertyNames", "allOf", "anyOf", "oneOf"}) {
    if (schema.contains(key)) add_odd_keywords(schema[key], random);
  }
  for (const char* key : {"properties", "patternProperties", "$defs"}) {
    if (!schema.contains(key)) continue;
    for (auto& member : schema[key].items()) add_odd_keywords(member.value(), random);
  }
  static const std::pair<const char*, nlohmann::ordered_json> kOdd[] = {{"if", {{"type", "null"}}},
                                                                        {"contains", {{"type", "null"}}},
                                                                        {"dependentRequired", {{"a", {"b"}}}},
                                                                        {"no such", 1},
                                                                        {"unevaluatedProperties", false}};
  if (random() % 3 != 0) return;
  const auto& [key, value] = kOdd[random() % std::size(kOdd)];
  schema[key] = value;
}

// Of a schema that loses keywords everything else holds.
TEST(SchemaProperty, WhatIsLeftOutTakesNothingElseWithIt) {
  std::mt19937 random(9);
  for (int i = 0; i < schemas() / 2; ++i) {
    auto schema = RandomSchema(static_cast<std::uint32_t>(20'000 + i)).make();
    const bool possible = compile_json_schema(schema.dump()).has_value();
    add_odd_keywords(schema, random);
    schema["if"] = true;
    const std::string source = schema.dump();
    SCOPED_TRACE(source);
    LeftOut left_out;
    SchemaOptions options;
    options.left_out = &left_out;
    options.loose = true;
    auto grammar = compile_json_schema(source, options);
    ASSERT_EQ(grammar.has_value(), possible) << grammar.error().what;
    if (!grammar) continue;
    ASSERT_FALSE(left_out.empty());
    auto cache = std::make_shared<MaskCache>(*grammar, test_vocabulary());
    Validator validator(nlohmann::json::parse(source));
    const std::uint32_t least = Matcher(cache).min_tokens();
    for (std::uint32_t extra : {0u, 3u, 30u}) {
      bool complete = false;
      const std::string text = random_text(cache, least + extra, random, &complete);
      ASSERT_TRUE(complete);
      ASSERT_EQ(validator.check(nlohmann::json::parse(text, nullptr, false)), "") << text;
    }
  }
}

// A token is in the mask if and only if the automaton, asked byte by byte, takes it (and, with a budget, still ends).
TEST(SchemaProperty, MasksAreExact) {
  std::mt19937 random(8);
  auto tokens = test_tokens();
  for (int i = 0; i < schemas() / 4; ++i) {
    std::string source = RandomSchema(static_cast<std::uint32_t>(10'000 + i)).make().dump();
    SCOPED_TRACE(source);
    auto grammar = compile_json_schema(source);
    if (!grammar) continue;
    auto cache = std::make_shared<MaskCache>(*grammar, test_vocabulary());
    Matcher matcher(cache);
    std::vector<std::uint64_t> mask(test_vocabulary()->mask_words());
    for (int step = 0; step < 25; ++step) {
      std::uint32_t least = matcher.min_tokens();
      std::uint32_t budget = step % 3 == 0 ? kNoBudget : least + random() % 4;
      auto kind = require(matcher.fill_mask(mask, budget));
      bool steered = false;
      std::vector<TokenId> choice;
      for (std::size_t t = 0; t + 2 < tokens.size(); ++t) {
        auto id = static_cast<TokenId>(t);
        bool takes = matcher.accept(id);
        bool fits = takes;
        if (takes) {
          if (budget != kNoBudget) fits = budget > 0 && matcher.min_tokens() <= budget - 1;
          matcher.rollback(1);
        }
        steered |= takes && !fits;
        bool in = (mask[t / 64] >> (t % 64) & 1) != 0;
        ASSERT_EQ(in, fits) << "token " << t << " (" << tokens[t] << "), budget " << budget << ", step " << step;
        if (in) choice.push_back(id);
      }
      ASSERT_EQ(kind, steered ? MaskKind::steered : MaskKind::free);
      bool ends = (mask[(tokens.size() - 1) / 64] >> ((tokens.size() - 1) % 64) & 1) != 0;
      ASSERT_EQ(ends, matcher.accepting() && budget > 0);
      if (choice.empty()) break;
      ASSERT_TRUE(matcher.accept(choice[random() % choice.size()]));
    }
  }
}

}  // namespace
}  // namespace freehold::text::grammar
