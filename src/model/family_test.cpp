// What families read of a config.json besides numbers.
#include "model/family/family.h"

#include <gtest/gtest.h>

#include "base/utf8.h"
#include "format/gguf_test_builder.h"
#include "format/json.h"

namespace freehold::model {
namespace {

// A folder of nothing but a configuration and an embedding of 8 rows.
format::Checkpoint checkpoint(const std::string& more, int vocab_size = 8) {
  format::HfFolder hf;
  const std::string text =
      R"({"hidden_size": 4, "num_hidden_layers": 4, "num_attention_heads": 2, "num_key_value_heads": 1, "head_dim": 2,
          "intermediate_size": 8, "max_position_embeddings": 64, "rms_norm_eps": 1e-6, "sliding_window": 7,
          "vocab_size": )" +
      std::to_string(vocab_size) + more + "}";
  hf.config = format::parse_json_flattened(text).value();
  static const std::vector<std::byte> kZeros(8 * 4 * 4);
  hf.tensors.push_back({"model.embed_tokens.weight", tensor::DType::f32, {8, 4}, kZeros});
  hf.by_name = {0};
  return format::Checkpoint(std::move(hf));
}

Result<Spec> read(Result<Spec> (*family)(Reader&), const std::string& more) {
  format::Checkpoint c = checkpoint(more);
  Reader reader(c, "");
  FH_TRY(Spec spec, family(reader));
  FH_TRY_VOID(reader.finish());
  return spec;
}

std::vector<std::uint32_t> windows(const Spec& spec) {
  std::vector<std::uint32_t> out;
  for (const Block& b : spec.blocks) out.push_back(b.window);
  return out;
}

using Windows = std::vector<std::uint32_t>;

TEST(Gemma, LayerTypesDecideAboutWindows) {
  const std::string types =
      R"(, "layer_types": ["full_attention", "sliding_attention", "sliding_attention", "full_attention"])";
  auto two = read(read_gemma2, types);
  ASSERT_TRUE(two) << two.error().what;
  EXPECT_EQ(windows(*two), (Windows{0, 7, 7, 0}));
  auto three = read(read_gemma3, types + R"(, "_sliding_window_pattern": 6, "use_bidirectional_attention": false)");
  ASSERT_TRUE(three) << three.error().what;
  EXPECT_EQ(windows(*three), (Windows{0, 7, 7, 0}));
  EXPECT_EQ(three->blocks[1].rope, 1u);
  EXPECT_EQ(three->blocks[3].rope, 0u);
  EXPECT_EQ(windows(*read(read_gemma2, "")), (Windows{7, 0, 7, 0})) << "the rule, where nothing is said";
  EXPECT_EQ(windows(*read(read_gemma3, R"(, "sliding_window_pattern": 2)")), (Windows{7, 0, 7, 0}));
}

TEST(Gemma, LayerTypesThatContradictAreRefused) {
  for (const char* types : {R"(["full_attention"])", "[]", R"("full_attention")", "[1, 2, 3, 4]",
                            R"(["full_attention", "full_attention", "full_attention", "chunked_attention"])"}) {
    for (auto family : {read_gemma2, read_gemma3}) {
      auto spec = read(family, std::string(R"(, "layer_types": )") + types);
      ASSERT_FALSE(spec) << types;
      EXPECT_NE(spec.error().what.find("layer_types"), std::string::npos) << spec.error().what;
    }
  }
  EXPECT_FALSE(read(read_gemma3, R"(, "use_bidirectional_attention": true)"));
}

TEST(Pooling, IsWhatAGgufSays) {
  const auto pooling = [](std::optional<std::uint32_t> type) -> Result<Pooling> {
    format::testing::TestGguf g;
    g.string("general.architecture", "llama").u32("llama.embedding_length", 8).u32("llama.block_count", 1);
    g.u32("llama.attention.head_count", 2).u32("llama.feed_forward_length", 8).u32("llama.context_length", 64);
    g.entry("llama.attention.layer_norm_rms_epsilon", 6, format::testing::raw(1e-5f));
    if (type) g.u32("llama.pooling_type", *type);
    g.f32("token_embd.weight", {8, 4});
    const std::string bytes = g.build();
    FH_TRY(auto gguf, format::parse_gguf(as_bytes(bytes)));
    const format::Checkpoint c(std::move(gguf));
    Reader reader(c, "llama");
    FH_TRY(Spec spec, read_llama(reader));
    FH_TRY_VOID(reader.finish());
    return spec.pooling;
  };
  EXPECT_EQ(pooling({}).value(), Pooling::last);
  EXPECT_EQ(pooling(0).value(), Pooling::last);
  EXPECT_EQ(pooling(1).value(), Pooling::mean);
  EXPECT_EQ(pooling(2).value(), Pooling::first);
  EXPECT_EQ(pooling(3).value(), Pooling::last);
  EXPECT_EQ(pooling(4).error().code, Errc::unsupported);
  EXPECT_FALSE(pooling(5));
}

TEST(Vocabulary, TheStatedSizeIsTheEmbeddings) {
  for (int size : {0, 7, 9}) {
    format::Checkpoint c = checkpoint("", size);
    Reader reader(c, "");
    auto spec = read_gemma2(reader);
    ASSERT_FALSE(spec) << size;
    EXPECT_NE(spec.error().what.find("vocab_size"), std::string::npos) << spec.error().what;
  }
}

}  // namespace
}  // namespace freehold::model
