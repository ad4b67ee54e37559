// A folder of every kind, made here with the tensors that its family needs, becomes the plan of a GGUF. The golden test
// of conversions compares real ones with the reference; this one has the families that it lacks, and the refusals.
#include "model/gguf_plan.h"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>

#include "base/file.h"

namespace freehold::model {
namespace {

namespace fs = std::filesystem;
using format::Metadata;

constexpr std::string_view kTokenizer = R"({
  "added_tokens":[{"id":0,"content":"<unk>","special":true},{"id":1,"content":"<s>","special":true}],
  "normalizer":{"type":"Sequence","normalizers":[{"type":"Prepend","prepend":"\u2581"},
    {"type":"Replace","pattern":{"String":" "},"content":"\u2581"}]},
  "decoder":{"type":"Sequence","decoders":[{"type":"Replace","pattern":{"String":"\u2581"},"content":" "},
    {"type":"ByteFallback"},{"type":"Fuse"},{"type":"Strip","content":" ","start":1,"stop":0}]},
  "model":{"type":"BPE","unk_token":"<unk>","fuse_unk":true,
    "vocab":{"<unk>":0,"<s>":1,"\u2581":2,"a":3,"b":4,"ab":5,"\u2581a":6},"merges":["\u2581 a","a b"]}})";

constexpr std::string_view kByteLevel = R"({
  "added_tokens":[{"id":3,"content":"<|im_end|>","special":true}],
  "pre_tokenizer":{"type":"Sequence","pretokenizers":[{"type":"Split","pattern":{"Regex":"PATTERN"},"behavior":"Isolated"},
    {"type":"ByteLevel","add_prefix_space":false,"use_regex":false}]},
  "decoder":{"type":"ByteLevel"},
  "model":{"type":"BPE","vocab":{"a":0,"b":1,"ab":2},"merges":["a b"]}})";

// Heads of 4, two of them, one for keys and values; 8 rows of vocabulary, of which the tokenizer has 7.
constexpr std::string_view kSizes = R"("hidden_size":8,"num_attention_heads":2,"num_key_value_heads":1,"head_dim":4,
  "intermediate_size":8,"max_position_embeddings":64,"rms_norm_eps":1e-6,"vocab_size":8)";

class PlanGguf : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (fs::temp_directory_path() / "freehold-plan-XXXXXX").string();
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
    put("tokenizer.json", kTokenizer);
    put("tokenizer_config.json", R"({"bos_token":"<s>","add_bos_token":true,"chat_template":"T"})");
  }
  void TearDown() override { fs::remove_all(folder_); }

  void put(const char* name, std::string_view content) {
    ASSERT_TRUE(write_file_atomically(folder_ / name, content).has_value());
  }
  void add(const std::string& name, std::vector<std::uint64_t> shape) {
    std::uint64_t elems = 1;
    for (auto d : shape) elems *= d;
    header_ +=
        fmt::format(R"({}"{}":{{"dtype":"F32","shape":[{}],"data_offsets":[{},{}]}})", header_.empty() ? "" : ",", name,
                    fmt::join(shape, ","), data_.size(), data_.size() + 4 * elems);
    data_ += std::string(4 * elems, '\0');
  }

  Result<format::GgufPlan> plan(std::string_view type, std::uint32_t layers, std::string_view more, bool gemma,
                                bool qk_norm = false) {
    put("config.json", fmt::format(R"({{"model_type":"{}","num_hidden_layers":{},{}{}}})", type, layers, kSizes, more));
    header_.clear();
    data_.clear();
    add("model.embed_tokens.weight", {8, 8});
    add("model.norm.weight", {8});
    for (std::uint32_t i = 0; i < layers; ++i) {
      const std::string b = fmt::format("model.layers.{}.", i);
      for (const char* n : {"input_layernorm", "post_attention_layernorm"}) add(b + n + ".weight", {8});
      if (gemma) {
        for (const char* n : {"pre_feedforward_layernorm", "post_feedforward_layernorm"}) add(b + n + ".weight", {8});
      }
      for (const char* n : {"q_norm", "k_norm"}) {
        if (qk_norm) add(b + "self_attn." + n + ".weight", {4});
      }
      add(b + "self_attn.q_proj.weight", {8, 8});
      add(b + "self_attn.k_proj.weight", {4, 8});
      add(b + "self_attn.v_proj.weight", {4, 8});
      add(b + "self_attn.o_proj.weight", {8, 8});
      for (const char* n : {"gate_proj", "up_proj", "down_proj"}) add(b + "mlp." + n + ".weight", {8, 8});
    }
    std::string header = "{" + header_ + "}";
    while (header.size() % 8 != 0) header += ' ';
    std::string length(8, '\0');
    for (std::size_t i = 0; i < 8; ++i) length[i] = static_cast<char>(header.size() >> 8 * i & 0xFF);
    put("model.safetensors", length + header + data_);
    auto opened = format::open_checkpoint(folder_);
    if (!opened) return Unexpected(opened.error());
    checkpoint_.emplace(std::move(*opened));
    return plan_gguf(*checkpoint_, "name");
  }

  fs::path folder_;
  std::string header_, data_;
  std::optional<format::Checkpoint> checkpoint_;
};

