// Speculative decoding with the fake decoder: whatever the guesses are, every event is that of plain decoding.
#include "engine/drafting/speculation.h"

#include <algorithm>
#include <map>

#include "engine/drafting/draft_model.h"
#include "engine/drafting/ngram.h"
#include "engine/drafting/scripted.h"
#include "engine/test_support.h"

namespace freehold::engine {
namespace {

using testing::FakeDecoder;
using testing::kVocab;
using testing::Recorder;

// What a guess of the test's drafter is like; one kind after the other where a test says `mixed`.
enum class Guessing : std::uint8_t { perfect, wrong, empty, too_long, illegal, random, mixed };
constexpr Guessing kGuessings[] = {Guessing::perfect, Guessing::wrong,  Guessing::empty, Guessing::too_long,
                                   Guessing::illegal, Guessing::random, Guessing::mixed};

// Knows the plain answers by prompt and choice, and makes of them whatever it is told.
class HostileDrafter final : public Drafter {
 public:
  explicit HostileDrafter(Guessing kind) : kind_(kind) {}
  std::map<std::pair<std::vector<std::int32_t>, std::uint32_t>, std::vector<std::int32_t>> answers;
  std::uint32_t asked = 0;

  std::unique_ptr<DraftState> start(const Request&, std::uint32_t, std::uint32_t) override { return nullptr; }
  void propose(std::span<DraftQuery> queries) override {
    for (DraftQuery& q : queries) {
      ++asked;
      Guessing kind = kind_;
      if (kind == Guessing::mixed) kind = kGuessings[asked % 6];
      const auto& answer = answers[{q.request->prompt, q.choice}];
      for (std::size_t i = 0; i < q.draft.size(); ++i) {
        const std::size_t at = q.sampled + i;
        const std::int32_t truth = at < answer.size() ? answer[at] : 5;
        const double u = uniform_draw(asked, 3, i);
        std::int32_t& token = q.draft[i];
        token = truth;
        if (kind == Guessing::wrong) token = (truth + 1) % static_cast<std::int32_t>(kVocab);
        if (kind == Guessing::illegal) token = u < 0.5 ? truth : u < 0.7 ? -1 : static_cast<std::int32_t>(kVocab) + 7;
        if (kind == Guessing::random && u < 0.4) token = static_cast<std::int32_t>(u * 2.5 * kVocab);
      }
      q.count = kind == Guessing::empty ? 0 : static_cast<std::uint32_t>(q.draft.size());
      if (kind == Guessing::too_long) q.count = 1000000;
      q.evidence = static_cast<Evidence>(asked % 5);  // one of them is none
    }
  }

 private:
  Guessing kind_;
};

// Events in an order that does not depend on how far the choices are: by choice, as they come.
std::vector<std::string> by_choice(std::vector<std::string> events) {
  auto choice = [](const std::string& e) { return e[0] == 's' ? -1 : std::atoi(e.c_str()); };
  std::stable_sort(events.begin(), events.end(), [&](const auto& a, const auto& b) { return choice(a) < choice(b); });
  return events;
}

Request random_request(std::uint64_t seed) {
  auto u = [&](std::uint64_t i) { return uniform_draw(seed, 55, i); };
  Request r = testing::sampled_request(seed, 1 + static_cast<std::size_t>(u(0) * 90),
                                       1 + static_cast<std::uint32_t>(u(1) * 70));
  if (u(2) < 0.3) r.sampling.temperature = 0;
  if (u(3) < 0.5) r.sampling.repetition_penalty = 1, r.sampling.top_p = 1;
  if (u(4) < 0.4) r.sampling.frequency_penalty = 0.5, r.sampling.presence_penalty = -0.25;
  if (u(5) < 0.3) r.sampling.penalty_last = 5;
  if (u(6) < 0.3) r.sampling.penalty_scope = PenaltyScope::answer;
  if (u(7) < 0.3) r.sampling.logit_bias = {{testing::kLetter, -3.0}, {testing::kWord, 4.0}};
  if (u(8) < 0.3) r.sampling.top_k = 12, r.sampling.min_p = 0.02;
  if (u(9) < 0.5) r.stop = {"the", "zz", "e"};
  if (u(10) < 0.5) r.stop_tokens = {testing::kLetter + 3};
  if (u(11) < 0.5) r.logprobs.reset();
  r.n = 1 + static_cast<std::uint32_t>(u(12) * 3);
  if (u(13) < 0.3) r.sampling.typical_p = 0.9;
  return r;
}

class SpeculationTest : public ::testing::Test {
 protected:
  text::Tokenizer tokenizer = testing::small_tokenizer();

