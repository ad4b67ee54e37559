#include "store/synth/synth.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <set>
#include <string>
#include <vector>

#include "base/hash.h"
#include "base/sanitized_testing.h"
#include "format/gguf.h"
#include "kernel/blocks/dequantise.h"
#include "store/synth/plan.h"
#include "store/synth/random_blocks.h"
#include "store/synth/vocabulary.h"

namespace freehold::store {
namespace {

// The file as it would be written.
std::string make(const Shape& shape, std::string_view type, int threads = 2, std::uint64_t seed = 0) {
  ThreadPool pool(threads);
  std::string out;
  auto made = synthesise({shape, weight_type_from_name(type).value(), seed}, pool, [&](Bytes b) -> Result<> {
    out.append(as_text(b));
    return {};
  });
  EXPECT_TRUE(made) << shape.name << " " << type << ": " << made.error().what;
  return out;
}

TEST(Synth, ShapesHaveThePublishedNumberOfParameters) {
  // In millions, as the models' cards or their safetensors' headers say.
  const std::pair<const char*, double> published[] = {
      {"tinyllama-1.1b", 1100.05}, {"llama-2-7b", 6738.42},   {"llama-2-13b", 13015.86},    {"llama-3.1-8b", 8030.26},
      {"llama-3.2-1b", 1235.81},   {"mistral-7b", 7248.02},   {"mistral-7b-v0.1", 7241.73}, {"mixtral-8x7b", 46702.79},
      {"qwen2.5-0.5b", 494.03},    {"qwen2.5-7b", 7615.62},   {"qwen3-0.6b", 596.05},       {"qwen3-8b", 8190.74},
      {"gemma-2-2b", 2614.34},     {"gemma-2-9b", 9241.71},   {"gemma-3-1b", 999.89},       {"llama-2-70b", 68976.65},
      {"llama-3.1-70b", 70553.71}, {"llama-3.2-3b", 3212.75}, {"qwen2.5-1.5b", 1543.71},    {"qwen3-1.7b", 1720.57},
      {"qwen3-4b", 4022.47},       {"qwen2.5-3b", 3085.94},   {"qwen2.5-14b", 14770.03},    {"qwen2.5-32b", 32763.88},
      {"gemma-2-27b", 27227.13},
  };
  for (auto [name, millions] : published) {
    const Shape* shape = shape_from_name(name);
    ASSERT_NE(shape, nullptr) << name;
    // Llama 3's factors are a tensor in GGUF only: some dozens of numbers.
    EXPECT_NEAR(double(parameters(*shape)) / 1e6, millions, 0.006) << name;
  }
}

TEST(Synth, EveryTinyShapeIsAValidFileOfEveryType) {
  std::vector<std::string> types = {"q4_k_m", "q5_k_m", "q4_k_s"};
  for (const tensor::DTypeInfo& info : tensor::all_dtypes()) types.emplace_back(info.name);
  for (const Shape& shape : all_shapes()) {
    if (!shape.name.starts_with("tiny-") || shape.name.ends_with("b")) continue;
    for (const std::string& type : types) {
      const std::string bytes = make(shape, type);
      auto gguf = format::parse_gguf(as_bytes(bytes));
      ASSERT_TRUE(gguf) << shape.name << " " << type << ": " << gguf.error().what;
      EXPECT_EQ(gguf->tensors.size(), plan_tensors(shape).size());
      const tensor::View* q = gguf->find("blk.1.attn_q.weight");
      ASSERT_NE(q, nullptr);
      std::vector<float> values(q->elems());
      kernel::dequantise(q->type, q->bytes.data(), values.data(), values.size());
      double sum = 0, squares = 0;
      for (float v : values) {
        ASSERT_TRUE(std::isfinite(v)) << type;
        sum += v;
        squares += double(v) * v;
      }
      const double deviation = std::sqrt(squares / double(values.size()));
      EXPECT_NEAR(deviation * std::sqrt(shape.C), 1, type == "MXFP4" ? 0.42 : 0.08) << type;
      EXPECT_LT(std::fabs(sum / double(values.size())), 0.15 * deviation) << type;
    }
  }
}

TEST(Synth, BytesDoNotDependOnThreadsButOnTheSeed) {
  const Shape& shape = *shape_from_name("tiny-mixtral");
  const std::string one = make(shape, "q4_k_m", 1);
  EXPECT_TRUE(one == make(shape, "q4_k_m", 3));
  EXPECT_TRUE(one != make(shape, "q4_k_m", 1, 7));
  // A changed digest breaks everybody's comparisons: it must be meant.
  EXPECT_EQ(sha256(make(*shape_from_name("tiny-llama"), "f32")).hex(),
            "ebd245080b0fca8e7291264f9690c34bc94cfec19b21e65f6361dda06a71f467");
}

TEST(Synth, FloatTypesHoldTheSameNumbers) {
  const std::uint64_t key = stream_key(0, "blk.0.attn_q.weight");
  constexpr std::size_t kElems = 4097;
  for (double deviation : {1.0, 0.01, 1e-5}) {
    std::vector<float> f32(kElems), f16(kElems), bf16(kElems);
    std::vector<std::byte> halves(2 * kElems);
    draw_row(tensor::DType::f32, key, 3, 0, deviation, std::as_writable_bytes(std::span(f32)));
    draw_row(tensor::DType::f16, key, 3, 0, deviation, halves);
    kernel::dequantise(tensor::DType::f16, halves.data(), f16.data(), kElems);
    draw_row(tensor::DType::bf16, key, 3, 0, deviation, halves);
    kernel::dequantise(tensor::DType::bf16, halves.data(), bf16.data(), kElems);
    EXPECT_EQ(f32, f16);
    EXPECT_EQ(f32, bf16);
  }
}

TEST(Synth, VocabulariesHaveTheExactSizeAndNoDuplicates) {
  for (const Shape& shape : all_shapes()) {
    if (kSanitized && shape.V > 40'000) continue;  // seconds each
    format::Metadata metadata;
    add_vocabulary(shape, metadata);
    auto tokens = metadata.strings("tokenizer.ggml.tokens").value();
    EXPECT_EQ(tokens.size(), shape.V) << shape.name;
    EXPECT_EQ(std::set<std::string_view>(tokens.begin(), tokens.end()).size(), tokens.size()) << shape.name;
    EXPECT_EQ(metadata.find("tokenizer.ggml.token_type")->size(), shape.V);
  }
}

TEST(Synth, Llama3FactorsKeepFastPairsAndSlowDownSlowOnes) {
  auto factors = llama3_rope_factors(*shape_from_name("llama-3.1-8b"));
  ASSERT_EQ(factors.size(), 64u);
  EXPECT_EQ(factors.front(), 1.0F);
  EXPECT_EQ(factors.back(), 8.0F);
  for (std::size_t i = 1; i < factors.size(); ++i) EXPECT_GE(factors[i], factors[i - 1]);
}

TEST(Synth, TheSinkAndTheUserCanStopIt) {
  ThreadPool pool(1);
  const SynthOptions options{*shape_from_name("tiny-llama"), weight_type_from_name("q8_0").value()};
  std::uint64_t left = 300'000;
  auto full = synthesise(options, pool, [&](Bytes b) -> Result<> {
    if (b.size() > left) return fail(Errc::exhausted, "disk full");
    left -= b.size();
    return {};
  });
  ASSERT_FALSE(full);
  EXPECT_EQ(full.error().code, Errc::exhausted);
  auto stopped = synthesise(
      options, pool, [](Bytes) -> Result<> { return {}; }, [](auto, auto, auto) { return false; });
  ASSERT_FALSE(stopped);
  EXPECT_EQ(stopped.error().code, Errc::cancelled);
}

TEST(WeightType, NamesMixesAndBlockTypes) {
  EXPECT_EQ(weight_type_from_name("q4_k_m")->name, "Q4_K_M");
  EXPECT_EQ(weight_type_from_name("Q2_K")->base, tensor::DType::q2_k);
  EXPECT_EQ(file_type_number(*weight_type_from_name("q4_k_m")), 15u);
  auto bad = weight_type_from_name("q9\x1b");
  ASSERT_FALSE(bad);
  EXPECT_EQ(bad.error().code, Errc::invalid);
  EXPECT_EQ(bad.error().what.find('\x1b'), std::string::npos);
}

}  // namespace
}  // namespace freehold::store
