// Training against the oracle: every run below oracle/training, step by step. Losses, norms, gradients, final weights
// and the logits afterwards; DPO; adapters in and out of PEFT's format.
#include <gtest/gtest.h>

#include <cstring>

#include "kernel/blocks/nf4.h"
#include "model/adapter_file.h"
#include "model/adapter_values.h"
#include "model/gguf_adapter.h"
#include "model/model.h"
#include "train/adamw.h"
#include "train/dpo.h"
#include "train/full_model.h"
#include "train/lora.h"
#include "training_runs.h"

namespace freehold::golden {
namespace {

class Training : public testing::TestWithParam<int> {};  // threads

TEST_P(Training, AllWeights) {
  GOLDEN_KIND("training");
  const fs::path kind = "training";
  const format::Value top = json(oracle() / kind / "golden.json");
  const auto cases = runs(kind, "full");
  require_cases(cases.size(), kind);
  for (const fs::path& run : cases) {
    SCOPED_TRACE(run);
    ThreadPool pool(GetParam());
    auto base = format::open_checkpoint(float_base(kind));
    ASSERT_TRUE(base.has_value()) << base.error().what;
    auto model = train::FullModel::load(*base, pool);
    ASSERT_TRUE(model.has_value()) << model.error().what;
    Worst worst = run_steps(**model, pool, run, *top.member("hyper"), ids(*top.member("probe_ids")));
    if (fs::exists(run / "final.safetensors")) {
      worst.values = max_difference(tensors(run / "final.safetensors"), values_of(**model));
    }
    report(run, worst);
  }
}

// A base model that stays frozen, and the adapter of `folder` on it.
std::unique_ptr<train::LoraModel> lora_model(const fs::path& base, const fs::path& folder, ThreadPool& pool) {
  auto checkpoint = format::open_checkpoint(base);
  EXPECT_TRUE(checkpoint.has_value()) << checkpoint.error().what;
  if (!checkpoint) return nullptr;
  auto model = model::Model::load(std::make_shared<format::Checkpoint>(std::move(*checkpoint)), pool);
  EXPECT_TRUE(model.has_value()) << model.error().what;
  if (!model) return nullptr;
  auto adapter = model::read_peft(folder, (*model)->spec());
  EXPECT_TRUE(adapter.has_value()) << adapter.error().what;
  if (!adapter) return nullptr;
  auto lora = train::LoraModel::from(*model, pool, kernel::table_up_to(kernel::detect_level()), std::move(*adapter));
  EXPECT_TRUE(lora.has_value()) << lora.error().what;
  return lora ? std::move(*lora) : nullptr;
}

// The adapter as PEFT would read it back.
Tensors exported(const train::LoraModel& lora) {
  const TemporaryFolder folder;
  auto written = model::write_peft(folder.path, lora.spec(), lora.values());
  EXPECT_TRUE(written.has_value()) << written.error().what;
  auto again = model::read_peft(folder.path, lora.spec());
  EXPECT_TRUE(again.has_value()) << again.error().what;
  return tensors(folder.path / "adapter_model.safetensors");
}

TEST_P(Training, Adapters) {
  GOLDEN_KIND("training");
  const fs::path kind = "training";
  const format::Value top = json(oracle() / kind / "golden.json");
  const auto cases = runs(kind, "lora");
  require_cases(cases.size(), kind);
  for (const fs::path& run : cases) {
    SCOPED_TRACE(run);
    ThreadPool pool(GetParam());
    auto lora = lora_model(base_of(kind, run), run / "init", pool);
    ASSERT_NE(lora, nullptr);
    EXPECT_EQ(max_difference(tensors(run / "init" / "adapter_model.safetensors"), exported(*lora)), 0);
    Worst worst = run_steps(*lora, pool, run, *top.member("hyper"), ids(*top.member("probe_ids")));
    worst.values = max_difference(tensors(run / "final" / "adapter_model.safetensors"), exported(*lora));
    report(run, worst);
  }
}

// An adapter that was trained elsewhere gives its logits.
TEST_P(Training, ImportedAdapters) {
  GOLDEN_KIND("training");
  const fs::path kind = "training";
  const auto probe_ids = ids(*json(oracle() / kind / "golden.json").member("probe_ids"));
  for (const fs::path& run : runs(kind, "lora")) {
    SCOPED_TRACE(run);
    ThreadPool pool(GetParam());
    auto lora = lora_model(base_of(kind, run), run / "final", pool);
    ASSERT_NE(lora, nullptr);
    auto pass =
        train::Pass::create(*lora, pool, kernel::table_up_to(kernel::detect_level()), kLimits, model::KvChoice::f32);
    ASSERT_TRUE(pass.has_value());
    EXPECT_LE(max_difference(slurp_floats(run / "probe_logits.f32"), probe(**pass, *lora, probe_ids)), kLogitGate);
    EXPECT_LE(max_difference(slurp_floats(run / "probe_logits_merged.f32"), probe(**pass, *lora, probe_ids)),
              kLogitGate);
  }
}

// The same adapter as llama.cpp has it: the numbers of PEFT's, whether the base's rows of q and k lie in pairs (GGUF)
// or in halves (a folder); and written by us, the oracle's tensors.
TEST(Adapters, OfLlamaCppAreThoseOfPeft) {
  GOLDEN_KIND("training");
  const fs::path kind = "training";
  std::size_t cases = 0;
  for (const fs::path& run : runs(kind, "lora")) {
    const fs::path file = run / "final" / "adapter.gguf";
    if (!fs::exists(file)) continue;
    for (const fs::path& base : {base_of(kind, run), float_base(kind)}) {
      SCOPED_TRACE(file.string() + " on " + base.string());
      ++cases;
      const auto checkpoint = format::open_checkpoint(base);
      ASSERT_TRUE(checkpoint.has_value()) << checkpoint.error().what;
      const auto spec = model::inspect_spec(*checkpoint);
      ASSERT_TRUE(spec.has_value());
      const auto peft = model::read_adapter(run / "final", *checkpoint, *spec);
      const auto gguf = model::read_adapter(file, *checkpoint, *spec);
      ASSERT_TRUE(peft.has_value()) << peft.error().what;
      ASSERT_TRUE(gguf.has_value()) << gguf.error().what;
      EXPECT_EQ(model::digest_of(gguf->values), model::digest_of(peft->values));
      const TemporaryFolder folder;
      const auto written =
          model::write_gguf_adapter(folder.path / "a.gguf", *spec, *model::gguf_architecture(*checkpoint), *peft, "a");
      ASSERT_TRUE(written.has_value()) << written.error().what;
      EXPECT_TRUE(written->exact);
      const auto ours = format::open_gguf(folder.path / "a.gguf"), theirs = format::open_gguf(file);
      ASSERT_TRUE(ours.has_value() && theirs.has_value());
      ASSERT_EQ(ours->tensors.size(), theirs->tensors.size());
      for (const tensor::View& t : theirs->tensors) {
        const tensor::View* own = ours->find(t.name);
        ASSERT_NE(own, nullptr) << t.name;
        EXPECT_EQ(own->shape, t.shape) << t.name;
        EXPECT_TRUE(std::equal(own->bytes.begin(), own->bytes.end(), t.bytes.begin(), t.bytes.end())) << t.name;
      }
    }
  }
  require_cases(cases, kind);
}

// Promise 2: what the trainer computes for base and adapter is what the server computes, to the bit.
TEST_P(Training, TrainerIsServer) {
  GOLDEN_KIND("training");
  const fs::path kind = "training";
  const auto probe_ids = ids(*json(oracle() / kind / "golden.json").member("probe_ids"));
  for (const fs::path& run : runs(kind, "lora")) {
    SCOPED_TRACE(run);
    ThreadPool pool(GetParam());
    const kernel::Table& kernels = kernel::table_up_to(kernel::detect_level());
    auto lora = lora_model(base_of(kind, run), run / "final", pool);
    ASSERT_NE(lora, nullptr);
    auto pass = train::Pass::create(*lora, pool, kernels, kLimits);
    ASSERT_TRUE(pass.has_value());
    const std::vector<float> trained = probe(**pass, *lora, probe_ids);
    model::Executor executor(lora->base(), pool, kernels, 64, 64, 64, 64);
    auto cache = model::KvCache::create(model::KvLayout(lora->spec()), 128, 2, 64, 64);
    ASSERT_TRUE(cache.has_value());
    model::KvSequence plain = (*cache)->new_sequence(), with = (*cache)->new_sequence();
    ASSERT_TRUE(plain.reserve(64).has_value() && with.reserve(64).has_value());
    std::vector<float> served(trained.size() + lora->spec().vocab);
    const model::BatchItem items[] = {{&plain, probe_ids, model::LogitsWanted::last},
                                      {&with, probe_ids, model::LogitsWanted::all, {}, lora->adapter()}};
    ASSERT_TRUE(executor.forward(items, served).has_value());
    EXPECT_EQ(std::memcmp(served.data() + lora->spec().vocab, trained.data(), trained.size() * sizeof(float)), 0);
  }
}

// Our quantiser gives the bytes of the oracle's 4-bit files, and our reader their values.
TEST(Nf4, GivesTheOraclesBytes) {
  GOLDEN_KIND("training");
  const fs::path kind = "training";
  const Tensors floats = tensors(float_base(kind) / "model.safetensors");
  std::size_t cases = 0;
  for (const fs::path& folder : entries(oracle() / kind)) {
    if (!fs::exists(folder / "config.json") || folder == float_base(kind)) continue;
    SCOPED_TRACE(folder);
    auto file = format::open_safetensors(folder / "model.safetensors");
    ASSERT_TRUE(file.has_value());
    const Tensors parts = tensors(folder / "model.safetensors");
    std::map<std::string, Bytes> bytes;
    for (const auto& t : file->others) bytes[t.name] = t.bytes;
    auto opened = format::open_checkpoint(folder);
    ASSERT_TRUE(opened.has_value()) << opened.error().what;
    for (const auto& [name, packed] : bytes) {
      if (!parts.contains(name + ".nested_absmax")) continue;
      SCOPED_TRACE(name);
      ++cases;
      for (const bool own_map : {false, true}) {
        const auto q = own_map ? kernel::quantise_nf4(floats.at(name))
                               : kernel::quantise_nf4(floats.at(name), parts.at(name + ".nested_quant_map"));
        ASSERT_TRUE(q.has_value()) << q.error().what;
        auto same = [](Bytes expected, const auto& got) {
          return expected.size() == got.size() && std::memcmp(expected.data(), got.data(), got.size()) == 0;
        };
        EXPECT_TRUE(same(packed, q->codes));
        EXPECT_TRUE(same(bytes.at(name + ".absmax"), q->absmax));
        EXPECT_EQ(q->nested_absmax, parts.at(name + ".nested_absmax"));
        auto state = format::parse_json(as_text(bytes.at(name + ".quant_state.bitsandbytes__nf4")));
        EXPECT_EQ(q->offset, static_cast<float>(number(*state, "nested_offset")));
        EXPECT_LE(max_difference(q->map, parts.at(name + ".nested_quant_map")), own_map ? 6e-8 : 0);
      }
    }
    const fs::path expected = folder / "dequantised.safetensors";
    if (!fs::exists(expected)) continue;
    for (const auto& [name, values] : tensors(expected)) {
      const tensor::View* view = opened->find(name);
      ASSERT_NE(view, nullptr) << name;
      EXPECT_EQ(view->type, tensor::DType::nf4);
      std::vector<float> got(view->elems());
      kernel::dequantise(view->type, view->bytes.data(), got.data(), got.size());
      EXPECT_EQ(got, values) << name;
    }
  }
  require_cases(cases, kind);
}

std::vector<train::PreferencePair> pairs_of(const format::Value& step) {
  std::vector<train::PreferencePair> out;
  for (const auto& p : step.items()) {
    out.push_back({ids(*p.member("prompt")), ids(*p.member("chosen")), ids(*p.member("rejected"))});
  }
  return out;
}

TEST_P(Training, Preferences) {
  GOLDEN_KIND("training");
  const fs::path kind = "training";
  std::size_t cases = 0;
  for (const fs::path& run : entries(oracle() / kind)) {
    if (!fs::exists(run / "golden.json") || json(run / "golden.json").member("beta") == nullptr) continue;
    ++cases;
    SCOPED_TRACE(run);
    const format::Value golden = json(run / "golden.json");
    ThreadPool pool(GetParam());
    auto lora = lora_model(base_of(kind, run), run / "init", pool);
    ASSERT_NE(lora, nullptr);
    auto pass =
        train::Pass::create(*lora, pool, kernel::table_up_to(kernel::detect_level()), kLimits, model::KvChoice::f32);
    ASSERT_TRUE(pass.has_value());
    const auto betas = golden.member("betas")->as_f64s().value();
    train::AdamW optimiser({betas[0], betas[1], number(golden, "eps"), number(golden, "weight_decay")},
                           lora->parameters());
    const auto steps = list(golden, "steps"), log = list(golden, "log_float64");
    ASSERT_EQ(steps.size(), log.size());
    Worst worst;
    for (std::size_t s = 0; s < steps.size(); ++s) {
      auto result = train::dpo_step(*lora, **pass, optimiser, pool, pairs_of(steps[s]),
                                    {number(golden, "beta"), number(golden, "max_grad_norm"), number(golden, "lr")});
      ASSERT_TRUE(result.has_value()) << result.error().what;
      worst.loss = std::max(worst.loss, std::fabs(result->loss - number(log[s], "loss")));
      const double norm = number(log[s], "grad_norm_before_clip");
      worst.norm = std::max(worst.norm, std::fabs(result->gradient_norm - norm) / norm);
      const auto margins = log[s].member("margins")->as_f64s().value();
      const auto logps = list(log[s], "logps_policy_chosen_rejected_ref_chosen_rejected");
      for (std::size_t i = 0; i < margins.size(); ++i) {
        const train::Preference& p = result->pairs[i];
        worst.loss = std::max(worst.loss, std::fabs(p.margin - margins[i]));
        const auto expected = logps[i].as_f64s().value();
        const double got[] = {p.policy_chosen, p.policy_rejected, p.reference_chosen, p.reference_rejected};
        for (std::size_t j = 0; j < 4; ++j) worst.logits = std::max(worst.logits, std::fabs(got[j] - expected[j]));
      }
    }
    worst.values = max_difference(tensors(run / "final" / "adapter_model.safetensors"), exported(*lora));
    report(run, worst);
  }
  require_cases(cases, kind);
}

INSTANTIATE_TEST_SUITE_P(Threads, Training, testing::Values(1, 2));

}  // namespace
}  // namespace freehold::golden
