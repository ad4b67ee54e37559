// A folder as 4-bit tensors: what is written reads back as the blocks that the quantiser makes.
#include "store/nf4_folder.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>

#include "base/random.h"
#include "base/temporary_folder_testing.h"
#include "format/json.h"
#include "format/nf4_tensors.h"
#include "format/safetensors.h"
#include "format/safetensors_writer.h"
#include "kernel/blocks/nf4.h"

namespace freehold::store {
namespace {

struct Nf4Folder : ::testing::Test {
  void SetUp() override {
    ASSERT_TRUE(write_file_atomically(folder.path() / "config.json", R"({"model_type": "llama"})"));
    for (std::size_t i = 0; i < wide.size(); ++i) wide[i] = static_cast<float>(uniform_draw(1, 1, i)) - 0.3f;
    for (std::size_t i = 0; i < narrow.size(); ++i) narrow[i] = static_cast<float>(uniform_draw(1, 2, i));
  }
  Result<format::HfFolder> source() {
    const format::F32Tensor tensors[] = {
        {"wide.weight", {300, 128}, wide}, {"norm.weight", {3}, norm}, {"narrow.weight", {2, 172}, narrow}};
    FH_TRY_VOID(format::write_safetensors(folder.path() / "model.safetensors", tensors));
    return format::open_hf_folder(folder.path());
  }
  Result<Written> write(int threads) {
    FH_TRY(const format::HfFolder from, source());
    ThreadPool pool(threads);
    file.clear();
    return write_nf4(from, {"wide.weight", "narrow.weight"}, pool, [&](Bytes bytes) -> Result<> {
      file += as_text(bytes);
      return {};
    });
  }

  TemporaryFolder folder;
  std::vector<float> wide = std::vector<float>(300 * 128), narrow = std::vector<float>(2 * 172);
  std::vector<float> norm = {1, 2, 3};
  std::string file;
};

TEST_F(Nf4Folder, ReadsBackAsTheBlocksOfTheQuantiser) {
  const auto written = write(1);
  ASSERT_TRUE(written) << written.error().what;
  const std::string once = file;
  ASSERT_TRUE(write(3));
  EXPECT_EQ(file, once) << "whatever the number of threads";
  auto read = format::parse_safetensors(as_bytes(file));
  ASSERT_TRUE(read) << read.error().what;
  ASSERT_TRUE(format::join_nf4_tensors(*read));
  ASSERT_EQ(read->tensors.size(), 3u);
  std::uint64_t bytes = 0;
  for (const tensor::View& view : read->tensors) {
    SCOPED_TRACE(view.name);
    if (view.name != "wide.weight") {
      const auto& values = view.name == "norm.weight" ? norm : narrow;
      ASSERT_EQ(view.bytes.size(), values.size() * sizeof(float));
      EXPECT_EQ(std::memcmp(view.bytes.data(), values.data(), view.bytes.size()), 0);
      bytes += view.bytes.size();
      continue;
    }
    EXPECT_EQ(view.type, tensor::DType::nf4);
    EXPECT_EQ(view.shape, (std::vector<std::uint64_t>{300, 128}));
    const auto q = kernel::quantise_nf4(wide);
    ASSERT_EQ(q->absmax.size(), 600u);
    ASSERT_EQ(q->nested_absmax.size(), 3u);
    ASSERT_EQ(view.bytes.size(), q->absmax.size() * sizeof(kernel::BlockNf4));
    for (std::size_t b = 0; b < q->absmax.size(); ++b) {
      kernel::BlockNf4 block;
      std::memcpy(&block, view.bytes.data() + b * sizeof block, sizeof block);
      EXPECT_EQ(block.absmax, kernel::nf4_absmax(q->absmax[b], q->nested_absmax[b / 256], q->offset, q->map)) << b;
      EXPECT_EQ(std::memcmp(block.codes, q->codes.data() + b * sizeof block.codes, sizeof block.codes), 0) << b;
    }
  }
  EXPECT_TRUE(read->scratch.empty() && read->copies.size() == 1u)
      << "nothing but the joined one is copied: all are aligned";
  EXPECT_GT(written->tensor_bytes, 300u * 128 / 2 + bytes);
  EXPECT_LT(written->tensor_bytes, file.size());
  ASSERT_EQ(written->notes.size(), 1u);
  EXPECT_EQ(written->notes[0].tensor, "narrow.weight");
  EXPECT_NE(written->notes[0].note.find("172"), std::string::npos);
}

TEST_F(Nf4Folder, RefusesWhatIsNoNumberAndWhatIsQuantisedAlready) {
  wide[5000] = std::numeric_limits<float>::quiet_NaN();
  auto bad = write(2);
  ASSERT_FALSE(bad);
  EXPECT_NE(bad.error().what.find("wide.weight"), std::string::npos) << bad.error().what;
  wide[5000] = 0;
  norm[1] = std::numeric_limits<float>::infinity();
  bad = write(2);
  ASSERT_FALSE(bad);
  EXPECT_NE(bad.error().what.find("norm.weight"), std::string::npos) << bad.error().what;
  norm[1] = 2;
  ASSERT_TRUE(write(2));
  ASSERT_TRUE(write_file_atomically(folder.path() / "model.safetensors", file));
  auto again = format::open_hf_folder(folder.path());
  ASSERT_TRUE(again) << again.error().what;
  ThreadPool pool(1);
  bad = write_nf4(*again, {"wide.weight"}, pool, [](Bytes) -> Result<> { return {}; });
  ASSERT_FALSE(bad);
  EXPECT_NE(bad.error().what.find("'wide.weight' is NF4 already"), std::string::npos) << bad.error().what;
}

TEST(Nf4Config, SaysHowTheWeightsAreStored) {
  using tensor::DType;
  const format::GgufTensor tensors[] = {{"model.layers.0.mlp.down_proj.weight", DType::f16, {64, 172}},
                                        {"model.layers.0.mlp.up_proj.weight", DType::nf4, {172, 64}},
                                        {"model.norm.weight", DType::f16, {64}},
                                        {"lm_head.weight", DType::f16, {512, 64}}};
  const auto text = nf4_config(R"({"model_type": "llama", "torch_dtype": "float16", "rope_theta": 10000.0})", tensors);
  ASSERT_TRUE(text) << text.error().what;
  const auto json = format::parse_json(*text);
  ASSERT_TRUE(json) << json.error().what;
  EXPECT_EQ(json->member("model_type")->as_string(), "llama");
  EXPECT_EQ(json->member("rope_theta")->as_f64(), 10000.0);
  const format::Value* config = json->member("quantization_config");
  ASSERT_NE(config, nullptr);
  EXPECT_EQ(config->member("quant_method")->as_string(), "bitsandbytes");
  EXPECT_EQ(config->member("bnb_4bit_quant_type")->as_string(), "nf4");
  EXPECT_EQ(config->member("bnb_4bit_compute_dtype")->as_string(), "float16");
  ASSERT_EQ(config->member("llm_int8_skip_modules")->items().size(), 2u);
  EXPECT_EQ(config->member("llm_int8_skip_modules")->items()[1].as_string(), "model.layers.0.mlp.down_proj");
  EXPECT_NE(nf4_config(R"({"dtype": "float32"})", {})->find("\"bnb_4bit_compute_dtype\": \"float32\""),
            std::string::npos);
  EXPECT_FALSE(nf4_config("[]", {}));
  EXPECT_FALSE(nf4_config("{", {}));
}

}  // namespace
}  // namespace freehold::store
