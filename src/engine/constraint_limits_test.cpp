// What ends or refuses structured output: grammars that become too ambiguous, cancellation, foreign vocabularies, and
// answers that cannot fit, over random schemas.
#include <cstdlib>

#include "engine/constraint_testing.h"
#include "text/grammar/random_schema_testing.h"
#include "text/grammar/validator_testing.h"

namespace freehold::engine {
namespace {

bool is_json(const std::string& text) {
  return nlohmann::json::accept(text);
}

// Two ways to read the text, half a bracket apart, which meet at '!': the deeper, the more there is to lay over one
// another.
TEST_F(ConstraintTest, AGrammarThatBecomesTooAmbiguousFailsItsRequestOnly) {
  grammar::Limits limits;
  limits.nesting = 1000;
  auto constraint = with(grammar::compile_gbnf(
      "root ::= s \"1\" | [ a-z] s \"2\"\ns ::= [ a-z] [ a-z] s \".\" | [ a-z] m | m\nm ::= \"!\"\n", limits));
  FakeDecoder::Size size;
  size.context = 6000;
  size.cache_tokens = 16000;
  FakeDecoder decoder(size);
  decoder.favourite = [](auto) { return testing::kWord; };
  auto engine = make(decoder);
  Request bad = ask(1, constraint, 5500);
  bad.sampling = {};
  bad.logprobs.reset();
  Request good = ask(2, schema(kPerson), 60);
  Recorder bad_events;
  Recorder good_events;
  ASSERT_TRUE(engine->submit(bad, bad_events.sink()));
  ASSERT_TRUE(engine->submit(good, good_events.sink()));
  while (engine->step()) {
  }
  EXPECT_EQ(bad_events.error, "the grammar is too ambiguous at this point of the text");
  EXPECT_TRUE(bad_events.reasons.empty());
  EXPECT_TRUE(is_json(good_events.text[0]));
  engine->drop_cached();
  EXPECT_TRUE(decoder.all_free());
}

TEST_F(ConstraintTest, CancellationEndsIt) {
  FakeDecoder decoder;
  auto engine = make(decoder);
  Request request = ask(1, schema(kPerson), 200);
  request.n = 2;
  Recorder r;
  auto id = engine->submit(request, r.sink());
  ASSERT_TRUE(id);
  for (int i = 0; i < 5; ++i) engine->step();
  EXPECT_TRUE(engine->cancel(*id));
  EXPECT_FALSE(engine->step());
  EXPECT_EQ(r.reasons, std::vector(2, FinishReason::cancelled));
  EXPECT_FALSE(r.finished[0].cannot_complete);
}

TEST_F(ConstraintTest, AnotherVocabularyIsRefused) {
  FakeDecoder decoder;
  auto engine = make(decoder);
  const std::vector<std::string> words = {"a", "b"};
  auto compiled = grammar::compile_regex("a*");
  ASSERT_TRUE(compiled);
  const std::vector<text::TokenId> ends = {1};
  auto other = std::make_shared<grammar::MaskCache>(*compiled, grammar::VocabularyIndex::create(words, ends));
  auto refused = engine->submit(ask(1, other, 5), [](const Event&) {});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().what, "the constraint is for a vocabulary of 2 tokens, but the engine's tokenizer has 293");
}

TEST_F(ConstraintTest, FewestTokensKnowsWhatAVocabularyCannotWrite) {
  const std::vector<std::string> words = {"a", "bb", ""};
  const std::vector<text::TokenId> ends = {2};
  auto index = grammar::VocabularyIndex::create(words, ends);
  auto of = [&](std::string_view pattern) {
    return fewest_tokens(std::make_shared<grammar::MaskCache>(*grammar::compile_regex(pattern), index));
  };
  EXPECT_EQ(*of("ab{2}a"), 3u);
  ASSERT_FALSE(of("ab"));
  EXPECT_EQ(of("ab").error().code, Errc::unsupported);
}

// FREEHOLD_SCHEMAS sets how many schemas.
TEST_F(ConstraintTest, EveryAnswerValidatesOrSaidBeforehandThatItCannotFit) {
  const char* given = std::getenv("FREEHOLD_SCHEMAS");
  const int schemas = given != nullptr ? std::atoi(given) : 400;
  int complete = 0;
  int steered = 0;
  int refused = 0;
  FakeDecoder decoder;
  decoder.eos_logit = -2;
  auto engine = make(decoder);
  for (int i = 0; i < schemas; ++i) {
    std::string source = grammar::RandomSchema(static_cast<std::uint32_t>(500'000 + i)).make().dump();
    SCOPED_TRACE(source);
    auto compiled = grammar::compile_json_schema(source);
    if (!compiled) {
      ASSERT_NE(compiled.error().what.find("no text can ever"), std::string::npos) << compiled.error().what;
      ++refused;
      continue;
    }
    auto constraint = std::make_shared<grammar::MaskCache>(*compiled, vocabulary);
    auto least = fewest_tokens(constraint);
    ASSERT_TRUE(least);
    grammar::Validator validator(nlohmann::json::parse(source));
    for (std::uint32_t more : {UINT32_MAX, 0u, 1u, 3u, 17u}) {
      const std::uint32_t limit = *least + more;
      if (limit == 0 || limit > 400) continue;
      Request request = ask(static_cast<std::uint64_t>(i), constraint, limit);
      request.n = 2;
      request.logprobs.reset();
      Recorder r;
      auto done = engine->run(request, r.sink());
      ASSERT_TRUE(done) << done.error().what;
      ASSERT_EQ(r.finished.size(), 2u);
      for (const Finished& f : r.finished) {
        const std::string& text = r.text[f.choice];
        EXPECT_TRUE(f.reason == FinishReason::length || (!f.steered && !f.cannot_complete));
        steered += f.steered ? 1 : 0;
        if (f.cannot_complete) {
          ASSERT_LT(limit, *least) << text;
          continue;
        }
        ++complete;
        auto value = nlohmann::json::parse(text, nullptr, false);
        ASSERT_FALSE(value.is_discarded()) << text;
        ASSERT_EQ(validator.check(value), "") << text;
      }
    }
  }
  EXPECT_LT(refused, schemas / 10 + 2);
  EXPECT_GT(complete, schemas * 4);
  EXPECT_GT(steered, schemas);
}

}  // namespace
}  // namespace freehold::engine