  static FakeDecoder::Size sized(std::uint32_t window = 0, std::uint32_t drafted = 24) {
    FakeDecoder::Size size;
    size.window = window;
    size.drafted = drafted;
    return size;
  }
  static void soften(FakeDecoder& decoder) { decoder.eos_logit = 1; }
  std::unique_ptr<Engine> make(Decoder& decoder, EngineOptions options = {}) {
    auto engine = Engine::create(decoder, tokenizer, std::move(options));
    EXPECT_TRUE(engine) << engine.error().what;
    return std::move(*engine);
  }
  // The plain answer's events; its tokens are told to the drafter.
  std::vector<std::string> plain(const Request& request, std::uint32_t window, HostileDrafter* drafter = nullptr) {
    FakeDecoder decoder(sized(window));
    soften(decoder);
    auto engine = make(decoder);
    Recorder recorder;
    EXPECT_TRUE(engine->run(request, recorder.sink()));
    if (drafter != nullptr) {
      Request told = request;
      told.logprobs = 0;
      Recorder again;
      auto inner = again.sink();
      for (std::uint32_t c = 0; c < request.n; ++c) drafter->answers[{request.prompt, c}].clear();
      EXPECT_TRUE(engine->run(told, [&](const Event& e) {
        inner(e);
        const auto* token = std::get_if<TokenLogprobs>(&e);
        if (token != nullptr) drafter->answers[{request.prompt, token->choice}].push_back(token->sampled.token);
      }));
    }
    return by_choice(recorder.events);
  }
};

TEST_F(SpeculationTest, AnyGuessGivesThePlainEventsAloneAndAmongNeighbours) {
  std::uint64_t drafted = 0, accepted = 0;
  for (Guessing kind : kGuessings) {
    for (std::uint32_t window : {0u, 40u}) {
      for (bool adaptive : {false, true}) {
        HostileDrafter drafter(kind);
        FakeDecoder decoder(sized(window));
        soften(decoder);
        EngineOptions options;
        options.chunk = window == 0 ? 64 : 11;
        options.drafting = {&drafter, 1 + static_cast<std::uint32_t>(kind) * 3, adaptive};
        auto engine = make(decoder, options);
        std::vector<Request> requests;
        std::vector<std::vector<std::string>> expected;
        for (std::uint64_t i = 0; i < 12; ++i) {
          requests.push_back(random_request(i + 100 * static_cast<std::uint64_t>(kind)));
          expected.push_back(plain(requests[i], window, &drafter));
        }
        for (std::size_t i = 0; i < requests.size(); ++i) {
          Recorder alone;
          ASSERT_TRUE(engine->run(requests[i], alone.sink()));
          EXPECT_EQ(by_choice(alone.events), expected[i]) << static_cast<int>(kind) << " alone " << i;
        }
        std::vector<Recorder> recorders(requests.size());
        for (std::size_t i = 0; i < requests.size(); ++i) {
          ASSERT_TRUE(engine->submit(requests[i], recorders[i].sink()));
          engine->step();
        }
        while (engine->step()) {
        }
        for (std::size_t i = 0; i < requests.size(); ++i) {
          EXPECT_EQ(by_choice(recorders[i].events), expected[i]) << static_cast<int>(kind) << " together " << i;
          for (const Finished& f : recorders[i].finished) {
            EXPECT_LE(f.usage.accepted_tokens, f.usage.drafted_tokens);
            EXPECT_LT(f.usage.accepted_tokens, f.usage.completion_tokens);
          }
        }
        drafted += engine->counters().drafted_tokens;
        accepted += engine->counters().accepted_tokens;
        if (kind == Guessing::perfect && !adaptive) {
          EXPECT_GT(engine->counters().accepted_tokens, engine->counters().sampled_tokens / 4);
        }
        if (kind == Guessing::wrong || kind == Guessing::empty) {
          EXPECT_EQ(engine->counters().accepted_tokens, 0u);
        }
        engine->drop_cached();
        EXPECT_TRUE(decoder.all_free());
      }
    }
  }
  EXPECT_GT(drafted, 10000u);
  EXPECT_GT(accepted, 1000u);
}

TEST_F(SpeculationTest, LookingUpAndADraftModelGiveThePlainEvents) {
  FakeDecoder draft_decoder(sized(24)), other_decoder(sized());
  soften(draft_decoder);  // the same mind
  other_decoder.eos_logit = -3;
  other_decoder.favourite = [](std::span<const std::int32_t> ids) {
    return ids.size() % 3 == 0 ? testing::kLetter + static_cast<std::int32_t>(ids.size() % 26) : -1;
  };
  NgramDrafter ngram;
  ModelDrafter same(draft_decoder, tokenizer), other(other_decoder, tokenizer);
  for (Drafter* drafter : std::initializer_list<Drafter*>{&ngram, &same, &other}) {
    for (std::uint32_t window : {0u, 40u}) {
      for (bool adaptive : {false, true}) {
        FakeDecoder decoder(sized(window));
        soften(decoder);
        EngineOptions options;
        options.chunk = 30;
        options.drafting = {drafter, 6, adaptive};
        auto engine = make(decoder, options);
        std::vector<Recorder> recorders(16);
        for (std::size_t i = 0; i < recorders.size(); ++i) {
          ASSERT_TRUE(engine->submit(random_request(i), recorders[i].sink()));
          if (i % 2 == 0) engine->step();
        }
        while (engine->step()) {
        }
        for (std::size_t i = 0; i < recorders.size(); ++i) {
          EXPECT_EQ(by_choice(recorders[i].events), plain(random_request(i), window)) << i;
        }
        const EngineCounters& c = engine->counters();
        if (drafter == &same && !adaptive) {
          EXPECT_GT(c.accepted_tokens * 10, c.drafted_tokens * 9);
        }
      }
    }
  }
  EXPECT_TRUE(draft_decoder.all_free());
  EXPECT_TRUE(other_decoder.all_free());
}

TEST_F(SpeculationTest, AnAnswerThatRepeatsItselfTakesFewerSteps) {
  FakeDecoder decoder(sized());
  decoder.favourite = [](std::span<const std::int32_t> ids) {
    return testing::kLetter + static_cast<std::int32_t>(ids.size() % 5);
  };
  NgramDrafter drafter;
  EngineOptions options;
  options.drafting = {&drafter, 16, false};
  auto engine = make(decoder, options);
  Recorder recorder;
  Request request = testing::sampled_request(1, 5, 200);
  ASSERT_TRUE(engine->run(request, recorder.sink()));
  EXPECT_EQ(recorder.finished[0].usage.completion_tokens, 200u);
  EXPECT_GT(recorder.finished[0].usage.accepted_tokens, 170u);
  EXPECT_LT(engine->counters().steps, 30u);
}

TEST_F(SpeculationTest, TheNextTurnFindsWhatPlainDecodingWouldHaveKept) {
  for (std::uint32_t window : {0u, 40u}) {
    HostileDrafter drafter(Guessing::mixed);
    FakeDecoder decoder(sized(window)), plain_decoder(sized(window));
    EngineOptions options;
    auto without = make(plain_decoder, options);
    options.drafting = {&drafter, 9, false};
    auto with = make(decoder, options);
    Request request = testing::sampled_request(1, 50, 23);
    request.logprobs = 0;
    (void)plain(request, window, &drafter);
    for (int turn = 0; turn < 5; ++turn) {
      Recorder a, b;
      std::vector<std::int32_t> answer;
      auto inner = a.sink();
      ASSERT_TRUE(without->run(request, b.sink()));
      ASSERT_TRUE(with->run(request, [&](const Event& e) {
        inner(e);
        if (const auto* token = std::get_if<TokenLogprobs>(&e)) answer.push_back(token->sampled.token);
      }));
      EXPECT_EQ(a.events, b.events);
      EXPECT_EQ(a.started.cached_tokens, b.started.cached_tokens);
      EXPECT_EQ(a.started.cached_tokens > 0, turn > 0);
      request.prompt.insert(request.prompt.end(), answer.begin(), answer.end());
      for (int i = 0; i < 10; ++i) request.prompt.push_back(testing::kLetter + turn);
    }
  }
}

TEST_F(SpeculationTest, ACancelFromTheSinkEndsAtTheSameToken) {
  for (bool speculative : {false, true}) {
    HostileDrafter drafter(Guessing::perfect);
    Request request = testing::sampled_request(1, 20, 100);
    (void)plain(request, 0, &drafter);
    FakeDecoder decoder(sized());
    EngineOptions options;
    if (speculative) options.drafting = {&drafter, 8, false};
    auto engine = make(decoder, options);
    Recorder recorder;
    auto inner = recorder.sink();
    RequestId id = 0;
    int tokens = 0;
    auto submitted = engine->submit(request, [&](const Event& e) {
      inner(e);
      if (std::holds_alternative<TokenLogprobs>(e) && ++tokens == 30) engine->cancel(id);
    });
    ASSERT_TRUE(submitted);
    id = *submitted;
    while (engine->step()) {
    }
    EXPECT_EQ(recorder.reasons, std::vector{FinishReason::cancelled});
    EXPECT_EQ(recorder.finished[0].usage.completion_tokens, 30u);
    EXPECT_TRUE(decoder.all_free());
  }
}

TEST_F(SpeculationTest, BrokenLogitsCountWhereTheAnswerReachesThem) {
  Request request = testing::sampled_request(1, 5, 50);
  for (Guessing kind : {Guessing::perfect, Guessing::wrong}) {
    for (bool break_guesses : {false, true}) {
      HostileDrafter drafter(kind);
      (void)plain(request, 0, &drafter);
      FakeDecoder decoder(sized());
      soften(decoder);
      std::vector<std::int32_t> truth = drafter.answers[{request.prompt, 0}];
      decoder.broken = [&](std::span<const std::int32_t> ids) {
        bool ours = ids.size() > 5 && std::equal(ids.begin() + 5, ids.end(), truth.begin());
        return break_guesses ? ids.size() > 5 && !ours : ids.size() == 5 + 20;
      };
      EngineOptions options;
      options.drafting = {&drafter, 8, false};
      Recorder recorder;
      auto done = make(decoder, options)->run(request, recorder.sink());
      EXPECT_EQ(done.has_value(), break_guesses);
      if (break_guesses) {
        EXPECT_EQ(recorder.events, plain(request, 0));
      } else {
        EXPECT_EQ(std::count_if(recorder.events.begin(), recorder.events.end(),
                                [](const std::string& e) { return e.starts_with("0 token"); }),
                  20);
      }
      EXPECT_TRUE(decoder.all_free());
    }
  }
}

TEST_F(SpeculationTest, PromptsAndSmallBatchesComeFirst) {
  HostileDrafter drafter(Guessing::wrong);
  FakeDecoder decoder(sized(0, 3));
  EngineOptions options;
  options.chunk = 10;
  options.prefix_cache = false;
  options.drafting = {&drafter, 100, false};
  auto engine = make(decoder, options);
  Recorder a, b;
  ASSERT_TRUE(engine->submit(testing::sampled_request(1, 8, 30), a.sink()));
  engine->step();
  engine->step();
  ASSERT_TRUE(engine->submit(testing::sampled_request(2, 35, 5), b.sink()));
  for (int i = 0; i < 5; ++i) engine->step();
  EXPECT_EQ(decoder.batches, (std::vector<std::uint32_t>{8, 4, 11, 11, 11, 6, 5}));
  FakeDecoder bare;
  auto refused = Engine::create(bare, tokenizer, {.drafting = {&drafter, 4, true}});
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().what.find("rows of logits"), std::string::npos);
}

TEST_F(SpeculationTest, VocabulariesAreComparedTokenByToken) {
  EXPECT_TRUE(same_vocabulary(tokenizer, testing::small_tokenizer()));
  auto other = [&](auto change) {
    text::Vocabulary v;
    for (std::uint32_t i = 0; i < tokenizer.size(); ++i) {
      v.tokens.add(tokenizer.token_text(static_cast<text::TokenId>(i)));
      v.types.push_back(tokenizer.token_type(static_cast<text::TokenId>(i)));
      v.scores.push_back(0);
    }
    v.end_of_generation = {testing::kEos};
    change(v);
    auto made = text::Tokenizer::create(std::move(v));
    EXPECT_TRUE(made);
    auto same = same_vocabulary(tokenizer, *made);
    return same ? std::string() : same.error().what;
  };
  EXPECT_EQ(other([](text::Vocabulary&) {}), "");
  EXPECT_NE(other([](text::Vocabulary& v) {
              v.tokens.add("more");
              v.types.push_back(text::TokenType::normal);
              v.scores.push_back(0);
            }).find("294 tokens, the model 293"),
            std::string::npos);
  EXPECT_NE(other([](text::Vocabulary& v) { v.end_of_generation = {}; }).find("token 2 is '</s>'"), std::string::npos);
  EXPECT_NE(other([](text::Vocabulary& v) {
              v.types[testing::kLetter] = text::TokenType::control;
            }).find("token 259 is 'a' in the draft model, 'a' in the model with another meaning"),
            std::string::npos);
}

TEST_F(SpeculationTest, ScriptsAreSpoiledWhereTheyShould) {
  EXPECT_EQ(ScriptedDrafter::spoiled({1, 2, 3, 4, 9, 6}, 5, 10), (std::vector<std::int32_t>{1, 2, 3, 4, 0, 6}));
}

}  // namespace
}  // namespace freehold::engine
