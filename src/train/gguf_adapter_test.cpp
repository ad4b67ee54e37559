// Adapters in llama.cpp's format: round trips over bases of both orders of q and k, and files that must be refused.
#include "model/gguf_adapter.h"

#include <gtest/gtest.h>

#include <cmath>
#include <functional>

#include "base/file.h"
#include "format/gguf_writer.h"
#include "model/adapter_file.h"
#include "train/model_testing.h"

namespace freehold::train {
namespace {

using format::Value;

void expect_equal(const model::AdapterValues& a, const model::AdapterValues& b) {
  ASSERT_EQ(a.blocks.size(), b.blocks.size());
  for (std::size_t i = 0; i < a.blocks.size(); ++i) {
    ASSERT_EQ(a.blocks[i].size(), b.blocks[i].size());
    for (std::size_t s = 0; s < a.blocks[i].size(); ++s) {
      const model::LowRankValues &x = a.blocks[i][s], &y = b.blocks[i][s];
      EXPECT_EQ(x.rank, y.rank);
      EXPECT_EQ(x.scale, y.scale);
      EXPECT_EQ(x.a, y.a);
      EXPECT_EQ(x.b, y.b);
    }
  }
  EXPECT_EQ(a.head.a, b.head.a);
  EXPECT_EQ(a.embedding.b, b.embedding.b);
  EXPECT_EQ(digest_of(a), digest_of(b));
}

TEST_F(TrainTest, GgufAdapterRoundTrip) {
  const auto path = folder / "adapter.gguf";
  for (std::string_view shape : {"tiny-llama", "tiny-qwen3", "tiny-mixtral"}) {
    const std::string_view architecture = shape == "tiny-qwen3" ? "qwen3" : "llama";
    for (const bool rslora : {false, true}) {
      auto config = everywhere(4, false, shape == "tiny-mixtral" ? 4 : 0);
      config.rslora = rslora;
      const auto lora = adapted(served(shape, "F16"), pool, config);
      const auto written = model::write_gguf_adapter(path, lora->spec(), architecture, lora->values(), "test");
      ASSERT_TRUE(written) << written.error().what;
      EXPECT_TRUE(written->exact);
      const auto again = model::read_gguf_adapter(*format::open_gguf(path), lora->spec(), architecture);
      ASSERT_TRUE(again) << again.error().what;
      EXPECT_EQ(again->config.r, 4u);
      EXPECT_EQ(again->config.targets, lora->values().config.targets);
      expect_equal(again->values, lora->values().values);
      EXPECT_EQ(model::adapter_kind(path), model::AdapterKind::gguf);
      EXPECT_TRUE(model::check_alone(path)) << model::check_alone(path).error().what;
      // llama.cpp looks A's columns up as rows.
      const auto file = format::open_gguf(path);
      const std::uint64_t V = lora->spec().vocab, C = lora->spec().width;
      using Shape = std::vector<std::uint64_t>;
      EXPECT_EQ(file->find("token_embd.weight.lora_a")->shape, (Shape{V, 4}));
      EXPECT_EQ(file->find("token_embd.weight.lora_b")->shape, (Shape{C, 4}));
      EXPECT_EQ(file->find("output.weight.lora_a")->shape, (Shape{4, C}));
      EXPECT_EQ(file->find("output.weight.lora_b")->shape, (Shape{V, 4}));
      const auto* rows = reinterpret_cast<const float*>(file->find("token_embd.weight.lora_a")->bytes.data());
      EXPECT_EQ(rows[4 * 7 + 2], lora->values().values.embedding.a[2 * V + 7]);
    }
  }
}

// The file's order is its architecture's, not that of the base at hand: a folder's rows lie in halves.
TEST_F(TrainTest, GgufAdaptersOrderIsTheirArchitectures) {
  const auto path = folder / "adapter.gguf";
  const auto lora = adapted(served("tiny-llama", "F16"), pool, all_sites(2));
  ASSERT_TRUE(model::write_gguf_adapter(path, lora->spec(), "llama", lora->values(), "test"));
  model::Spec halves = lora->spec();
  for (auto& rope : halves.ropes) rope.style = kernel::RopeStyle::half;
  const auto read = model::read_gguf_adapter(*format::open_gguf(path), halves, "llama");
  ASSERT_TRUE(read) << read.error().what;
  model::AdapterValues expected = lora->values().values;
  for (auto& block : expected.blocks) {
    for (model::Site site : {model::Site::q, model::Site::k}) {
      auto& v = block[static_cast<std::size_t>(site)];
      model::reorder_heads(lora->spec(), site, v.b, v.rank, model::RowOrder::to_hugging_face);
    }
  }
  expect_equal(read->values, expected);
  // And back.
  const auto other = folder / "other.gguf";
  ASSERT_TRUE(model::write_gguf_adapter(other, halves, "llama", *read, "test"));
  EXPECT_EQ(*read_file(path), *read_file(other));
}

TEST_F(TrainTest, GgufAdaptersThatCannotBeWritten) {
  const auto path = folder / "adapter.gguf";
  const auto dora = adapted(served("tiny-llama", "F16"), pool, all_sites(2, true));
  EXPECT_NE(model::write_gguf_adapter(path, dora->spec(), "llama", dora->values(), "x").error().what.find("DoRA"),
            std::string::npos);
  for (const model::Site end : model::kEnds) {
    auto config = all_sites(2);
    config.targets = {end};
    const auto tied = adapted(served("tiny-qwen2", "F16"), pool, config);
    EXPECT_NE(
        model::write_gguf_adapter(path, tied->spec(), "qwen2", tied->values(), "x").error().what.find("tune merge"),
        std::string::npos);
  }
  auto mixed = adapted(served("tiny-llama", "F16"), pool, all_sites(2))->values();
  mixed.values.blocks[1][3].scale *= 2;
  EXPECT_NE(model::write_gguf_adapter(path, dora->spec(), "llama", mixed, "x").error().what.find("one alpha"),
            std::string::npos);
  // PEFT has a pattern for that.
  ASSERT_TRUE(model::write_peft(folder / "peft", dora->spec(), mixed));
  const auto read = model::read_peft(folder / "peft", dora->spec());
  ASSERT_TRUE(read) << read.error().what;
  EXPECT_EQ(read->values.blocks[1][3].scale, mixed.values.blocks[1][3].scale);
  EXPECT_EQ(read->values.blocks[0][3].scale, mixed.values.blocks[0][3].scale);
}

// llama.cpp has the experts' halves in two tensors, (E, r, K) and (E, N, r).
TEST_F(TrainTest, GgufAdaptersStackExperts) {
  const auto path = folder / "adapter.gguf";
  auto adapter = adapted(served("tiny-mixtral", "F16"), pool, all_sites(3, false, 4))->values();
  const model::Spec spec = served("tiny-mixtral", "F16")->spec();
  ASSERT_TRUE(model::write_gguf_adapter(path, spec, "llama", adapter, "x"));
  const auto file = *format::open_gguf(path);
  using Shape = std::vector<std::uint64_t>;
  ASSERT_NE(file.find("blk.1.ffn_down_exps.weight.lora_a"), nullptr);
  EXPECT_EQ(file.find("blk.1.ffn_down_exps.weight.lora_a")->shape, (Shape{4, 3, 256}));
  EXPECT_EQ(file.find("blk.1.ffn_down_exps.weight.lora_b")->shape, (Shape{4, 256, 3}));
  EXPECT_EQ(file.find("blk.1.ffn_gate_inp.weight.lora_b")->shape, (Shape{4, 3}));
  model::Spec other = spec;
  other.experts = 3;
  const auto read = model::read_gguf_adapter(file, other, "llama");
  ASSERT_FALSE(read);
  EXPECT_NE(read.error().what.find("is not one of 3 experts"), std::string::npos) << read.error().what;
  adapter.values.blocks[1][model::slot_of(model::Site::up, 2)] = {};
  const auto written = model::write_gguf_adapter(path, spec, "llama", adapter, "x");
  ASSERT_FALSE(written);
  EXPECT_NE(written.error().what.find("block 1, w3 of expert 2"), std::string::npos) << written.error().what;
}

TEST_F(TrainTest, GgufAdaptersAreRefusedByName) {
  const auto base = served("tiny-llama", "F16");
  const std::size_t C = base->spec().width, V = base->spec().vocab;
  struct File {
    format::Metadata head;
    std::vector<format::GgufTensor> tensors;
    float fill = 1;
  };
  const auto refusal = [&](const std::function<void(File&)>& change) {
    File f;
    f.head.set("general.architecture", Value::string("llama"));
    f.head.set("general.type", Value::string("adapter"));
    f.head.set("adapter.type", Value::string("lora"));
    f.head.set("adapter.lora.alpha", Value::f32(8));
    f.tensors = {{"blk.0.attn_q.weight.lora_a", tensor::DType::f32, {2, C}},
                 {"blk.0.attn_q.weight.lora_b", tensor::DType::f32, {256, 2}}};
    change(f);
    const auto path = folder / "a.gguf";
    auto file = AtomicFile::create(path);
    EXPECT_TRUE(file);
    auto writer = format::GgufWriter::start([&](Bytes b) { return file->write(b); }, f.head, f.tensors);
    EXPECT_TRUE(writer) << writer.error().what;
    for (const auto& t : f.tensors) {
      std::size_t n = 1;
      for (auto d : t.shape) n *= d;
      const std::vector<float> values(n, f.fill);
      EXPECT_TRUE(writer->append(std::as_bytes(std::span(values))));
    }
    EXPECT_TRUE(writer->finish());
    EXPECT_TRUE(file->commit());
    const auto read = model::read_adapter(path, *base->weights().checkpoint, base->spec());
    return read ? std::string("accepted") : read.error().what;
  };
  const auto expect = [&](const std::string& part, const std::function<void(File&)>& change) {
    const std::string what = refusal(change);
    EXPECT_NE(what.find(part), std::string::npos) << what;
  };
  EXPECT_EQ(refusal([](File&) {}), "accepted");
  expect("architecture 'qwen2'", [](File& f) { f.head.set("general.architecture", Value::string("qwen2")); });
  expect("'adapter.type' is 'ia3'", [](File& f) { f.head.set("adapter.type", Value::string("ia3")); });
  expect("'adapter.lora.alpha' is missing", [](File& f) { f.head.erase("adapter.lora.alpha"); });
  expect("'adapter.lora.alpha' is f32 0", [](File& f) { f.head.set("adapter.lora.alpha", Value::f32(0)); });
  expect("'adapter.lora.alpha'", [](File& f) { f.head.set("adapter.lora.alpha", Value::f32(NAN)); });
  expect("'adapter.alora.invocation_tokens'",
         [](File& f) { f.head.set("adapter.alora.invocation_tokens", Value::u32s(std::vector<std::uint32_t>{1})); });
  expect("'general.type' is not 'adapter'", [](File& f) { f.head.set("general.type", Value::string("model")); });
  expect("'blk.0.attn_q.weight.lora_b' is missing", [](File& f) { f.tensors.pop_back(); });
  expect("(2 x 128) does not fit", [](File& f) { f.tensors[0].shape = {2, 128}; });
  expect("(256 x 3) does not fit", [](File& f) { f.tensors[1].shape = {256, 3}; });
  expect("a rank of 5000", [](File& f) { f.tensors[0].shape[0] = f.tensors[1].shape[1] = 5000; });
  expect("an infinity or NaN", [](File& f) { f.fill = NAN; });
  expect("'blk.2.attn_q.weight.lora_a' belongs to no layer", [&](File& f) {
    f.tensors.push_back({"blk.2.attn_q.weight.lora_a", tensor::DType::f32, {2, C}});
  });
  expect("'token_embd.weight.lora_b' is missing", [&](File& f) {
    f.tensors.push_back({"token_embd.weight.lora_a", tensor::DType::f32, {V, 2}});
  });
  const auto ends = [&](File& f, std::uint64_t rows, std::uint64_t cols) {
    f.tensors.push_back({"token_embd.weight.lora_a", tensor::DType::f32, {rows, cols}});
    f.tensors.push_back({"token_embd.weight.lora_b", tensor::DType::f32, {C, 2}});
  };
  EXPECT_EQ(refusal([&](File& f) { ends(f, V, 2); }), "accepted");
  expect("does not fit", [&](File& f) { ends(f, 2, V); });  // as PEFT has it
  expect("does not fit", [&](File& f) { ends(f, V - 1, 2); });
  expect("'blk.0.attn_norm.weight' belongs to no layer", [&](File& f) {
    f.tensors.push_back({"blk.0.attn_norm.weight", tensor::DType::f32, {C}});
  });
  expect("no tensors", [](File& f) { f.tensors.clear(); });
}

}  // namespace
}  // namespace freehold::train
