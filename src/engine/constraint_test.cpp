// Structured output in the engine: what a constraint forbids is never drawn, the end is kept reachable, and nothing but
// the request decides what it gets.
#include <cmath>
#include <limits>
#include <set>

#include "engine/constraint_testing.h"
#include "engine/drafting/ngram.h"
#include "engine/drafting/scripted.h"
#include "text/grammar/validator_testing.h"

namespace freehold::engine {
namespace {

using testing::kEos;

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr float kInfinity = std::numeric_limits<float>::infinity();
bool is_json_text(const std::string& text) {
  return nlohmann::json::accept(text);
}

TEST_F(ConstraintTest, ATextThatIsCompleteEndsAtOnce) {
  FakeDecoder decoder;
  Recorder r = run(decoder, ask(1, with(grammar::compile_choice(std::vector<std::string>{"yes"})), 50));
  EXPECT_EQ(r.text[0], "yes");
  EXPECT_EQ(r.reasons, std::vector{FinishReason::stop});
  EXPECT_EQ(r.finished[0].usage.completion_tokens, 3u);
  EXPECT_EQ(r.finished[0].stop_token, -1);
  EXPECT_FALSE(r.finished[0].steered);
  EXPECT_EQ(decoder.batches.size(), 3u);  // the prompt, and two more: none for an end token
  // The last token that the limit allows completes it: nothing was cut.
  EXPECT_EQ(run(ask(1, with(grammar::compile_choice(std::vector<std::string>{"yes"})), 3)).reasons,
            std::vector{FinishReason::stop});
}

TEST_F(ConstraintTest, AnEndTokenEndsWhatMayGoOn) {
  FakeDecoder decoder;
  decoder.eos_logit = 100;
  for (bool stop_at_end : {true, false}) {
    Request request = ask(1, regex("ab?c*"), 50);
    request.stop_at_end_of_generation = stop_at_end;
    Recorder r = run(decoder, request);
    EXPECT_EQ(r.text[0], "a");  // the end was wanted before, but not allowed
    EXPECT_EQ(r.reasons, std::vector{FinishReason::stop});
    EXPECT_EQ(r.finished[0].stop_token, kEos);
  }
  Recorder empty = run(decoder, ask(1, regex("(ab)?"), 50));
  EXPECT_EQ(empty.text[0], "");
  EXPECT_EQ(empty.finished[0].usage.completion_tokens, 1u);
  EXPECT_EQ(run(decoder, ask(1, regex(""), 50)).reasons, std::vector{FinishReason::stop});
}

TEST_F(ConstraintTest, AStopTokenWithoutTextIsAnEndToo) {
  FakeDecoder decoder;
  decoder.change = [](std::span<float> row) { row[testing::kBos] = 100; };
  Request request = ask(1, regex("a{3}b*"), 50);
  request.stop_tokens = {testing::kBos};
  Recorder r = run(decoder, request);
  EXPECT_EQ(r.text[0], "aaa");
  EXPECT_EQ(r.finished[0].stop_token, testing::kBos);
}

TEST_F(ConstraintTest, TheLimitSteersToTheEnd) {
  FakeDecoder decoder;  // never wants to end
  auto constraint = schema(kPerson);
  auto least = fewest_tokens(constraint);
  ASSERT_TRUE(least);
  for (std::uint32_t more : {0u, 1u, 2u, 7u, 30u}) {
    Request request = ask(more, constraint, *least + more);
    request.n = 3;
    Recorder r = run(decoder, request);
    for (std::size_t i = 0; i < 3; ++i) {
      EXPECT_TRUE(is_json_text(r.text[i])) << r.text[i];
      EXPECT_EQ(r.reasons[i], FinishReason::length) << r.text[i];
      EXPECT_TRUE(r.finished[i].steered);
      EXPECT_FALSE(r.finished[i].cannot_complete);
      EXPECT_LE(r.finished[i].usage.completion_tokens, *least + more);
    }
  }
  // The context is a limit as well.
  FakeDecoder::Size size;
  size.context = 64;
  FakeDecoder narrow(size);
  Request request = ask(4, constraint, 0);
  Recorder r = run(narrow, request);
  EXPECT_TRUE(is_json_text(r.text[0])) << r.text[0];
  EXPECT_TRUE(r.finished[0].steered);
  EXPECT_EQ(r.reasons, std::vector{FinishReason::length});
}

TEST_F(ConstraintTest, WhatCannotFitSaysSoAndIsAValidBeginning) {
  auto constraint = schema(kPerson);
  auto least = fewest_tokens(constraint);
  ASSERT_TRUE(least);
  for (std::uint32_t limit : {1u, 5u, *least - 1}) {
    Recorder r = run(ask(limit, constraint, limit));
    EXPECT_EQ(r.reasons, std::vector{FinishReason::length});
    EXPECT_TRUE(r.finished[0].cannot_complete);
    EXPECT_FALSE(r.finished[0].steered);
    EXPECT_EQ(r.finished[0].usage.completion_tokens, limit);
    EXPECT_TRUE(grammar::Matcher(constraint).accept_bytes(r.text[0])) << r.text[0];
  }
  // A character whose bytes do not fit is left out.
  Recorder half = run(ask(1, regex("a\xE2\x82\xAC"), 3));
  EXPECT_EQ(half.text[0], "a");
  EXPECT_TRUE(half.finished[0].cannot_complete);
}

TEST_F(ConstraintTest, NothingBringsAForbiddenTokenBack) {
  // Whatever is wanted, and whatever the logits are worth, the text is digits.
  std::vector<std::function<void(std::span<float>)>> rows = {
      [](std::span<float> row) { row[testing::kLetter] = 1e30F; },
      [](std::span<float> row) { row[testing::kLetter] = kInfinity; },
      [](std::span<float> row) { std::fill(row.begin(), row.end(), kNan); },
      [](std::span<float> row) { std::fill(row.begin(), row.end(), -kInfinity); },
      [](std::span<float> row) {
        for (int digit = 0; digit < 10; ++digit) row[static_cast<std::size_t>(testing::kByte + '0' + digit)] = kNan;
      },
      [](std::span<float> row) { row[testing::kByte + '5'] = kNan; }};
  std::vector<Sampling> samplings(8);
  samplings[0].temperature = 0;
  samplings[1].logit_bias = {{testing::kLetter, 100}, {testing::kByte + '7', -std::numeric_limits<double>::infinity()}};
  samplings[2] = samplings[1];
  samplings[2].temperature = 0;
  samplings[3].top_k = 1;
  samplings[4].top_p = 0.5;
  samplings[5].typical_p = 0.5;
  samplings[6].min_p = 0.5;
  samplings[7] = {.repetition_penalty = 0.01, .frequency_penalty = -100, .presence_penalty = -100, .min_p = 0.1};
  auto constraint = regex("[0-9]{6}");
  for (std::size_t row = 0; row < rows.size(); ++row) {
    for (std::size_t s = 0; s < samplings.size(); ++s) {
      FakeDecoder decoder;
      decoder.change = rows[row];
      Request request = ask(s, constraint, 20);
      request.sampling = samplings[s];
      Recorder r = run(decoder, request);
      EXPECT_EQ(r.error, "") << row << " " << s;
      ASSERT_EQ(r.text.size(), 1u);
      EXPECT_TRUE(grammar::Matcher(constraint).accept_bytes(r.text[0])) << r.text[0];
      EXPECT_EQ(r.text[0].size(), 6u);
      if (row >= 2 && row <= 4) {
        EXPECT_EQ(r.text[0], "000000") << row << " " << s;  // the lowest id
      }
      if (row == 5) {
        EXPECT_EQ(r.text[0].find('5'), std::string::npos);
      }
      if (row == 0 && !samplings[s].logit_bias.empty()) {
        EXPECT_EQ(r.text[0].find('7'), std::string::npos);
      }
    }
  }
  // All that is left may be forbidden by a bias: then the constraint wins.
  Request only = ask(1, regex("aa"), 20);
  only.sampling.logit_bias = {{testing::kLetter, -std::numeric_limits<double>::infinity()},
                              {testing::kByte + 'a', -std::numeric_limits<double>::infinity()}};
  EXPECT_EQ(run(only).text[0], "aa");
}

TEST_F(ConstraintTest, BrokenLogitsAmongTheAllowedFailTheirRequestOnly) {
  FakeDecoder decoder;
  decoder.change = [](std::span<float> row) { row[testing::kByte + '5'] = kInfinity; };
  Recorder r = run(decoder, ask(1, regex("[0-9]{6}"), 20));
  EXPECT_NE(r.error.find("the logit inf"), std::string::npos) << r.error;
}

TEST_F(ConstraintTest, LogprobsAreTheModelsOwn) {
  Request request = ask(3, nullptr, 1);
  request.logprobs = 20;
  std::map<std::int32_t, double> free;
  auto note = [](std::map<std::int32_t, double>& into) {
    return [&into](const Event& e) {
      if (const auto* l = std::get_if<TokenLogprobs>(&e)) {
        into[l->sampled.token] = l->sampled.logprob;
        for (const auto& t : l->top) into[t.token] = t.logprob;
      }
    };
  };
  FakeDecoder decoder;
  auto engine = make(decoder);
  ASSERT_TRUE(engine->run(request, note(free)));
  const std::int32_t unlikely = testing::kByte + '5';
  std::map<std::int32_t, double> constrained;
  request.constraint = regex("5*");
  ASSERT_TRUE(engine->run(request, note(constrained)));
  ASSERT_TRUE(constrained.contains(unlikely));
  EXPECT_LT(constrained[unlikely], -1);  // and not 0, though nothing else was allowed
  for (auto [token, logprob] : free) {
    if (constrained.contains(token)) {
      EXPECT_EQ(constrained[token], logprob);
    }
  }
  EXPECT_GE(constrained.size(), 20u);
}

TEST_F(ConstraintTest, MinTokensHoldsTheEndBack) {
  FakeDecoder decoder;
  decoder.eos_logit = 100;
  for (bool constrained : {false, true}) {
    Request request = ask(2, constrained ? regex("[a-z]*") : nullptr, 50);
    request.min_tokens = 7;
    request.stop_tokens = {testing::kLetter};
    request.sampling.logit_bias = {{testing::kLetter, 90}};
    Recorder r = run(decoder, request);
    EXPECT_EQ(r.reasons, std::vector{FinishReason::stop});
    EXPECT_EQ(r.finished[0].usage.completion_tokens, 8u);
    EXPECT_EQ(r.finished[0].stop_token, kEos);
    EXPECT_EQ(r.text[0].find('a'), std::string::npos);
    request.sampling.temperature = 0;
    EXPECT_EQ(run(decoder, request).finished[0].usage.completion_tokens, 8u);
    request.min_tokens = 0;
    EXPECT_EQ(run(decoder, request).finished[0].usage.completion_tokens, 1u);
  }
  // Tokens that do not end it are not held back.
  Request request = ask(2, nullptr, 10);
  request.min_tokens = 10;
  request.stop_at_end_of_generation = false;
  EXPECT_EQ(run(decoder, request).finished[0].usage.completion_tokens, 10u);
  // A constraint whose text is complete ends it anyway.
  request = ask(2, regex("abc"), 20);
  request.min_tokens = 10;
  Recorder r = run(decoder, request);
  EXPECT_EQ(r.text[0], "abc");
  EXPECT_EQ(r.reasons, std::vector{FinishReason::stop});
  request.constraint = regex("");
  request.n = 3;
  r = run(decoder, request);
  EXPECT_EQ(r.reasons, std::vector(3, FinishReason::stop));
  EXPECT_EQ(r.finished[0].usage.completion_tokens, 0u);
}

TEST_F(ConstraintTest, TheStopStringWins) {
  Request request = ask(1, schema(kPerson), 60);
  request.stop = {"\"tags"};
  Recorder r = run(request);
  EXPECT_EQ(r.reasons, std::vector{FinishReason::stop});
  EXPECT_EQ(r.stop_strings[0], "\"tags");
  EXPECT_FALSE(r.finished[0].cannot_complete);
  EXPECT_EQ(r.text[0].find("tags"), std::string::npos);
  // What is held back for a stop string is text when the constraint ends.
  request.constraint = with(grammar::compile_choice(std::vector<std::string>{"abc"}));
  request.stop = {"bcd"};
  EXPECT_EQ(run(request).text[0], "abc");
  request.stop = {"c"};
  EXPECT_EQ(run(request).text[0], "ab");
}

TEST_F(ConstraintTest, TheTextIsTheConstraintsToTheByte) {
  Request request = ask(1, with(grammar::compile_choice(std::vector<std::string>{" the cat sat"})), 60);
  request.text_starts = true;  // would drop the space
  EXPECT_EQ(run(request).text[0], " the cat sat");
}

TEST_F(ConstraintTest, AloneInABatchChunkedFromTheCacheAndWithGuesses) {
  std::vector<Request> requests;
  auto person = schema(kPerson);
  for (std::uint64_t i = 0; i < 4; ++i) {
    Request r = sampled_request(i, 20 + 37 * i, static_cast<std::uint32_t>(40 + 20 * i));
    if (i != 2) r.constraint = person;
    r.n = i == 1 ? 3 : 1;
    requests.push_back(r);
  }
  FakeDecoder::Size size;
  size.drafted = 12;
  std::vector<std::vector<std::string>> alone;
  for (const Request& r : requests) {
    Recorder recorder = run(r);
    alone.push_back(recorder.events);
    EXPECT_EQ(recorder.error, "");
    Request first = r;
    first.n = 1;
    EXPECT_EQ(run(first).text[0], recorder.text[0]);
    EngineOptions options;
    for (std::uint32_t chunk : {1u, 13u}) {
      options.chunk = chunk;
      EXPECT_EQ(run(r, options).events, alone.back());
    }
  }
  ThreadPool pool(3);
  for (int way = 0; way < 4; ++way) {
    const bool drafting = way % 2 == 1;
    NgramDrafter ngram;
    EngineOptions options;
    options.chunk = 64;
    options.drafting.adaptive = false;
    options.drafting.drafter = drafting ? &ngram : nullptr;
    options.pool = way < 2 ? nullptr : &pool;
    FakeDecoder decoder(size);
    decoder.eos_logit = 0;
    auto engine = make(decoder, options);
    for (int turn = 0; turn < 2; ++turn) {  // the second continues what the first left
      std::vector<Recorder> recorders(requests.size());
      for (std::size_t i = 0; i < requests.size(); ++i) ASSERT_TRUE(engine->submit(requests[i], recorders[i].sink()));
      while (engine->step()) {
      }
      for (std::size_t i = 0; i < requests.size(); ++i) {
        auto by_choice = [](std::vector<std::string> events) {
          std::stable_sort(events.begin(), events.end(), [](auto& a, auto& b) { return a[0] < b[0]; });
          return events;
        };
        EXPECT_EQ(by_choice(recorders[i].events), by_choice(alone[i])) << i << " way " << way;
      }
    }
    EXPECT_EQ(engine->counters().reused_tokens > 0, true);
  }
}

TEST_F(ConstraintTest, GuessesThatTheConstraintForbidsChangeNothing) {
  auto person = schema(kPerson);
  FakeDecoder::Size size;
  size.drafted = 8;
  for (std::uint32_t limit : {45u, 90u}) {
    Request request = ask(9, person, limit);
    std::vector<std::int32_t> tokens;
    FakeDecoder plain;
    auto engine = make(plain);
    Recorder expected;
    auto sink = expected.sink();
    ASSERT_TRUE(engine->run(request, [&](const Event& e) {
      if (const auto* l = std::get_if<TokenLogprobs>(&e)) tokens.push_back(l->sampled.token);
      sink(e);
    }));
    for (std::size_t every : {std::size_t{0}, std::size_t{1}, std::size_t{3}}) {
      auto script = tokens;
      if (every != 0) script = ScriptedDrafter::spoiled(tokens, every, testing::kVocab);
      script.insert(script.end(), {kEos, testing::kLetter, testing::kLetter});
      ScriptedDrafter drafter(script);
      EngineOptions options;
      options.drafting.drafter = &drafter;
      options.drafting.adaptive = false;
      FakeDecoder decoder(size);
      Recorder r = run(decoder, request, options);
      EXPECT_EQ(r.events, expected.events) << every;
      if (every == 0) {
        EXPECT_GT(r.finished[0].usage.accepted_tokens, 20u);
        EXPECT_LT(decoder.batches.size(), plain.batches.size() / 2);
      }
    }
  }
}

}  // namespace
}  // namespace freehold::engine
