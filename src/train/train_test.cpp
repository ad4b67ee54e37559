// The trainer over tiny models of every family: its forward pass is serving's to the bit, its gradients are the slope
// of its loss, and nothing depends on threads or packing.
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <span>
#include <utility>

#include "base/sanitized_testing.h"
#include "train/adamw.h"
#include "train/full_model.h"
#include "train/model_testing.h"
#include "train/nf4_base.h"
#include "train/pass.h"
#include "train/step.h"

namespace freehold::train {
namespace {

constexpr PassLimits kLimits{128, 8};
constexpr std::string_view kFamilies[] = {"tiny-llama", "tiny-mixtral", "tiny-llama3", "tiny-mistral",
                                          "tiny-qwen2", "tiny-qwen3",   "tiny-gemma2", "tiny-gemma3"};

// All of them; a dense one and a mixture where a sanitizer makes each take many seconds.
std::span<const std::string_view> families() {
  return std::span(kFamilies).first(kSanitized ? 2 : std::size(kFamilies));
}

std::unique_ptr<Pass> make_pass(const Trainable& model, ThreadPool& pool,
                                kernel::Level level = kernel::detect_level()) {
  auto pass = Pass::create(model, pool, kernel::table_up_to(level), kLimits);
  EXPECT_TRUE(pass.has_value()) << pass.error().what;
  return std::move(*pass);
}

std::vector<float> all_logits(Pass& pass, const Trainable& model, const std::vector<std::int32_t>& ids,
                              const model::Adapter* adapter) {
  const std::span<const std::int32_t> sequence = ids;
  EXPECT_TRUE(pass.forward({&sequence, 1}, adapter).has_value());
  std::vector<std::uint32_t> rows(ids.size());
  for (std::uint32_t i = 0; i < rows.size(); ++i) rows[i] = i;
  std::vector<float> out(ids.size() * model.spec().vocab);
  pass.logits(rows, out);
  return out;
}

// Promise 2: the trainer's logits are the server's, for the base and for base + adapter, alone and in a batch with
// other adapters, whatever the threads.
TEST_F(TrainTest, TrainerIsServer) {
  for (std::string_view shape : families()) {
    for (std::string_view type : {"F16", "BF16", "Q8_0", "Q4_K_M", "NF4"}) {
      if (type == "NF4" && shape != "tiny-llama" && shape != "tiny-mixtral") continue;
      SCOPED_TRACE(testing::Message() << shape << " " << type);
      const auto base = type == "NF4" ? *load_as_nf4(checkpoint(shape, "BF16"), pool) : served(shape, type);
      const std::uint32_t V = base->spec().vocab;
      const std::uint32_t E = base->spec().experts;
      const auto first = adapted(base, pool, everywhere(3, false, E), 1),
                 second = adapted(base, pool, everywhere(5, true, E), 2);
      const auto ids = tokens(41, 1, V), others = tokens(17, 2, V);
      std::vector<float> trained[3];
      for (int threads : {1, 2}) {
        ThreadPool own(threads);
        const auto one = make_pass(*first, own);
        const auto two = make_pass(*second, own);
        const std::vector<float> now[3] = {all_logits(*one, *first, ids, first->adapter()),
                                           all_logits(*two, *second, others, second->adapter()),
                                           all_logits(*one, *first, ids, nullptr)};
        for (int i = 0; i < 3; ++i) {
          if (threads == 1) {
            trained[i] = now[i];
          } else {
            ASSERT_EQ(std::memcmp(trained[i].data(), now[i].data(), now[i].size() * sizeof(float)), 0) << i;
          }
        }
        ASSERT_NE(std::memcmp(now[0].data(), now[2].data(), now[0].size() * sizeof(float)), 0)
            << "the adapter does nothing";
        // All three in one batch.
        model::Executor executor(base, own, kernel::table_up_to(kernel::detect_level()), 128, 64, 128, 5);
        auto cache = model::KvCache::create(model::KvLayout(base->spec()), 512, 3, 128, 64);
        ASSERT_TRUE(cache.has_value());
        model::KvSequence sequences[3];
        for (auto& s : sequences) {
          s = (*cache)->new_sequence();
          ASSERT_TRUE(s.reserve(41).has_value());
        }
        using model::LogitsWanted;
        const model::BatchItem items[] = {{&sequences[0], ids, LogitsWanted::all, {}, first->adapter()},
                                          {&sequences[1], others, LogitsWanted::all, {}, second->adapter()},
                                          {&sequences[2], ids, LogitsWanted::all, {}, nullptr}};
        std::vector<float> logits((41 + 17 + 41) * std::size_t{V});
        ASSERT_TRUE(executor.forward(items, logits).has_value());
        const float* at = logits.data();
        for (const auto& expected : now) {
          ASSERT_EQ(std::memcmp(at, expected.data(), expected.size() * sizeof(float)), 0);
          at += expected.size();
        }
      }
    }
  }
}

// The loss of some packed sequences, and its gradients if wanted.
struct Problem {
  std::vector<std::vector<std::int32_t>> sequences;
  std::vector<nn::Target> targets;
  nn::Dropout dropout{};

