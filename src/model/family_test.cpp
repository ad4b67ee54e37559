// What families read of a config.json besides numbers.
#include "model/family/family.h"

#include <gtest/gtest.h>

#include "base/utf8.h"
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
