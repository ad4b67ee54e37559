// Adapters in PEFT's format: round trips in both orders of q and k, and files that must be refused by name.
#include "model/peft.h"

#include <gtest/gtest.h>

#include <cmath>

#include "base/file.h"
#include "format/safetensors_writer.h"
#include "kernel/blocks/dequantise.h"
#include "model/adapter_file.h"
#include "train/model_testing.h"

namespace freehold::train {
namespace {

TEST_F(TrainTest, PeftRoundTrip) {
  // Interleaved and half-split rotary pairs, experts.
  for (std::string_view shape : {"tiny-llama", "tiny-qwen3", "tiny-mixtral"}) {
    const auto base = served(shape, "F16");
    const std::uint32_t experts = base->spec().experts;
    for (const bool dora : {false, true}) {
      const auto lora = adapted(base, pool, everywhere(3, dora, experts));
      const auto path = folder / "adapter";
      ASSERT_TRUE(model::write_peft(path, lora->spec(), lora->values()).has_value());
      const auto again = model::read_peft(path, lora->spec());
      ASSERT_TRUE(again.has_value()) << again.error().what;
      EXPECT_EQ(again->config.r, 3u);
      EXPECT_EQ(again->config.dora, dora);
      EXPECT_EQ(again->config.targets, lora->values().config.targets);
      EXPECT_EQ(again->config.scale(), 2.0f);
      for (std::size_t i = 0; i < again->values.blocks.size(); ++i) {
        ASSERT_EQ(again->values.blocks[i].size(), model::slots_of(experts));
        for (std::size_t s = 0; s < model::slots_of(experts); ++s) {
          const auto &a = again->values.blocks[i][s], &b = lora->values().values.blocks[i][s];
          EXPECT_EQ(a.a, b.a);
          EXPECT_EQ(a.b, b.b);
          EXPECT_EQ(a.magnitude, b.magnitude);
        }
      }
      EXPECT_EQ(again->values.head.rank, 3u);
      EXPECT_EQ(again->values.head.magnitude.empty(), !dora);
      EXPECT_EQ(again->values.embedding.rank, dora ? 0u : 3u);
      EXPECT_EQ(digest_of(again->values), digest_of(lora->values().values));
      EXPECT_TRUE(model::check_alone(path)) << model::check_alone(path).error().what;
    }
  }
}

// A mixture's layers have PEFT's names for them, and those that only dense models have mean nothing there.
TEST_F(TrainTest, PeftNamesExperts) {
  const auto base = served("tiny-mixtral", "F16");
  model::AdapterConfig config = all_sites(2);
  config.targets = {model::Site::v, model::Site::down};
  const auto lora = adapted(base, pool, config);
  const auto path = folder / "adapter";
  ASSERT_TRUE(model::write_peft(path, lora->spec(), lora->values()));
  const std::string text = *read_file(path / "adapter_config.json");
  EXPECT_NE(text.find("\"w2\""), std::string::npos) << text;
  const std::string tensors = *read_file(path / "adapter_model.safetensors");
  const std::string last = "base_model.model.model.layers.1.block_sparse_moe.experts.3.w2.lora_A.weight";
  EXPECT_NE(tensors.find('"' + last + '"'), std::string::npos);
  EXPECT_EQ(lora->parameters().back().name,
            "base_model.model.model.layers.1.block_sparse_moe.experts.3.w2.lora_B.weight");

  const auto with_targets = [&](std::string_view targets) {
    std::string other = text;
    const std::size_t begin = other.find('[', other.find("target_modules")), end = other.find(']', begin);
    other.replace(begin, end - begin + 1, targets);
    EXPECT_TRUE(write_file_atomically(path / "adapter_config.json", other));
    return model::read_peft(path, base->spec());
  };
  const auto dense_names = with_targets(R"(["v_proj", "w2", "gate_proj", "up_proj", "down_proj"])");
  ASSERT_TRUE(dense_names) << dense_names.error().what;
  EXPECT_EQ(dense_names->config.targets, config.targets);
  const auto more = with_targets(R"(["v_proj", "w2", "w1"])");
  ASSERT_FALSE(more);
  EXPECT_NE(more.error().what.find("layers.0.block_sparse_moe.experts.0.w1' is missing"), std::string::npos)
      << more.error().what;
  // Of a dense model, or of another number of experts, it is none.
  model::Spec dense = base->spec(), fewer = base->spec();
  dense.experts = 0, fewer.experts = 3;
  for (const model::Spec* spec : {&dense, &fewer}) {
    const auto read = model::read_peft(path, *spec);
    ASSERT_FALSE(read);
  }
}

// What sits on some layers of a kind only is named one by one, so that it is read again.
TEST_F(TrainTest, PeftOfSomeExperts) {
  const auto lora = adapted(served("tiny-mixtral", "F16"), pool, all_sites(2, false, 4));
  model::PeftAdapter some = lora->values();
  some.values.blocks[1][model::slot_of(model::Site::up, 2)] = {};
  some.values.blocks[0][model::slot_of(model::Site::q)] = {};
  const auto path = folder / "adapter";
  ASSERT_TRUE(model::write_peft(path, lora->spec(), some));
  const std::string text = *read_file(path / "adapter_config.json");
  for (const char* name : {"\"k_proj\"", "\"w1\"", "\"model.layers.1.self_attn.q_proj\"",
                           "\"model.layers.1.block_sparse_moe.experts.3.w3\""}) {
    EXPECT_NE(text.find(name), std::string::npos) << name << " is missing in " << text;
  }
  EXPECT_EQ(text.find("\"w3\""), std::string::npos) << text;
  const auto again = model::read_peft(path, lora->spec());
  ASSERT_TRUE(again) << again.error().what;
  for (std::size_t i = 0; i < some.values.blocks.size(); ++i) {
    for (std::size_t slot = 0; slot < some.values.blocks[i].size(); ++slot) {
      EXPECT_EQ(again->values.blocks[i][slot].a, some.values.blocks[i][slot].a);
      EXPECT_EQ(again->values.blocks[i][slot].b, some.values.blocks[i][slot].b);
    }
  }
  EXPECT_TRUE(LoraModel::from(lora->base(), pool, kernel::table_up_to(kernel::detect_level()), *again));
}

// Checked without its base, an adapter takes no more memory than a model of that many layers could need.
TEST_F(TrainTest, PeftOfTooManyExperts) {
  const auto lora = adapted(served("tiny-mixtral", "F16"), pool, all_sites(2, false, 4));
  const auto path = folder / "adapter";
  ASSERT_TRUE(model::write_peft(path, lora->spec(), lora->values()));
  const std::vector<float> a(2 * 256), b(256 * 2);
  const auto check = [&](const std::string& layer) {
    const std::string module = "base_model.model.model.layers." + layer;
    const format::F32Tensor tensors[] = {{module + ".lora_A.weight", {2, 256}, a},
                                         {module + ".lora_B.weight", {256, 2}, b}};
    EXPECT_TRUE(format::write_safetensors(path / "adapter_model.safetensors", tensors));
    const auto checked = model::check_alone(path);
    return checked ? std::string("whole") : checked.error().what;
  };
  EXPECT_NE(check("1000.block_sparse_moe.experts.900.w1").find("it is for 1001 blocks of 901 experts"),
            std::string::npos);
  EXPECT_NE(check("3.block_sparse_moe.experts.2.w1").find("layers.0.self_attn.q_proj' is missing"), std::string::npos);
  EXPECT_NE(check("3.block_sparse_moe.experts.99999999999.w1").find("belongs to no layer"), std::string::npos);
  EXPECT_NE(check("3.block_sparse_moe.experts.-1.w1").find("belongs to no layer"), std::string::npos);
}

// Hugging Face's rows i and i + D/2 of a head become 2i and 2i + 1.
TEST_F(TrainTest, PeftReordersHeads) {
  const auto base = served("tiny-llama", "F16");
  const std::size_t D = base->spec().head_size;
  std::vector<float> rows(2 * D);
  for (std::size_t i = 0; i < rows.size(); ++i) rows[i] = static_cast<float>(i);
  auto moved = rows;
  model::reorder_heads(base->spec(), model::Site::q, moved, 1, model::RowOrder::to_model);
  EXPECT_EQ(moved[0], 0);
  EXPECT_EQ(moved[1], static_cast<float>(D / 2));
  EXPECT_EQ(moved[2], 1);
  EXPECT_EQ(moved[D], static_cast<float>(D));
  model::reorder_heads(base->spec(), model::Site::q, moved, 1, model::RowOrder::to_hugging_face);
  EXPECT_EQ(moved, rows);
  model::reorder_heads(base->spec(), model::Site::v, moved, 1, model::RowOrder::to_model);
  EXPECT_EQ(moved, rows);  // only q and k are rotated
}

TEST_F(TrainTest, PeftRefusesByName) {
  const auto lora = adapted(served("tiny-llama", "F16"), pool, all_sites(2));
  const auto path = folder / "adapter";
  ASSERT_TRUE(model::write_peft(path, lora->spec(), lora->values()).has_value());
  const std::string good = *read_file(path / "adapter_config.json");
  auto with = [&](const std::string& from, const std::string& to) {
    std::string text = good;
    const auto at = text.find(from);
    EXPECT_NE(at, std::string::npos) << from;
    text.replace(at, from.size(), to);
    EXPECT_TRUE(write_file_atomically(path / "adapter_config.json", text).has_value());
    const auto read = model::read_peft(path, lora->spec());
    return read ? std::string("accepted") : read.error().what;
  };
  EXPECT_NE(with("\"LORA\"", "\"IA3\"").find("peft_type"), std::string::npos);
  EXPECT_NE(with("\"bias\": \"none\"", "\"bias\": \"all\"").find("'bias'"), std::string::npos);
  EXPECT_NE(with("\"r\": 2", "\"r\": 0").find("'r'"), std::string::npos);
  EXPECT_NE(with("\"r\": 2", "\"r\": 3").find("does not fit"), std::string::npos);
  EXPECT_NE(with("\"q_proj\"", "\"norm\"").find("'norm' cannot be adapted"), std::string::npos);
  EXPECT_NE(with("\"q_proj\"", "\"lm_head\"").find("'base_model.model.lm_head' is missing"), std::string::npos);
  EXPECT_NE(with("\"modules_to_save\": null", "\"modules_to_save\": [\"lm_head\"]").find("modules_to_save"),
            std::string::npos);
  EXPECT_NE(with("\"use_dora\": false", "\"use_dora\": true").find("incomplete"), std::string::npos);
  EXPECT_NE(with("\"use_dora\"", "\"use_qalora\": true, \"use_dora\"").find("use_qalora"), std::string::npos);
  EXPECT_NE(with("\"init_lora_weights\": true", "\"init_lora_weights\": \"pissa\"").find("init_lora_weights"),
            std::string::npos);
  // What is no flag must not quietly count as false, and so compute something else.
  for (const char* other : {"\"true\"", "1", "[1]", "{}"}) {
    EXPECT_NE(with("\"use_rslora\": false", std::string("\"use_rslora\": ") + other).find("'use_rslora'"),
              std::string::npos);
    EXPECT_NE(with("\"use_dora\": false", std::string("\"use_dora\": ") + other).find("'use_dora'"), std::string::npos);
  }
  EXPECT_EQ(with("\"use_rslora\": false", "\"use_rslora\": null"), "accepted");
  for (const char* big : {"1e39", "-1e308"}) {
    EXPECT_NE(with("\"lora_alpha\": 4.0", std::string("\"lora_alpha\": ") + big).find("more than float32"),
              std::string::npos);
  }
  EXPECT_NE(with("{", "[").find("adapter_config.json"), std::string::npos);
  EXPECT_NE(with("\"r\": 2", "\"r\": 100000").find("'r' is not a rank from 1 to 4096"), std::string::npos);
  EXPECT_NE(with("\"lora_alpha\"", "\"lora_alpha_\"").find("lora_alpha"), std::string::npos);
  EXPECT_NE(with("\"lora_alpha\": 4.0", "\"lora_alpha\": null").find("'lora_alpha' is not a number"),
            std::string::npos);
  EXPECT_EQ(with("{", "{"), "accepted");

  // A base of more blocks with the same sizes: the layers that are named for all blocks are missing in some.
  model::Spec more = lora->spec();
  more.blocks.push_back(more.blocks.back());
  const auto fewer = model::read_peft(path, more);
  ASSERT_FALSE(fewer);
  EXPECT_NE(fewer.error().what.find("model.layers.2.self_attn.q_proj' is missing"), std::string::npos)
      << fewer.error().what;

  const std::vector<float> x(2 * lora->spec().width);
  const std::string name = "base_model.model.model.layers.0.self_attn.q_proj.lora_A.weight";
  auto tensors = [&](const std::string& tensor, std::uint64_t cols) {
    const format::F32Tensor t{tensor, {x.size() / cols, cols}, x};
    EXPECT_TRUE(format::write_safetensors(path / "adapter_model.safetensors", {&t, 1}).has_value());
    const auto read = model::read_peft(path, lora->spec());
    return read ? std::string("accepted") : read.error().what;
  };
  std::vector<float> broken(x);
  broken[3] = NAN;
  const format::F32Tensor nan{name, {2, lora->spec().width}, broken};
  ASSERT_TRUE(format::write_safetensors(path / "adapter_model.safetensors", {&nan, 1}).has_value());
  EXPECT_NE(model::read_peft(path, lora->spec()).error().what.find("an infinity or NaN"), std::string::npos);
  EXPECT_NE(tensors(name, lora->spec().width).find("incomplete"), std::string::npos);  // no B
  EXPECT_NE(tensors(name, 2).find("does not fit"), std::string::npos);
  EXPECT_NE(tensors("base_model.model.lm_head.lora_A.weight", 2).find("does not fit"), std::string::npos);
  EXPECT_NE(
      tensors("base_model.model.lm_head.lora_A.weight", lora->spec().width).find("'base_model.model.lm_head' is inc"),
      std::string::npos);
}

// What PEFT says and saves of an adapter at the model's ends.
TEST_F(TrainTest, PeftAtTheEnds) {
  const auto base = served("tiny-llama", "F16");
  const std::size_t C = base->spec().width, V = base->spec().vocab;
  const auto path = folder / "adapter";
  auto config = all_sites(2);
  config.targets = {model::Site::head, model::Site::embedding};
  const auto lora = adapted(base, pool, config);
  ASSERT_TRUE(model::write_peft(path, base->spec(), lora->values()));
  const std::string good = *read_file(path / "adapter_config.json");
  EXPECT_NE(good.find("\"lm_head\",\n    \"embed_tokens\""), std::string::npos) << good;
  EXPECT_EQ(good.find("layers_to_transform"), std::string::npos) << "it would leave out what is in no layer";
  const auto& checkpoint = *base->weights().checkpoint;
  const auto reads = [&](const format::Checkpoint* with) {
    const auto read = model::read_peft(path, base->spec(), with);
    if (!read) return read.error().what;
    return digest_of(read->values) == digest_of(lora->values().values) ? std::string("the same") : "other numbers";
  };
  EXPECT_EQ(reads(&checkpoint), "the same");

  // The tensors by name and shape, and the frozen weights that PEFT puts beside them.
  const model::LowRankValues &head = lora->values().values.head, &embedding = lora->values().values.embedding;
  const std::string m = "base_model.model.";
  const std::vector<format::F32Tensor> own = {{m + "lm_head.lora_A.weight", {2, C}, head.a},
                                              {m + "lm_head.lora_B.weight", {V, 2}, head.b},
                                              {m + "model.embed_tokens.lora_embedding_A", {2, V}, embedding.a},
                                              {m + "model.embed_tokens.lora_embedding_B", {C, 2}, embedding.b}};
  const auto weight = [&](const char* name) {
    const tensor::View* view = checkpoint.find(name);
    std::vector<float> out(view->elems());
    kernel::dequantise(view->type, view->bytes.data(), out.data(), out.size());
    return out;
  };
  std::vector<float> output = weight("output.weight"), rows = weight("token_embd.weight");
  const auto saved = [&](const std::string& module, std::vector<float>& values, std::uint64_t count) {
    std::vector<format::F32Tensor> all = own;
    all.push_back({m + module + ".base_layer.weight", {count, C}, std::span(values).first(count * C)});
    EXPECT_TRUE(format::write_safetensors(path / "adapter_model.safetensors", all));
  };
  saved("lm_head", output, V);
  EXPECT_EQ(reads(&checkpoint), "the same");
  EXPECT_EQ(reads(nullptr), "the same");
  saved("model.embed_tokens", rows, V);
  EXPECT_EQ(reads(&checkpoint), "the same");
  for (float& x : rows) x *= 1.001f;  // rounded by another type
  saved("model.embed_tokens", rows, V);
  EXPECT_EQ(reads(&checkpoint), "the same");
  saved("model.embed_tokens", rows, V - 1);
  EXPECT_NE(reads(&checkpoint).find("is not the base model's embed_tokens"), std::string::npos);
  for (std::size_t i = 0; i < C; ++i) rows[i] += 10;
  saved("model.embed_tokens", rows, V);
  EXPECT_NE(reads(&checkpoint).find("is another weight than the base model's embed_tokens"), std::string::npos);
  saved("model.norm", rows, V);
  EXPECT_NE(reads(&checkpoint).find("belongs to no layer"), std::string::npos);
  ASSERT_TRUE(format::write_safetensors(path / "adapter_model.safetensors", own));

  const auto with = [&](const std::string& more) {
    EXPECT_TRUE(write_file_atomically(path / "adapter_config.json", "{" + more + "," + good.substr(1)));
    return reads(&checkpoint);
  };
  EXPECT_NE(with(R"("layers_to_transform": [0])").find("belongs to no layer"), std::string::npos);
  EXPECT_NE(with(R"("ensure_weight_tying": true)").find("ensure_weight_tying"), std::string::npos);
  EXPECT_EQ(with(R"("ensure_weight_tying": false)"), "the same");
  EXPECT_NE(with(R"("trainable_token_indices": [1])").find("trainable_token_indices"), std::string::npos);

  // Layers of some blocks beside an end are named one by one.
  model::PeftAdapter mixed = lora->values();
  model::LowRankValues& q = mixed.values.blocks[1][0];
  q = {2, mixed.values.head.scale, std::vector<float>(2 * C, 0.5f), std::vector<float>(2 * C, 0.25f), {}};
  ASSERT_TRUE(model::write_peft(path, base->spec(), mixed));
  EXPECT_NE(read_file(path / "adapter_config.json")->find("\"model.layers.1.self_attn.q_proj\""), std::string::npos);
  const auto again = model::read_peft(path, base->spec());
  ASSERT_TRUE(again) << again.error().what;
  EXPECT_EQ(digest_of(again->values), digest_of(mixed.values));
}

TEST_F(TrainTest, WhatCannotBeAdaptedAtTheEnds) {
  const auto base = served("tiny-llama", "F16");
  const auto why = [&](const model::AdapterConfig& config) {
    const auto lora = LoraModel::fresh(base, pool, kernel::table_up_to(kernel::detect_level()), config, 3);
    return lora ? std::string("accepted") : lora.error().what;
  };
  auto config = everywhere(2);
  EXPECT_EQ(why(config), "accepted");
  config.layers = {1};
  EXPECT_NE(why(config).find("lm_head"), std::string::npos);
  config = everywhere(2);
  config.dora = true;
  EXPECT_NE(why(config).find("DoRA on embed_tokens"), std::string::npos);
}

// Ranks, alphas and layers of their own come in, and go out as they came.
TEST_F(TrainTest, PeftPatterns) {
  const auto base = served("tiny-llama", "F16");
  model::AdapterConfig config = all_sites(2);
  config.alpha = 6;
  config.layers = {1};
  auto lora = LoraModel::fresh(base, pool, kernel::table_up_to(kernel::detect_level()), config, 3);
  ASSERT_TRUE(lora.has_value()) << lora.error().what;
  model::PeftAdapter adapter = (*lora)->values();
  EXPECT_EQ(adapter.values.blocks[0][0].rank, 0u);
  // A layer of another rank, and one of another alpha.
  model::LowRankValues& q = adapter.values.blocks[1][static_cast<std::size_t>(model::Site::q)];
  q.rank = 3;
  q.scale = 2;
  q.a.resize(q.a.size() / 2 * 3, 0.25f);
  q.b.resize(q.b.size() / 2 * 3, 0.5f);
  adapter.values.blocks[1][static_cast<std::size_t>(model::Site::down)].scale = 0.5f;
  const auto path = folder / "adapter";
  ASSERT_TRUE(model::write_peft(path, base->spec(), adapter).has_value());
  const std::string good = *read_file(path / "adapter_config.json");
  const auto again = model::read_peft(path, base->spec());
  ASSERT_TRUE(again.has_value()) << again.error().what << good;
  EXPECT_EQ(again->config.layers, std::vector<std::uint32_t>{1});
  EXPECT_EQ(digest_of(again->values), digest_of(adapter.values)) << good;
  EXPECT_NE(good.find("\"model.layers.1.self_attn.q_proj\": 3"), std::string::npos) << good;

  const auto with = [&](const std::string& more) {
    EXPECT_TRUE(write_file_atomically(path / "adapter_config.json", "{" + more + "," + good.substr(1)).has_value());
    const auto read = model::read_peft(path, base->spec());
    return read ? std::string("accepted") : read.error().what;
  };
  EXPECT_EQ(with(R"("layers_pattern": "layers")"), "accepted");
  EXPECT_NE(with(R"("layers_pattern": "h")").find("layers_pattern"), std::string::npos);
  model::AdapterConfig c;
  c.r = 4, c.alpha = 8;
  c.ranks = {{"layers.1.self_attn.q_proj", 2}, {"q_proj", 16}, {"proj", 1}};
  c.alphas = {{"q_proj", 4}};
  EXPECT_EQ(c.rank_at(1, model::Site::q), 2u);
  EXPECT_EQ(c.rank_at(0, model::Site::q), 16u);
  EXPECT_EQ(c.rank_at(0, model::Site::k), 4u) << "whole parts of a name";
  EXPECT_EQ(c.scale_at(1, model::Site::q), 2.0f);
  c.rslora = true;
  EXPECT_EQ(c.scale_at(0, model::Site::q), 1.0f);

  config.layers = {7};
  const auto none = LoraModel::fresh(base, pool, kernel::table_up_to(kernel::detect_level()), config, 3);
  ASSERT_FALSE(none);
  EXPECT_NE(none.error().what.find("layer 7"), std::string::npos);
}

TEST_F(TrainTest, RsLoraScalesByTheRoot) {
  model::AdapterConfig c;
  c.r = 16;
  c.alpha = 32;
  EXPECT_EQ(c.scale(), 2.0f);
  c.rslora = true;
  EXPECT_EQ(c.scale(), 8.0f);
}

// A fresh adapter changes nothing: B is zero, DoRA's magnitudes are the norms of the base's rows.
TEST_F(TrainTest, FreshAdaptersAreNeutral) {
  const auto base = served("tiny-llama", "F16");
  for (const bool dora : {false, true}) {
    auto lora = LoraModel::fresh(base, pool, kernel::table_up_to(kernel::detect_level()), everywhere(4, dora), 3);
    ASSERT_TRUE(lora.has_value());
    for (float g : (*lora)->adapter()->head.gain) ASSERT_EQ(g, 1.0f);
    double squares = 0;
    const auto& embedding = (*lora)->values().values.embedding;
    for (float a : embedding.a) ASSERT_EQ(a, 0.0f);
    for (float b : embedding.b) squares += static_cast<double>(b) * static_cast<double>(b);
    EXPECT_NEAR(squares, static_cast<double>(embedding.b.size()), 0.15 * static_cast<double>(embedding.b.size()));
    for (const auto& block : (*lora)->adapter()->blocks) {
      for (const nn::LowRank& l : block.sites) {
        for (float g : l.gain) ASSERT_EQ(g, 1.0f);
        EXPECT_EQ(l.gain.empty(), !dora);
      }
    }
    for (const Parameter& p : (*lora)->parameters()) {
      if (p.name.ends_with("lora_B.weight")) {
        for (float b : p.value) ASSERT_EQ(b, 0.0f);
      }
    }
  }
}

}  // namespace
}  // namespace freehold::train
