// What is read of prompts: for every family, embeddings and log-probabilities of prompts are the same bits alone, in a
// batch with answers, in any chunks, on any number of threads and kernel level, and the log-probabilities are those of
// feeding the tokens one by one.
#include <gtest/gtest.h>

#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/random.h"
#include "base/thread_pool.h"
#include "engine/engine.h"
#include "engine/model_decoder.h"
#include "engine/sampling/logprobs.h"
#include "engine/test_support.h"
#include "format/checkpoint.h"
#include "kernel/kernels.h"
#include "model/model.h"
#include "store/synth/synth.h"

namespace freehold {
namespace {

constexpr std::uint32_t kContext = 128;
constexpr std::uint32_t kTexts = 4;

struct Made {
  std::string bytes;
  std::shared_ptr<const model::Model> model;
};

void make(const store::Shape& shape, std::string_view type, Made& made) {
  ThreadPool pool(2);
  ASSERT_TRUE(store::synthesise({shape, store::weight_type_from_name(type).value(), 0}, pool, [&](Bytes b) -> Result<> {
    made.bytes.append(as_text(b));
    return {};
  }));
  auto gguf = format::parse_gguf(as_bytes(made.bytes));
  ASSERT_TRUE(gguf);
  auto loaded = model::Model::load(std::make_shared<format::Checkpoint>(std::move(*gguf)), pool);
  ASSERT_TRUE(loaded) << loaded.error().what;
  made.model = *loaded;
}

std::vector<std::int32_t> text_of(std::uint32_t i, std::uint32_t vocab) {
  std::vector<std::int32_t> ids(1 + 23 * i);
  for (std::size_t t = 0; t < ids.size(); ++t) ids[t] = static_cast<std::int32_t>(uniform_draw(7, i, t) * vocab);
  return ids;
}

struct Way {
  kernel::Level level = kernel::Level::scalar;
  int threads = 1;
  std::uint32_t chunk = kContext;
  bool together = false;
};

// By text: the vectors of the three poolings, and the log-probabilities of its tokens with the two likeliest.
struct Read {
  std::vector<std::vector<float>> vectors;
  std::vector<std::vector<double>> scores;
  bool operator==(const Read&) const = default;
};

Read run(const Made& made, const text::Tokenizer& tokenizer, const Way& way) {
  ThreadPool pool(way.threads);
  const std::uint32_t V = made.model->spec().vocab;
  auto decoder = engine::ModelDecoder::create(made.model, pool, kernel::table_up_to(way.level),
                                              {.context = kContext, .sequences = 4, .chunk = way.chunk});
  EXPECT_TRUE(decoder) << decoder.error().what;
  auto engine = engine::Engine::create(**decoder, tokenizer, {.max_sequences = 4, .chunk = way.chunk});
  EXPECT_TRUE(engine);
  Read out;
  out.vectors.resize(std::size_t{3} * kTexts);
  out.scores.resize(kTexts);
  const auto alone = [&] {
    while (!way.together && (*engine)->step()) {
    }
  };
  for (std::uint32_t i = 0; i < kTexts; ++i) {
    for (std::uint32_t p = 0; p < 3; ++p) {
      engine::EmbedRequest embed;
      embed.tokens = text_of(i, V);
      embed.pooling = static_cast<engine::Pooling>(p);
      auto& vector = out.vectors[std::size_t{3} * i + p];
      EXPECT_TRUE((*engine)->submit(embed, [&vector](const engine::Event& e) {
        if (const auto* done = std::get_if<engine::Embedded>(&e))
          vector.assign(done->vector.begin(), done->vector.end());
      }));
      alone();
    }
    engine::Request score;
    score.prompt = text_of(i, V);
    score.prompt_logprobs = 2;
    score.score_only = i % 2 == 0;
    score.max_tokens = i % 2 == 0 ? 0 : 9;
    auto& scores = out.scores[i];
    EXPECT_TRUE((*engine)->submit(score, [&scores](const engine::Event& e) {
      const auto* p = std::get_if<engine::PromptLogprobs>(&e);
      if (p == nullptr || p->position == 0) return;
      scores.push_back(p->token.logprob);
      for (const auto& t : p->top) scores.push_back(t.logprob + t.token);
    }));
    alone();
  }
  while ((*engine)->step()) {
  }
  return out;
}

// Each token fed alone to the model.
std::vector<std::vector<double>> forced(const Made& made) {
  ThreadPool pool(1);
  const std::uint32_t V = made.model->spec().vocab;
  auto decoder = engine::ModelDecoder::create(made.model, pool, kernel::table_up_to(kernel::Level::scalar),
                                              {.context = kContext, .sequences = 1, .chunk = 1});
  EXPECT_TRUE(decoder);
  std::vector<float> logits(V);
  std::vector<std::vector<double>> out(kTexts);
  for (std::uint32_t i = 0; i < kTexts; ++i) {
    const auto ids = text_of(i, V);
    auto sequence = (*decoder)->cache().new_sequence();
    EXPECT_TRUE(sequence.reserve(static_cast<std::uint32_t>(ids.size())));
    for (std::size_t t = 0; t + 1 < ids.size(); ++t) {
      const model::BatchItem item{&sequence, std::span(ids).subspan(t, 1), model::LogitsWanted::last};
      EXPECT_TRUE((*decoder)->forward({&item, 1}, logits));
      const double sum = engine::log_sum_exp(logits);
      out[i].push_back(double{logits[static_cast<std::size_t>(ids[t + 1])]} - sum);
      std::vector<engine::TokenLogprob> top(2);
      engine::top_logprobs(logits, sum, top);
      for (const auto& l : top) out[i].push_back(l.logprob + l.token);
    }
  }
  return out;
}

// Every family has one of the two in turn; FREEHOLD_MATRIX=full, as in `./dev nightly`, gives it both.
std::vector<const char*> types_of(const store::Shape& shape) {
  const char* wish = std::getenv("FREEHOLD_MATRIX");
  if (wish != nullptr && std::string_view(wish) == "full") return {"f32", "q4_k"};
  return {(&shape - store::all_shapes().data()) % 2 == 0 ? "f32" : "q4_k"};
}

class Prompts : public testing::TestWithParam<std::string> {};

TEST_P(Prompts, AreReadTheSameEverywhere) {
  const store::Shape* shape = store::shape_from_name(GetParam());
  ASSERT_NE(shape, nullptr);
  const text::Tokenizer tokenizer = engine::testing::small_tokenizer();  // its texts are beside the point
  for (const char* type : types_of(*shape)) {
    Made made;
    make(*shape, type, made);
    ASSERT_TRUE(made.model);
    const Read expected = run(made, tokenizer, {});
    EXPECT_EQ(expected.scores, forced(made)) << type;
    for (const auto& v : expected.vectors) EXPECT_EQ(v.size(), made.model->spec().width);
    EXPECT_NE(expected.vectors[3], expected.vectors[4]);
    const kernel::Level best = kernel::detect_level();
    for (kernel::Level level : {kernel::Level::scalar, kernel::Level::avx2, best}) {
      if (level > best) continue;
      for (std::uint32_t chunk : {13u, kContext}) {
        if (level == kernel::Level::scalar && chunk != 13) continue;  // slow
        EXPECT_EQ(run(made, tokenizer, {level, 2, chunk, true}), expected) << type << ", " << kernel::name_of(level);
      }
      if (level == kernel::Level::scalar) continue;
      EXPECT_EQ(run(made, tokenizer, {level, 1, 1, false}), expected) << type << ", " << kernel::name_of(level);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Families, Prompts,
                         testing::Values("tiny-llama", "tiny-llama3", "tiny-mistral", "tiny-mixtral", "tiny-qwen2",
                                         "tiny-qwen3", "tiny-gemma2", "tiny-gemma3"),
                         [](const auto& test) {
                           std::string name = test.param;
                           for (char& c : name) c = c == '-' ? '_' : c;
                           return name;
                         });

}  // namespace
}  // namespace freehold
