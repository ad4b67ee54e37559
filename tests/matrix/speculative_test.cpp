// Promise 1, {plain, speculative}: for every family, requests of all kinds give the same events, bit for bit (text,
// tokens, log-probabilities, reasons), whatever is guessed, alone and in a batch of 7, by every kernel level.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/random.h"
#include "base/thread_pool.h"
#include "engine/drafting/draft_model.h"
#include "engine/drafting/ngram.h"
#include "engine/engine.h"
#include "engine/model_decoder.h"
#include "engine/test_support.h"
#include "format/checkpoint.h"
#include "kernel/kernels.h"
#include "model/model.h"
#include "model/tokenizer_loader.h"
#include "store/synth/synth.h"

namespace freehold {
namespace {

using engine::testing::Recorder;

constexpr std::uint32_t kRequests = 7;
constexpr std::uint32_t kContext = 128;

struct Made {
  std::string bytes;
  std::shared_ptr<const format::Checkpoint> checkpoint;
  std::shared_ptr<const model::Model> model;
};

void make(const store::Shape& shape, std::string_view type, std::uint64_t seed, Made& made) {
  ThreadPool pool(2);
  ASSERT_TRUE(
      store::synthesise({shape, store::weight_type_from_name(type).value(), seed}, pool, [&](Bytes b) -> Result<> {
        made.bytes.append(as_text(b));
        return {};
      }));
  auto gguf = format::parse_gguf(as_bytes(made.bytes));
  ASSERT_TRUE(gguf);
  made.checkpoint = std::make_shared<format::Checkpoint>(std::move(*gguf));
  auto loaded = model::Model::load(made.checkpoint, pool);
  ASSERT_TRUE(loaded) << loaded.error().what;
  made.model = *loaded;
}

engine::Request request_of(std::uint64_t seed, std::uint32_t vocab) {
  auto u = [&](std::uint64_t i) { return uniform_draw(seed, 91, i); };
  engine::Request r;
  for (std::uint32_t i = 0; i < 3 + u(0) * 60; ++i) {
    // Twice the same, so that there is something to look up.
    r.prompt.push_back(i >= 20 && i < 40 ? r.prompt[i - 20]
                                         : static_cast<std::int32_t>(uniform_draw(seed, 92, i) * vocab));
  }
  r.seed = seed;
  r.max_tokens = 10 + static_cast<std::uint32_t>(u(1) * 40);
  r.logprobs = 2;
  r.n = u(2) < 0.25 ? 2 : 1;
  r.sampling.temperature = u(3) < 0.4 ? 0 : u(3) < 0.7 ? 0.3 : 1;
  if (u(4) < 0.5) r.sampling.top_p = 0.7;
  if (u(5) < 0.5) r.sampling.repetition_penalty = 1.2;
  if (u(6) < 0.5) r.sampling.presence_penalty = 0.4;
  if (u(7) < 0.5) r.stop = {"e", " t"};
  if (u(8) < 0.5) r.sampling.logit_bias = {{static_cast<std::int32_t>(u(9) * vocab), 3.0}};
  return r;
}

// Guesses the plain answers, with errors: every token is right with a probability.
class Knowing final : public engine::Drafter {
 public:
  std::map<std::pair<std::uint64_t, std::uint32_t>, std::vector<std::int32_t>> answers;  // by seed and choice
  double right = 1;

