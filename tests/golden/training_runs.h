// Runs a training run of the oracle and compares all that it logs.
#pragma once

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <iostream>

#include "format/checkpoint.h"
#include "kernel/kernels.h"
#include "model/peft.h"
#include "train/adamw.h"
#include "train/pass.h"
#include "train/schedule.h"
#include "train/step.h"
#include "training_oracle.h"

namespace freehold::golden {

namespace fs = std::filesystem;
using Tensors = std::map<std::string, std::vector<float>>;

inline constexpr train::PassLimits kLimits{512, 8};

struct Worst {
  double loss = 0, norm = 0, gradient = 0, values = 0, logits = 0;
};

inline Tensors values_of(train::Trainable& model) {
  Tensors out;
  for (const auto& p : model.parameters()) out[p.name].assign(p.value.begin(), p.value.end());
  return out;
}
// In the order of rows that PEFT's files have.
inline Tensors gradients_of(train::Trainable& model) {
  Tensors out;
  for (const auto& p : model.parameters()) {
    std::vector<float>& g = out[p.name];
    g.assign(p.gradient.begin(), p.gradient.end());
    for (const model::Site site : {model::Site::q, model::Site::k}) {
      if (model.adapter() == nullptr || !p.name.ends_with(fmt::format("{}.lora_B.weight", name_of(site)))) continue;
      model::reorder_heads(model.spec(), site, g, p.shape[1], model::RowOrder::to_hugging_face);
    }
  }
  return out;
}

inline std::vector<float> probe(train::Pass& pass, const train::Trainable& model,
                                const std::vector<std::int32_t>& tokens) {
  const std::span<const std::int32_t> sequence = tokens;
  EXPECT_TRUE(pass.forward({&sequence, 1}, model.adapter()).has_value());
  std::vector<std::uint32_t> rows(tokens.size());
  for (std::uint32_t i = 0; i < rows.size(); ++i) rows[i] = i;
  std::vector<float> logits(rows.size() * model.spec().vocab);
  pass.logits(rows, logits);
  return logits;
}

// Everything that a run's golden.json logs about its steps.
inline Worst run_steps(train::Trainable& model, ThreadPool& pool, const fs::path& run, const format::Value& hyper,
                       const std::vector<std::int32_t>& probe_ids) {
  const format::Value golden = json(run / "golden.json");
  const bool full = text(golden, "mode") == "full";
  Worst worst;
  auto pass =
      train::Pass::create(model, pool, kernel::table_up_to(kernel::detect_level()), kLimits, model::KvChoice::f32);
  EXPECT_TRUE(pass.has_value());
  if (!pass) return worst;
  const auto betas = hyper.member("betas")->as_f64s().value();
  train::AdamW optimiser({betas[0], betas[1], number(hyper, "eps"), number(hyper, "weight_decay")}, model.parameters());
  const train::Schedule schedule{train::Decay::cosine, number(hyper, full ? "lr_full" : "lr_lora"),
                                 static_cast<std::uint64_t>(number(hyper, "warmup_steps")),
                                 static_cast<std::uint64_t>(number(hyper, "steps"))};
  train::StepOptions options;
  options.mean = text(golden, "loss_normalisation") == "micro" ? train::Mean::micro_means : train::Mean::tokens;
  options.max_norm = number(hyper, "max_grad_norm");

  const auto data = training_data(run.parent_path() / "data.json");
  const auto log = list(golden, "log_float64");
  EXPECT_EQ(log.size(), data.size());
  const fs::path gradients = run / "grads_step1.safetensors";
  for (std::size_t s = 0; s < data.size(); ++s) {
    options.learning_rate = schedule.at(s);
    EXPECT_NEAR(options.learning_rate, number(log[s], "lr"), 1e-12);
    if (s == 0 && fs::exists(gradients)) {
      EXPECT_TRUE(train::accumulate(model, **pass, pool, data[s], options).has_value());
      const Tensors expected = tensors(gradients);
      worst.gradient = max_difference(expected, gradients_of(model));
    }
    auto result = train::step(model, **pass, optimiser, pool, data[s], options);
    EXPECT_TRUE(result.has_value()) << result.error().what;
    if (!result) return worst;
    worst.loss = std::max(worst.loss, std::fabs(result->loss - number(log[s], "loss")));
    const double norm = number(log[s], "grad_norm_before_clip");
    worst.norm = std::max(worst.norm, std::fabs(result->gradient_norm - norm) / norm);
    const auto means = log[s].member("micro_mean_losses")->as_f64s().value();
    for (std::size_t m = 0; m < means.size(); ++m) {
      worst.loss = std::max(worst.loss, std::fabs(result->micro_means[m] - means[m]));
    }
  }
  auto first = train::evaluate(model, **pass, data.front());
  auto last = train::evaluate(model, **pass, data.back());
  EXPECT_TRUE(first.has_value() && last.has_value());
  worst.loss = std::max(worst.loss, std::fabs(*first - number(golden, "final_eval_loss_on_step0_batch")));
  worst.loss = std::max(worst.loss, std::fabs(*last - number(golden, "final_eval_loss_on_last_batch")));
  worst.logits = max_difference(slurp_floats(run / "probe_logits.f32"), probe(**pass, model, probe_ids));
  return worst;
}

inline void report(const fs::path& run, const Worst& worst) {
  std::cout << fmt::format("{}: loss {:.2e}, norm {:.2e}, gradient {:.2e}, weights {:.2e}, logits {:.2e}\n",
                           run.filename().string(), worst.loss, worst.norm, worst.gradient, worst.values, worst.logits);
  EXPECT_LE(worst.loss, kLossGate);
  EXPECT_LE(worst.norm, kNormGate);
  EXPECT_LE(worst.gradient, kAdapterGate);
  EXPECT_LE(worst.values, kAdapterGate);
  EXPECT_LE(worst.logits, kLogitGate);
}

// The folders below `kind` that hold a run of this mode.
inline std::vector<fs::path> runs(const fs::path& kind, std::string_view mode) {
  std::vector<fs::path> out;
  for (const fs::path& folder : entries(oracle() / kind)) {
    if (fs::exists(folder / "golden.json") && text(json(folder / "golden.json"), "mode") == mode) out.push_back(folder);
  }
  return out;
}

// The float checkpoint that all weights of a run are trained from: the only folder without a quantisation.
inline fs::path float_base(const fs::path& kind) {
  for (const fs::path& folder : entries(oracle() / kind)) {
    if (fs::exists(folder / "config.json") && json(folder / "config.json").member("quantization_config") == nullptr) {
      return folder;
    }
  }
  return {};
}

// What a run's adapter sits on. A run whose name ends like a base folder's ("…-x" on "base-x") is on that base; the
// others are on the float weights, for which a GGUF of the same numbers stands: the one file of that kind.
inline fs::path base_of(const fs::path& kind, const fs::path& run) {
  fs::path gguf;
  const std::string name = run.filename().string();
  for (const fs::path& entry : entries(oracle() / kind)) {
    if (entry.extension() == ".gguf") gguf = entry;
    if (!fs::exists(entry / "config.json") || entry == float_base(kind)) continue;
    const std::string base = entry.filename().string();
    const std::string suffix = base.substr(base.find('-'));
    if (name.ends_with(suffix)) return entry;
  }
  return gguf;
}

// A folder that goes away with its owner.
struct TemporaryFolder {
  fs::path path;
  TemporaryFolder() {
    std::string name = (fs::temp_directory_path() / "freehold-training-XXXXXX").string();
    EXPECT_NE(mkdtemp(name.data()), nullptr);
    path = name;
  }
  ~TemporaryFolder() { fs::remove_all(path); }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
};

}  // namespace freehold::golden
