// What may be chosen in training without changing a bit (memory for tapes, threads, levels), and what changes them by
// name (BF16 products): there, too, the trainer is the server.
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>

#include "base/sanitized_testing.h"
#include "model/weights.h"
#include "train/full_model.h"
#include "train/model_testing.h"
#include "train/pass.h"
#include "train/step.h"

namespace freehold::train {
namespace {

constexpr std::uint32_t kTokens = 112;

std::vector<float> gradients_of(Trainable& model, Pass& pass, ThreadPool& pool, int backwards = 1) {
  const std::uint32_t V = model.spec().vocab;
  const std::vector<std::vector<std::int32_t>> ids = {TrainTest::tokens(70, 1, V), TrainTest::tokens(42, 2, V)};
  const std::vector<std::span<const std::int32_t>> sequences(ids.begin(), ids.end());
  std::vector<nn::Target> targets;
  for (std::uint32_t row = 0; row < kTokens; ++row) {
    targets.push_back({row, static_cast<std::int32_t>(row * 7 % V), 0.02f});
  }
  std::vector<float> loss(targets.size());
  EXPECT_TRUE(pass.forward(sequences, model.adapter(), {0.1f, 3, 1}).has_value());
  zero_gradients(pool, model.parameters());
  for (int i = 0; i < backwards; ++i) pass.backward(targets, loss);
  std::vector<float> all = loss;
  for (const Parameter& p : model.parameters()) all.insert(all.end(), p.gradient.begin(), p.gradient.end());
  return all;
}

bool equal(const std::vector<float>& a, const std::vector<float>& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0;
}

// Whatever the tapes, in exactly the memory that was asked for.
void expect_no_bit_from_tapes(LoraModel& lora, ThreadPool& pool) {
  const auto& kernels = kernel::table_up_to(kernel::detect_level());
  PassLimits limits{kTokens, 2};
  const std::uint64_t tape = Pass::bytes_of_tape(lora.spec(), limits, model::KvChoice::automatic);
  std::vector<float> once, twice;
  for (std::uint64_t more : {0, 1, 2, 3, 9}) {
    SCOPED_TRACE(more);
    limits.tape_bytes = more * tape;
    const std::uint64_t kept = std::min<std::uint64_t>(more, lora.spec().blocks.size() - 1);
    PassLimits none = limits;
    none.tape_bytes = 0;
    EXPECT_EQ(Pass::bytes(lora.spec(), {4}, 2, limits, model::KvChoice::automatic),
              Pass::bytes(lora.spec(), {4}, 2, none, model::KvChoice::automatic) + kept * tape);
    const auto pass = Pass::create(lora, pool, kernels, limits);
    ASSERT_TRUE(pass.has_value());
    const auto got = gradients_of(lora, **pass, pool);
    // Again over the same forward pass, when tapes hold other blocks than after it.
    const auto again = gradients_of(lora, **pass, pool, 2);
    if (more == 0) once = got, twice = again;
    EXPECT_TRUE(equal(got, once));
    EXPECT_TRUE(equal(again, twice));
  }
}

TEST_F(TrainTest, TapesChangeNoBit) {
  expect_no_bit_from_tapes(*adapted(served("tiny-gemma2", "Q4_K_M"), pool, everywhere(4)),
                           pool);                                       // blocks with windows
  const auto mixture = served(every_expert("tiny-mixtral"), "Q4_K_M");  // each expert's batch is as large as it can be
  expect_no_bit_from_tapes(*adapted(mixture, pool, all_sites(4, true, 2)), pool);
}

TEST_F(TrainTest, Bf16ProductsAreTheSameEverywhere) {
  for (const bool full : {false, true}) {
    std::vector<float> first, exact;
    for (int l = 0; l <= static_cast<int>(kernel::detect_level()); ++l) {
      for (int threads : {1, 2, 3}) {
        if (kSanitized && threads != 2) continue;
        ThreadPool own(threads);
        std::unique_ptr<Trainable> model;
        if (full) {
          auto loaded = FullModel::load(*checkpoint("tiny-llama", "F32"), own, Precision::bf16);
          ASSERT_TRUE(loaded.has_value()) << loaded.error().what;
          model = std::move(*loaded);
        } else {
          model = adapted(served("tiny-llama", "Q4_0"), own, everywhere(4));
        }
        const auto& kernels = kernel::table_up_to(static_cast<kernel::Level>(l));
        auto run = [&](nn::BackwardProducts products) {
          const auto pass = Pass::create(*model, own, kernels, {kTokens, 2}, model::KvChoice::automatic, products);
          EXPECT_TRUE(pass.has_value());
          return gradients_of(*model, **pass, own);
        };
        const auto got = run(nn::BackwardProducts::bf16);
        if (first.empty()) first = got, exact = run(nn::BackwardProducts::f32);
        ASSERT_TRUE(equal(first, got)) << "level " << l << ", " << threads << " threads";
      }
    }
    // Another result than float32's, but near it.
    EXPECT_FALSE(equal(first, exact));
    double error = 0, size = 0;
    for (std::size_t i = 0; i < first.size(); ++i) {
      const double e = static_cast<double>(first[i]) - static_cast<double>(exact[i]);
      error += e * e;
      size += static_cast<double>(exact[i]) * static_cast<double>(exact[i]);
    }
    EXPECT_LT(std::sqrt(error / size), 0.01) << full;
  }
}

// A model that learns in BF16 gives the logits of its values served as BF16.
TEST_F(TrainTest, Bf16TrainerIsTheBf16Server) {
  const auto base = served("tiny-llama", "BF16");
  auto model = FullModel::load(*checkpoint("tiny-llama", "BF16"), pool, Precision::bf16);
  ASSERT_TRUE(model.has_value()) << model.error().what;
  const auto& kernels = kernel::table_up_to(kernel::detect_level());
  const auto pass = Pass::create(**model, pool, kernels, {64, 1});
  ASSERT_TRUE(pass.has_value());
  const std::uint32_t V = base->spec().vocab;
  const auto ids = tokens(41, 1, V);
  const std::span<const std::int32_t> sequence = ids;
  auto trained = [&] {
    EXPECT_TRUE((*pass)->forward({&sequence, 1}, nullptr).has_value());
    std::vector<std::uint32_t> rows(ids.size());
    for (std::uint32_t i = 0; i < rows.size(); ++i) rows[i] = i;
    std::vector<float> out(ids.size() * V);
    (*pass)->logits(rows, out);
    return out;
  };
  model::Executor executor(base, pool, kernels, 64, 64, 64);
  auto cache = model::KvCache::create(model::KvLayout(base->spec()), 128, 1, 64, 64);
  ASSERT_TRUE(cache.has_value());
  auto s = (*cache)->new_sequence();
  ASSERT_TRUE(s.reserve(41).has_value());
  const model::BatchItem item{&s, ids, model::LogitsWanted::all};
  std::vector<float> logits(ids.size() * V);
  ASSERT_TRUE(executor.forward({&item, 1}, logits).has_value());
  EXPECT_TRUE(equal(trained(), logits));
  // Less than half a step of BF16 away, the rounded weights and so the logits stay; the values that learn do move.
  for (Parameter& p : (*model)->parameters()) {
    if (p.shape.size() > 1) {
      for (float& v : p.value) v *= 1.0f + 0x1p-11f;
    }
  }
  ASSERT_TRUE((*model)->refresh().has_value());
  EXPECT_TRUE(equal(trained(), logits));
}

}  // namespace
}  // namespace freehold::train