const format::PlannedTensor& tensor_of(const format::GgufPlan& plan, std::string_view name) {
  for (const auto& t : plan.tensors) {
    if (t.name == name) return t;
  }
  ADD_FAILURE() << name;
  return plan.tensors[0];
}

TEST_F(PlanGguf, LlamaRotatesNeighbours) {
  auto p = plan("llama", 1, R"(,"tie_word_embeddings":true,"rope_theta":5000.0)", false);
  ASSERT_TRUE(p) << p.error().what;
  EXPECT_EQ(p->metadata.string("general.architecture").value(), "llama");
  EXPECT_EQ(p->metadata.f64("llama.rope.freq_base").value(), 5000);
  EXPECT_EQ(tensor_of(*p, "blk.0.attn_q.weight").interleave, 4u);
  EXPECT_EQ(tensor_of(*p, "blk.0.attn_k.weight").interleave, 4u);
  EXPECT_EQ(tensor_of(*p, "blk.0.attn_v.weight").interleave, 0u);
  EXPECT_EQ(tensor_of(*p, "output_norm.weight").offset, 0);
  EXPECT_EQ(p->metadata.strings("tokenizer.ggml.tokens").value().back(), "[PAD7]");
  EXPECT_EQ(p->metadata.string("tokenizer.chat_template").value(), "T");
  EXPECT_TRUE(p->metadata.boolean("tokenizer.ggml.add_bos_token").value());
  const auto scores = p->metadata.f32s("tokenizer.ggml.scores").value();
  EXPECT_GT(scores[6], scores[5]);  // the first merge makes the best token
  EXPECT_GT(scores[5], scores[3]);
  EXPECT_TRUE(p->notes.empty());
}

TEST_F(PlanGguf, GemmasNormsAreShifted) {
  auto two =
      plan("gemma2", 2, R"(,"hidden_activation":"gelu_pytorch_tanh","sliding_window":16,"query_pre_attn_scalar":4,
    "attn_logit_softcapping":50.0,"final_logit_softcapping":30.0)",
           true);
  ASSERT_TRUE(two) << two.error().what;
  EXPECT_EQ(tensor_of(*two, "blk.1.post_ffw_norm.weight").offset, 1);
  EXPECT_EQ(tensor_of(*two, "output_norm.weight").offset, 1);
  EXPECT_EQ(tensor_of(*two, "token_embd.weight").offset, 0);
  EXPECT_EQ(tensor_of(*two, "blk.0.attn_q.weight").interleave, 0u);
  EXPECT_EQ(two->metadata.u64("gemma2.attention.sliding_window").value(), 16u);
  auto three = plan("gemma3_text", 6, R"(,"sliding_window":16,"query_pre_attn_scalar":4,"rope_theta":1000000.0,
    "rope_local_base_freq":20000.0,"rope_scaling":{"rope_type":"linear","factor":8.0})",
                    true, true);
  ASSERT_TRUE(three) << three.error().what;
  EXPECT_EQ(three->metadata.string("general.architecture").value(), "gemma3");
  EXPECT_EQ(three->metadata.f64("gemma3.rope.freq_base_swa").value(), 20000);
  EXPECT_EQ(tensor_of(*three, "blk.5.attn_q_norm.weight").offset, 1);
}

