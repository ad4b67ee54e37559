// A constraint that begins with a trigger: until then the answer is as free as without it, from then on it holds.
#include <gtest/gtest.h>

#include <regex>

#include "engine/allowed_tokens.h"
#include "engine/test_support.h"
#include "text/grammar/grammar.h"
#include "text/tools/constraint.h"

namespace freehold::engine {
namespace {

namespace grammar = text::grammar;
using testing::FakeDecoder;
using testing::Recorder;
using testing::sampled_request;

class LazyConstraint : public ::testing::Test {
 protected:
  text::Tokenizer tokenizer = testing::small_tokenizer();
  std::shared_ptr<const grammar::VocabularyIndex> vocabulary = grammar::VocabularyIndex::create(tokenizer);

  Request ask(std::uint64_t seed, std::string_view pattern, const std::string& trigger, bool at_start = false) {
    Request r = sampled_request(seed, 5, 60);
    auto compiled = grammar::compile_regex(pattern);
    EXPECT_TRUE(compiled);
    r.constraint = std::make_shared<grammar::MaskCache>(*compiled, vocabulary);
    text::tools::Constraint start;
    start.kind = text::tools::Constraint::Kind::lazy;
    start.grammar = *compiled;
    (at_start ? start.start_triggers : start.triggers) = {trigger};
    r.constraint_start = std::make_shared<const text::tools::Constraint>(std::move(start));
    return r;
  }
  Recorder run(const Request& request, std::string_view likely) {
    FakeDecoder decoder;
    decoder.change = [likely](std::span<float> row) {
      for (char c : likely) {
        row[static_cast<std::size_t>(c >= 'a' ? testing::kLetter + (c - 'a') : testing::kWord + (c - '0'))] += 8;
      }
    };
    auto engine = Engine::create(decoder, tokenizer);
    EXPECT_TRUE(engine);
    Recorder recorder;
    (void)(*engine)->run(request, recorder.sink());
    return recorder;
  }
};

TEST_F(LazyConstraint, HoldsFromTheTriggerOn) {
  int begun = 0;
  for (std::uint64_t seed = 0; seed < 40; ++seed) {
    const std::string text = run(ask(seed, "ab[xyz]{3}q", "ab"), "abc").text[0];
    const std::size_t at = text.find("ab");
    if (at == std::string::npos) continue;
    ++begun;
    EXPECT_TRUE(std::regex_match(text.substr(at), std::regex("ab[xyz]{3}q"))) << text;
  }
  EXPECT_GT(begun, 20);
}

TEST_F(LazyConstraint, ChangesNothingBeforeIt) {
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    Request with = ask(seed, "ab[xyz]{3}q", "ab"), without = with;
    without.constraint = nullptr;
    without.constraint_start = nullptr;
    const std::string text = run(with, "abc").text[0], free = run(without, "abc").text[0];
    const std::size_t end = std::min(text.find("ab"), text.size());
    EXPECT_EQ(text.substr(0, end), free.substr(0, end));
    if (end == text.size()) {
      EXPECT_EQ(text, free);
    }
  }
}

// " the" completes the trigger "th" and goes on with what the constraint forbids.
TEST_F(LazyConstraint, ATokenThatRunsPastTheTriggerIsRefused) {
  int begun = 0;
  for (std::uint64_t seed = 0; seed < 40; ++seed) {
    const std::string text = run(ask(seed, "th[xyz]{2}", "th"), "0th").text[0];
    const std::size_t at = text.find("th");
    if (at == std::string::npos) continue;
    ++begun;
    EXPECT_TRUE(std::regex_match(text.substr(at), std::regex("th[xyz]{2}"))) << text;
  }
  EXPECT_GT(begun, 10);
}

TEST_F(LazyConstraint, WhatInsistsOnRefusedTokensIsToldThemAll) {
  const Request request = ask(1, "a[xyz]{2}", "a");
  AllowedTokens allowed(request, tokenizer);
  const std::int32_t the = testing::kWord, cat = the + 1, sat = the + 2, end = the + 3, a = testing::kLetter;
  SamplerInput input;
  for (int i = 0; i < 16; ++i) {
    ASSERT_TRUE(allowed.narrow(input, 0, 10));
    EXPECT_EQ(input.forbidden.size(), static_cast<std::size_t>(i));
    EXPECT_FALSE(allowed.admits(cat));
  }
  ASSERT_TRUE(allowed.narrow(input, 0, 10));
  const auto forbidden = [&](std::int32_t token) {
    return std::find(input.forbidden.begin(), input.forbidden.end(), token) != input.forbidden.end();
  };
  EXPECT_TRUE(forbidden(cat) && forbidden(sat));
  EXPECT_FALSE(forbidden(the) || forbidden(end) || forbidden(a));
  EXPECT_FALSE(allowed.constrained());
  ASSERT_TRUE(allowed.admits(a));
  ASSERT_TRUE(allowed.accept(a));
  EXPECT_TRUE(allowed.constrained());
  EXPECT_TRUE(allowed.incomplete());
}

TEST_F(LazyConstraint, AStartTriggerCountsOnlyAtTheStart) {
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    const std::string text = run(ask(seed, "ab[xyz]{3}q", "ab", true), "abc").text[0];
    if (text.starts_with("ab")) {
      EXPECT_TRUE(std::regex_match(text, std::regex("ab[xyz]{3}q"))) << text;
    } else {
      EXPECT_FALSE(std::regex_match(text, std::regex(".*ab[xyz]{3}q"))) << text;
    }
  }
}

TEST_F(LazyConstraint, IsCheckedAtTheDoor) {
  FakeDecoder decoder;
  auto engine = Engine::create(decoder, tokenizer);
  Request request = ask(1, "ab", "ab");
  request.constraint = nullptr;
  Recorder recorder;
  auto refused = (*engine)->submit(request, recorder.sink());
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Errc::invalid);
}

TEST_F(LazyConstraint, ControlTokensThatAreShownAreText) {
  FakeDecoder decoder;
  decoder.change = [](std::span<float> row) { row[testing::kBos] = 100; };
  auto engine = Engine::create(decoder, tokenizer);
  Request request = sampled_request(1, 5, 2);
  Recorder hidden, shown;
  (void)(*engine)->run(request, hidden.sink());
  request.shown_tokens = {testing::kBos};
  (void)(*engine)->run(request, shown.sink());
  EXPECT_EQ(hidden.text[0], "");
  EXPECT_EQ(shown.text[0], "<s><s>");
}

}  // namespace
}  // namespace freehold::engine
