#include "kernel/blocks/mixes.h"

#include <gtest/gtest.h>

namespace freehold::kernel {
namespace {

using tensor::DType;

DType type_of(const char* mix, MixModel model, std::string_view name, std::vector<std::uint64_t> dims = {256, 256}) {
  MixChoice c = choose_type(*mix_from_name(mix), model, name, dims);
  EXPECT_EQ(c.note, "") << name;
  return c.type;
}

TEST(Mixes, NamesAreFoundInAnyCase) {
  for (const Mix& mix : all_mixes()) EXPECT_EQ(mix_from_name(mix.name), &mix);
  ASSERT_NE(mix_from_name("q4_k_m"), nullptr);
  EXPECT_EQ(mix_from_name("q4_k_m")->name, "Q4_K_M");
  EXPECT_EQ(mix_from_name("Q4_K"), nullptr);
  EXPECT_EQ(mix_from_name(""), nullptr);
}

TEST(Mixes, OutputAndEmbedding) {
  const MixModel tied{.layers = 2, .tied_output = true};
  const MixModel untied{.layers = 2};
  for (const char* mix : {"Q4_0", "Q4_K_M", "Q5_K_M", "Q6_K"}) {
    EXPECT_EQ(type_of(mix, tied, "token_embd.weight"), DType::q6_k) << mix;
    EXPECT_EQ(type_of(mix, untied, "output.weight"), DType::q6_k) << mix;
  }
  EXPECT_EQ(type_of("Q4_0", untied, "token_embd.weight"), DType::q4_0);
  EXPECT_EQ(type_of("Q8_0", tied, "token_embd.weight"), DType::q8_0);
  EXPECT_EQ(type_of("BF16", tied, "token_embd.weight"), DType::bf16);
}

TEST(Mixes, VectorsAndRoutersStayF32) {
  const MixModel model{.layers = 2, .experts = 8};
  EXPECT_EQ(type_of("Q4_0", model, "blk.0.attn_norm.weight", {256}), DType::f32);
  EXPECT_EQ(type_of("Q4_0", model, "output_norm.weight", {256}), DType::f32);
  EXPECT_EQ(type_of("F16", model, "blk.0.attn_q.bias", {256}), DType::f32);
  EXPECT_EQ(type_of("Q4_0", model, "blk.0.ffn_gate_inp.weight", {256, 8}), DType::f32);
}

TEST(Mixes, HalfOfTheLayersGetMore) {
  MixModel model{.layers = 32};
  int more = 0;
  for (unsigned i = 0; i < model.layers; ++i) {
    const std::string blk = "blk." + std::to_string(i) + ".";
    const DType v = type_of("Q4_K_M", model, blk + "attn_v.weight");
    EXPECT_EQ(v, type_of("Q4_K_M", model, blk + "ffn_down.weight"));
    EXPECT_EQ(type_of("Q4_K_M", model, blk + "ffn_up.weight"), DType::q4_k);
    EXPECT_EQ(type_of("Q5_K_M", model, blk + "attn_v.weight") == DType::q6_k, v == DType::q6_k);
    more += v == DType::q6_k;
  }
  EXPECT_EQ(more, 16);
  model.layers = 2;
  EXPECT_EQ(type_of("Q4_K_M", model, "blk.0.attn_v.weight"), DType::q4_k);
  EXPECT_EQ(type_of("Q4_K_M", model, "blk.1.attn_v.weight"), DType::q6_k);
}

TEST(Mixes, SmallOnesGiveTheFirstLayersMore) {
  const MixModel model{.layers = 32};
  EXPECT_EQ(type_of("Q4_K_S", model, "blk.3.attn_v.weight"), DType::q5_k);
  EXPECT_EQ(type_of("Q4_K_S", model, "blk.4.attn_v.weight"), DType::q4_k);
  EXPECT_EQ(type_of("Q4_K_S", model, "blk.3.ffn_down.weight"), DType::q5_k);
  EXPECT_EQ(type_of("Q4_K_S", model, "blk.31.ffn_down.weight"), DType::q4_k);
  EXPECT_EQ(type_of("Q5_K_S", model, "blk.0.attn_v.weight"), DType::q5_k);
}

TEST(Mixes, ExpertsShareTheirAttention) {
  const MixModel model{.layers = 32, .experts = 8};
  EXPECT_EQ(type_of("Q4_K_M", model, "blk.9.attn_k.weight"), DType::q8_0);
  EXPECT_EQ(type_of("Q4_K_M", model, "blk.9.attn_output.weight"), DType::q5_k);
  EXPECT_EQ(type_of("Q4_K_M", model, "blk.0.ffn_down_exps.weight", {256, 256, 8}), DType::q6_k);
  EXPECT_EQ(type_of("Q4_0", model, "blk.9.attn_k.weight"), DType::q4_0);
}

TEST(Mixes, RowsThatDoNotFitSayWhatTheyGet) {
  const MixModel model{.layers = 8};
  const std::uint64_t rows288[] = {288, 8};
  const std::uint64_t rows100[] = {100, 8};
  MixChoice c = choose_type(*mix_from_name("Q4_K_M"), model, "blk.3.ffn_up.weight", rows288);
  EXPECT_EQ(c.type, DType::q5_0);
  EXPECT_EQ(c.note, "rows of 288 are no multiple of 256: Q5_0 instead of Q4_K");
  EXPECT_EQ(choose_type(*mix_from_name("Q6_K"), model, "output.weight", rows288).type, DType::q8_0);
  c = choose_type(*mix_from_name("Q8_0"), model, "blk.0.attn_q.weight", rows100);
  EXPECT_EQ(c.type, DType::f16);
  EXPECT_EQ(c.note, "rows of 100 are no multiple of 32: F16 instead of Q8_0");
}

TEST(Mixes, OddNamesAreOrdinaryMatrices) {
  const MixModel model{.layers = 2};
  for (const char* name :
       {"", ".", "blk.", "blk.x.attn_v.weight", "blk.99999999999.attn_v.weight", "blk.1", "attn_v.weight"}) {
    EXPECT_EQ(type_of("Q4_K_M", model, name), DType::q4_k) << name;
  }
}

}  // namespace
}  // namespace freehold::kernel