TEST_F(PlanGguf, ACapOfNullIsOffAndOneThatIsNotThereIsTheFamilys) {
  const auto caps = [&](std::string_view said) {
    auto p = plan(
        "gemma2", 2,
        fmt::format(R"(,"sliding_window":16,"query_pre_attn_scalar":4,"use_bidirectional_attention":false{})", said),
        true);
    if (!p) return std::pair(-1.0, -1.0);
    return std::pair(p->metadata.f64("gemma2.attn_logit_softcapping").value(),
                     p->metadata.f64("gemma2.final_logit_softcapping").value());
  };
  EXPECT_EQ(caps(""), std::pair(50.0, 30.0));
  EXPECT_EQ(caps(R"(,"attn_logit_softcapping":null)"), std::pair(0.0, 30.0));
  EXPECT_EQ(caps(R"(,"attn_logit_softcapping":null,"final_logit_softcapping":null)"), std::pair(0.0, 0.0));
}

// As transformers 5 writes it: the two kinds of blocks apart.
TEST_F(PlanGguf, GemmasRopesApart) {
  const auto ropes = [&](std::string_view local, std::string_view global) {
    return plan("gemma3_text", 6,
                fmt::format(R"(,"sliding_window":16,"query_pre_attn_scalar":4,"rope_parameters":{{)"
                            R"("sliding_attention":{{{}}},"full_attention":{{{}}}}})",
                            local, global),
                true, true);
  };
  auto p = ropes(R"("rope_type":"default","rope_theta":20000.0)",
                 R"("rope_type":"linear","factor":8.0,"rope_theta":1000000.0)");
  ASSERT_TRUE(p) << p.error().what;
  EXPECT_EQ(p->metadata.f64("gemma3.rope.freq_base").value(), 1'000'000);
  EXPECT_EQ(p->metadata.f64("gemma3.rope.freq_base_swa").value(), 20'000);
  EXPECT_EQ(p->metadata.f64("gemma3.rope.scaling.factor").value(), 8);
  const auto odd = ropes(R"("rope_type":"linear","factor":2.0,"rope_theta":20000.0)",
                         R"("rope_type":"default","rope_theta":1000000.0)");
  EXPECT_EQ(odd.error().code, Errc::unsupported);
}

TEST_F(PlanGguf, RopeScalingIsStatedOrRefused) {
  const auto scaled = [&](std::string_view scaling) {
    return plan("llama", 1, fmt::format(R"(,"tie_word_embeddings":true,"rope_scaling":{{{}}})", scaling), false);
  };
  // plan_gguf compares the frequencies that come out.
  auto yarn = scaled(R"("rope_type":"yarn","factor":4.0,"original_max_position_embeddings":16,"attention_factor":1.5)");
  ASSERT_TRUE(yarn) << yarn.error().what;
  EXPECT_TRUE(yarn->metadata.contains("llama.rope.scaling.attn_factor"));
  auto linear = scaled(R"("type":"linear","factor":2.5)");
  ASSERT_TRUE(linear) << linear.error().what;
  auto llama3 = scaled(
      R"("rope_type":"llama3","factor":8.0,"low_freq_factor":1.0,"high_freq_factor":4.0,"original_max_position_embeddings":32)");
  ASSERT_TRUE(llama3) << llama3.error().what;
  EXPECT_EQ(tensor_of(*llama3, "rope_freqs.weight").shape, (std::vector<std::uint64_t>{2}));
}

TEST_F(PlanGguf, WhatAGgufCannotSayIsRefused) {
  // The scale of attention is implied there.
  auto scale = plan("gemma2", 2, R"(,"query_pre_attn_scalar":9,"sliding_window":16)", true);
  ASSERT_FALSE(scale);
  EXPECT_EQ(scale.error().code, Errc::unsupported);
  EXPECT_NE(scale.error().what.find("scale of attention"), std::string::npos) << scale.error().what;

  const auto with_pattern = [&](std::string_view pattern) {
    std::string text(kByteLevel);
    text.replace(text.find("PATTERN"), 7, pattern);
    put("tokenizer.json", text);
    put("tokenizer_config.json", R"({"eos_token":"<|im_end|>"})");
    return plan("llama", 1, R"(,"tie_word_embeddings":true)", false);
  };
  auto known = with_pattern(
      R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+)");
  ASSERT_TRUE(known) << known.error().what;
  EXPECT_EQ(known->metadata.string("tokenizer.ggml.pre").value(), "qwen2");
  auto unknown = with_pattern(R"(\\p{L}+|\\s+)");
  ASSERT_FALSE(unknown);
  EXPECT_EQ(unknown.error().code, Errc::unsupported);
  EXPECT_NE(unknown.error().what.find("pre-tokenizer"), std::string::npos) << unknown.error().what;
}

}  // namespace
}  // namespace freehold::model