  std::unique_ptr<engine::DraftState> start(const engine::Request&, std::uint32_t, std::uint32_t) override {
    return nullptr;
  }
  void propose(std::span<engine::DraftQuery> queries) override {
    for (engine::DraftQuery& q : queries) {
      const auto& answer = answers[{q.request->seed, q.choice}];
      for (std::size_t i = 0; i < q.draft.size(); ++i) {
        const std::size_t at = q.sampled + i;
        q.draft[i] = at < answer.size() ? answer[at] : 0;
        if (uniform_draw(q.request->seed, at, i) >= right) q.draft[i] += 1 - 2 * (q.draft[i] > 0 ? 1 : 0);
      }
      q.count = static_cast<std::uint32_t>(q.draft.size());
    }
  }
};

struct Way {
  kernel::Level level = kernel::Level::scalar;
  int threads = 1;
  bool together = false;
  engine::Drafter* drafter = nullptr;
  std::uint32_t most = 4;
};

// Each request's events by choice; of a plain run also the tokens. Counts what was accepted.
std::vector<std::vector<std::string>> run(const Made& made, const text::Tokenizer& tokenizer, const Way& way,
                                          std::uint64_t& accepted, Knowing* tell = nullptr) {
  ThreadPool pool(way.threads);
  auto decoder = engine::ModelDecoder::create(made.model, pool, kernel::table_up_to(way.level),
                                              {.context = kContext, .sequences = 8, .chunk = 24, .drafted = 20});
  EXPECT_TRUE(decoder) << decoder.error().what;
  auto engine = engine::Engine::create(
      **decoder, tokenizer,
      {.max_sequences = 8, .chunk = 24, .prefix_cache = false, .drafting = {way.drafter, way.most, false}});
  EXPECT_TRUE(engine);
  std::vector<Recorder> recorders(kRequests);
  for (std::uint64_t i = 0; i < kRequests; ++i) {
    engine::EventSink inner = recorders[i].sink();
    auto sink = [tell, inner, i](const engine::Event& e) {
      inner(e);
      const auto* token = std::get_if<engine::TokenLogprobs>(&e);
      if (tell != nullptr && token != nullptr) tell->answers[{i, token->choice}].push_back(token->sampled.token);
    };
    EXPECT_TRUE((*engine)->submit(request_of(i, made.model->spec().vocab), sink));
    while (!way.together && (*engine)->step()) {
    }
  }
  while ((*engine)->step()) {
  }
  accepted += (*engine)->counters().accepted_tokens;
  std::vector<std::vector<std::string>> events;
  for (Recorder& r : recorders) {
    EXPECT_EQ(r.error, "");
    std::stable_sort(r.events.begin(), r.events.end(), [](const auto& a, const auto& b) {
      return (a[0] == 's' ? 0 : a[0]) < (b[0] == 's' ? 0 : b[0]);  // "started", then by the choice's digit
    });
    events.push_back(std::move(r.events));
  }
  return events;
}

// Every family has one of the two in turn; FREEHOLD_MATRIX=full, as in `./dev nightly`, gives it both.
std::vector<const char*> types_of(const store::Shape& shape) {
  const char* wish = std::getenv("FREEHOLD_MATRIX");
  if (wish != nullptr && std::string_view(wish) == "full") return {"f32", "q4_k"};
  return {(&shape - store::all_shapes().data()) % 2 == 0 ? "f32" : "q4_k"};
}

class Speculative : public testing::TestWithParam<std::string> {};

TEST_P(Speculative, GuessesMoveNoBit) {
  const store::Shape* shape = store::shape_from_name(GetParam());
  ASSERT_NE(shape, nullptr);
  for (const char* type : types_of(*shape)) {
    Made made;
    make(*shape, type, 0, made);
    ASSERT_TRUE(made.model);
    auto vocabulary = model::load_tokenizer(*made.checkpoint);
    ASSERT_TRUE(vocabulary);
    const text::Tokenizer& tokenizer = vocabulary->tokenizer;
    ThreadPool pool(1);
    auto draft_decoder = engine::ModelDecoder::create(made.model, pool, kernel::table_up_to(kernel::detect_level()),
                                                      {.context = kContext, .sequences = 8, .chunk = 24});
    ASSERT_TRUE(draft_decoder);

    Knowing knowing, halting;
    std::uint64_t accepted = 0, by_script = 0, by_model = 0;
    const auto expected = run(made, tokenizer, {}, accepted, &knowing);
    ASSERT_EQ(accepted, 0u);
    halting.answers = knowing.answers;
    halting.right = 0.7;
    engine::NgramDrafter ngram;
    engine::ModelDrafter small(**draft_decoder, tokenizer);
    const kernel::Level best = kernel::detect_level();
    for (kernel::Level level : {kernel::Level::scalar, kernel::Level::avx2, best}) {
      if (level > best) continue;
      EXPECT_EQ(run(made, tokenizer, {level, 2, true, &halting, 6}, by_script), expected)
          << type << ", " << kernel::name_of(level) << ", halting";
    }
    for (bool together : {false, true}) {
      const std::string where = std::string(type) + (together ? ", in a batch of 7" : ", alone");
      EXPECT_EQ(run(made, tokenizer, {best, 2, together, nullptr}, accepted), expected) << where << ", plain";
      EXPECT_EQ(run(made, tokenizer, {best, 2, together, &knowing, 7}, by_script), expected) << where << ", right";
      EXPECT_EQ(run(made, tokenizer, {best, 1, together, &halting, 5}, by_script), expected) << where << ", halting";
      EXPECT_EQ(run(made, tokenizer, {best, 2, together, &ngram, 16}, accepted), expected) << where << ", looked up";
      EXPECT_EQ(run(made, tokenizer, {best, 2, together, &small, 3}, by_model), expected) << where << ", by a model";
    }
    EXPECT_GT(by_script, 500u);
    EXPECT_GT(by_model, 100u);
  }
}

INSTANTIATE_TEST_SUITE_P(Families, Speculative,
                         testing::Values("tiny-llama", "tiny-llama3", "tiny-mistral", "tiny-mixtral", "tiny-qwen2",
                                         "tiny-qwen3", "tiny-gemma2", "tiny-gemma3"),
                         [](const auto& test) {
                           std::string name = test.param;
                           for (char& c : name) c = c == '-' ? '_' : c;
                           return name;
                         });

}  // namespace
}  // namespace freehold