  explicit Problem(std::uint32_t vocab) {
    std::uint32_t row = 0;
    for (std::size_t n : {37, 1, 12}) {
      sequences.push_back(TrainTest::tokens(n, 10 + n, vocab));
      for (std::uint32_t i = 0; i + 1 < n; ++i, ++row) {
        if (i % 4 != 2) targets.push_back({row, sequences.back()[i + 1], 0.05f});
      }
      ++row;
    }
  }
  double loss(Pass& pass, const Trainable& model, bool backward) const {
    std::vector<std::span<const std::int32_t>> spans(sequences.begin(), sequences.end());
    EXPECT_TRUE(pass.forward(spans, model.adapter(), dropout).has_value());
    std::vector<float> loss(targets.size());
    if (backward) {
      pass.backward(targets, loss);
    } else {
      pass.losses(targets, loss);
    }
    double sum = 0;
    for (std::size_t i = 0; i < loss.size(); ++i)
      sum += static_cast<double>(targets[i].weight) * static_cast<double>(loss[i]);
    return sum;
  }
};

// Moves every parameter along its own gradient g, both ways: the loss must change by 2 h |g|.
void expect_slopes(Trainable& model, ThreadPool& pool, Pass& pass, const Problem& problem) {
  zero_gradients(pool, model.parameters());
  const double loss = problem.loss(pass, model, true);
  EXPECT_EQ(loss, problem.loss(pass, model, false));
  for (Parameter& p : model.parameters()) {
    double norm = 0;
    for (float g : p.gradient) norm += static_cast<double>(g) * static_cast<double>(g);
    norm = std::sqrt(norm);
    ASSERT_GT(norm, 1e-4) << p.name << ": no gradient";
    const double h = 4e-3 / std::max(norm, 0.05);
    const std::vector<float> before(p.value.begin(), p.value.end());
    double moved[2];
    for (int side = 0; side < 2; ++side) {
      for (std::size_t i = 0; i < before.size(); ++i) {
        p.value[i] = static_cast<float>(static_cast<double>(before[i]) +
                                        (side == 0 ? h : -h) * static_cast<double>(p.gradient[i]) / norm);
      }
      ASSERT_TRUE(model.refresh().has_value());
      moved[side] = problem.loss(pass, model, false);
    }
    std::copy(before.begin(), before.end(), p.value.begin());
    ASSERT_TRUE(model.refresh().has_value());
    EXPECT_NEAR((moved[0] - moved[1]) / (2 * h), norm, 0.02 * norm + 2e-4) << p.name;
  }
}

// A mixture's tokens go through all of its experts: a step that changes the choice has no slope
// (model/feed_forward_test.cpp has the gradients of a choice).
TEST_F(TrainTest, EveryWeightsGradientIsItsSlope) {
  for (std::string_view shape : families()) {
    SCOPED_TRACE(shape);
    auto model = FullModel::load(*checkpoint(every_expert(shape), "F32"), pool);
    ASSERT_TRUE(model.has_value()) << model.error().what;
    const auto pass = make_pass(**model, pool);
    expect_slopes(**model, pool, *pass, Problem((*model)->spec().vocab));
  }
}

TEST_F(TrainTest, EveryAdaptersGradientIsItsSlope) {
  for (std::string_view shape : families()) {
    SCOPED_TRACE(shape);
    const auto base = served(every_expert(shape), "F16");
    const auto lora = adapted(base, pool, everywhere(3, false, base->spec().experts));
    const auto pass = make_pass(*lora, pool);
    Problem problem(lora->spec().vocab);
    problem.dropout = {0.25f, 7, 3};
    expect_slopes(*lora, pool, *pass, problem);
  }
}

// Same bits for every thread count and level.
TEST_F(TrainTest, GradientsAreDeterministic) {
  struct Case {
    std::string_view shape, type;
    bool dora;
    std::uint32_t experts;
  };
  for (const auto& [shape, type, dora, experts] :
       {Case{"tiny-qwen3", "F16", true, 0}, {"tiny-qwen3", "Q4_0", false, 0}, {"tiny-mixtral", "Q8_0", true, 4}}) {
    std::vector<float> first;
    for (int l = 0; l <= static_cast<int>(kernel::detect_level()); ++l) {
      for (int threads : {1, 2, 3}) {
        if (kSanitized && threads != 2) continue;
        ThreadPool own(threads);
        const auto lora = adapted(served(shape, type), own, everywhere(dora ? 4 : 3, dora, experts));
        const auto pass = make_pass(*lora, own, static_cast<kernel::Level>(l));
        zero_gradients(own, lora->parameters());
        Problem problem(lora->spec().vocab);
        problem.dropout = {0.1f, 7, 3};
        (void)problem.loss(*pass, *lora, true);
        std::vector<float> got;
        for (const Parameter& p : lora->parameters()) got.insert(got.end(), p.gradient.begin(), p.gradient.end());
        if (first.empty()) first = got;
        ASSERT_EQ(std::memcmp(first.data(), got.data(), got.size() * sizeof(float)), 0)
            << shape << " " << type << ", level " << l << ", " << threads << " threads";
      }
    }
  }
}

// A sequence's losses do not depend on what it is packed with.
TEST_F(TrainTest, PackingChangesNoLoss) {
  const auto lora = adapted(served("tiny-gemma3", "Q8_0"), pool, everywhere(2));
  const auto pass = make_pass(*lora, pool);
  const Problem packed(lora->spec().vocab);
  std::vector<std::span<const std::int32_t>> spans(packed.sequences.begin(), packed.sequences.end());
  ASSERT_TRUE(pass->forward(spans, lora->adapter()).has_value());
  std::vector<float> together(packed.targets.size());
  pass->losses(packed.targets, together);
  std::size_t i = 0;
  std::uint32_t row = 0;
  for (const auto& sequence : packed.sequences) {
    const std::span<const std::int32_t> alone = sequence;
    ASSERT_TRUE(pass->forward({&alone, 1}, lora->adapter()).has_value());
    for (; i < packed.targets.size() && packed.targets[i].row < row + sequence.size(); ++i) {
      const nn::Target t{packed.targets[i].row - row, packed.targets[i].target};
      float loss = 0;
      pass->losses({&t, 1}, {&loss, 1});
      ASSERT_EQ(loss, together[i]);
    }
    row += static_cast<std::uint32_t>(sequence.size());
  }
  EXPECT_EQ(i, packed.targets.size());
}

TEST_F(TrainTest, RefusesWhatItCannotDo) {
  const auto lora = adapted(served("tiny-llama", "F16"), pool, all_sites(2));
  const auto pass = make_pass(*lora, pool);
  const std::vector<std::int32_t> beyond = {1, static_cast<std::int32_t>(lora->spec().vocab)}, negative = {-1}, none,
                                  many(kLimits.tokens + 1, 1);
  for (const auto* bad : {&beyond, &negative, &none, &many}) {
    const std::span<const std::int32_t> sequence = *bad;
    const auto done = pass->forward({&sequence, 1}, nullptr);
    ASSERT_FALSE(done.has_value());
    EXPECT_EQ(done.error().code, Errc::invalid);
  }
  AdamW optimiser({}, lora->parameters());
  auto code = [&](const MicroBatch& batch, Mean mean) {
    StepOptions options;
    options.mean = mean;
    const auto done = step(*lora, *pass, optimiser, pool, {&batch, 1}, options);
    return done ? std::optional<Errc>() : done.error().code;
  };
  EXPECT_EQ(code({{{1, 2}, {kIgnored, kIgnored}}}, Mean::tokens), Errc::invalid);  // nothing is scored
  EXPECT_EQ(code({{{1, 2}, {kIgnored, kIgnored}}}, Mean::micro_means), Errc::invalid);
  EXPECT_EQ(code({{{1, 2}, {kIgnored, 1 << 30}}}, Mean::tokens), Errc::invalid);  // a label beyond the vocabulary
  EXPECT_EQ(code({}, Mean::tokens), Errc::invalid);
  EXPECT_EQ(optimiser.steps(), 0u);
  EXPECT_EQ(code({{{1, 2}, {kIgnored, 2}}}, Mean::tokens), std::nullopt);
}

// A learning rate that breaks the model is said, not carried on with.
TEST_F(TrainTest, DivergenceIsAnError) {
  const auto lora = adapted(served("tiny-llama", "F16"), pool, all_sites(2));
  const auto pass = make_pass(*lora, pool);
  AdamW optimiser({}, lora->parameters());
  const MicroBatch batch = {{{1, 2, 3}, {kIgnored, 2, 3}}};
  StepOptions options;
  options.learning_rate = 1e38;
  std::optional<Errc> code;
  for (int i = 0; i < 4 && !code; ++i) {
    const auto done = step(*lora, *pass, optimiser, pool, {&batch, 1}, options);
    if (!done) code = done.error().code;
  }
  EXPECT_EQ(code, Errc::corrupt);
}

}  // namespace
}  // namespace freehold::train
