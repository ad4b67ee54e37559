// For tests of structured output: constraints over a small vocabulary, and engines that keep to them.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "engine/allowed_tokens.h"
#include "engine/test_support.h"
#include "text/grammar/grammar.h"

namespace freehold::engine {

namespace grammar = text::grammar;
using testing::FakeDecoder;
using testing::Recorder;
using testing::sampled_request;

inline constexpr std::string_view kPerson =
    R"({"type":"object","properties":{"name":{"type":"string"},"tags":{"type":"array","items":{"type":"string"}},)"
    R"("age":{"type":"integer"}},"required":["name","tags","age"],"additionalProperties":false})";

class ConstraintTest : public ::testing::Test {
 protected:
  text::Tokenizer tokenizer = testing::small_tokenizer();
  std::shared_ptr<const grammar::VocabularyIndex> vocabulary = grammar::VocabularyIndex::create(tokenizer);

  std::shared_ptr<grammar::MaskCache> with(Result<grammar::GrammarPtr> compiled) {
    EXPECT_TRUE(compiled) << compiled.error().what;
    return std::make_shared<grammar::MaskCache>(*compiled, vocabulary);
  }
  std::shared_ptr<grammar::MaskCache> schema(std::string_view text) { return with(grammar::compile_json_schema(text)); }
  std::shared_ptr<grammar::MaskCache> regex(std::string_view text) { return with(grammar::compile_regex(text)); }

  std::unique_ptr<Engine> make(FakeDecoder& decoder, EngineOptions options = {}) {
    auto engine = Engine::create(decoder, tokenizer, options);
    EXPECT_TRUE(engine) << engine.error().what;
    return std::move(*engine);
  }
  Recorder run(FakeDecoder& decoder, const Request& request, EngineOptions options = {}) {
    auto engine = make(decoder, options);
    Recorder recorder;
    (void)engine->run(request, recorder.sink());
    return recorder;
  }
  Recorder run(const Request& request, EngineOptions options = {}) {
    FakeDecoder decoder;
    decoder.eos_logit = 0;
    return run(decoder, request, options);
  }
  static Request ask(std::uint64_t seed, std::shared_ptr<grammar::MaskCache> constraint, std::uint32_t max_tokens) {
    Request r = sampled_request(seed, 5, max_tokens);
    r.constraint = std::move(constraint);
    return r;
  }
};

}  // namespace freehold::engine
