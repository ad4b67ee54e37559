// Logits and greedy continuations of every model in oracle/models and oracle/real, from GGUF and from Hugging Face
// folders.
//
// Gates (oracle README): weights in F32 and F16 compute in float32, so every stored logit within 1e-3 and the greedy
// text equal. BF16 weights round activations to BF16 by contract: mean KL at most twice the oracle's upper figure, and
// the oracle's token best wherever its margin over the second exceeds 0.3. Quantised weights quantise activations: the
// same with int8's figures.
#include <cmath>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "runner.h"

namespace freehold::golden::models_cases {
namespace {

using nlohmann::json;
namespace fs = std::filesystem;

struct Gate {
  double max_difference;  // of any logit; infinite = not asked
  double mean_kl;
  double margin;  // the best token must agree where the reference's margin is above this
};

Gate gate_of(const Runner& model) {
  if (model.has_quantised()) return {INFINITY, 2 * 3.2e-3, 1.5};
  if (model.has_bf16()) return {INFINITY, 2 * 2.5e-4, 0.3};
  return {1e-3, 1e-6, 0.002};
}

double margin_of(std::span<const float> row) {
  std::vector<float> best(row.begin(), row.end());
  std::partial_sort(best.begin(), best.begin() + 2, best.end(), std::greater<>());
  return best[0] - best[1];
}

void check_prompt(Runner& model, const Gate& gate, const json& prompt, std::span<const float> stored, double& kl_sum,
                  std::size_t& rows) {
  const auto ids = prompt.at("ids").get<std::vector<std::int32_t>>();
  const std::size_t V = model.vocab();
  const std::vector<float> ours = model.logits(ids);
  auto row = [&](std::size_t t) { return std::span(ours).subspan(t * V, V); };
  std::vector<std::size_t> stored_rows;
  if (prompt.contains("rows")) {
    stored_rows = prompt["rows"].get<std::vector<std::size_t>>();
  } else {
    for (std::size_t t = 0; t < ids.size(); ++t) stored_rows.push_back(t);
  }
  const std::size_t offset = prompt.at("offset_floats").get<std::size_t>();
  ASSERT_LE(offset + stored_rows.size() * V, stored.size());
  double worst = 0;
  for (std::size_t i = 0; i < stored_rows.size(); ++i) {
    const auto reference = stored.subspan(offset + i * V, V);
    const auto mine = row(stored_rows[i]);
    for (std::size_t v = 0; v < V; ++v) worst = std::max<double>(worst, std::fabs(reference[v] - mine[v]));
    kl_sum += kl(reference, mine);
    ++rows;
    if (margin_of(reference) > gate.margin) {
      EXPECT_EQ(argmax(mine), argmax(reference)) << "position " << stored_rows[i];
    }
  }
  EXPECT_LE(worst, gate.max_difference) << "prompt of " << ids.size() << " tokens";
  if (!std::isfinite(gate.max_difference)) return;
  // Every position, also those whose logits are not stored.
  const auto best = prompt.at("argmax").get<std::vector<std::size_t>>();
  for (std::size_t t = 0; t < best.size(); ++t) {
    EXPECT_LE(row(t)[argmax(row(t))] - row(t)[best[t]], gate.margin) << "position " << t;
  }
  if (prompt.contains("logsumexp")) {
    const auto lse = prompt["logsumexp"].get<std::vector<double>>();
    for (std::size_t t = 0; t < lse.size(); ++t)
      EXPECT_NEAR(log_sum_exp(row(t)), lse[t], gate.max_difference) << "position " << t;
  }
  if (prompt.contains("next_token_logprob")) {
    const auto next = prompt["next_token_logprob"].get<std::vector<double>>();
    for (std::size_t t = 0; t < next.size(); ++t) {
      EXPECT_NEAR(row(t)[static_cast<std::size_t>(ids[t + 1])] - log_sum_exp(row(t)), next[t], 2 * gate.max_difference)
          << "position " << t;
    }
  }
}

void check_greedy(Runner& model, const Gate& gate, const json& g) {
  auto prompt = g.at("prompt").get<std::vector<std::int32_t>>();
  const auto expected = g.at("ids").get<std::vector<std::int32_t>>();
  const auto margins = g.at("margins").get<std::vector<double>>();
  if (std::isfinite(gate.max_difference)) {
    EXPECT_EQ(model.greedy(prompt, expected.size()), expected);
    return;
  }
  // Rounded activations: each step after the oracle's own prefix.
  std::vector<std::int32_t> all = prompt;
  all.insert(all.end(), expected.begin(), expected.end());
  const auto logits = model.logits(all);
  for (std::size_t i = 0; i < expected.size(); ++i) {
    if (margins[i] <= gate.margin) continue;
    const auto row = std::span(logits).subspan((prompt.size() - 1 + i) * model.vocab(), model.vocab());
    EXPECT_EQ(argmax(row), static_cast<std::size_t>(expected[i])) << "step " << i;
  }
}

void check(const fs::path& path, const json& golden, std::span<const float> stored) {
  SCOPED_TRACE(path.string());
  auto model = Runner::open(path);
  if (!model) return;
  const Gate gate = gate_of(*model);
  double kl_sum = 0;
  std::size_t rows = 0;
  for (const json& prompt : golden.at("prompts")) check_prompt(*model, gate, prompt, stored, kl_sum, rows);
  EXPECT_LE(kl_sum / static_cast<double>(std::max<std::size_t>(rows, 1)), gate.mean_kl);
  std::printf("%s: %zu positions, mean KL %.2e\n", path.c_str(), rows,
              kl_sum / static_cast<double>(std::max<std::size_t>(rows, 1)));
  if (!golden.contains("greedy")) return;
  for (const json& g : golden["greedy"]) {
    if (g.contains("prompt") && g["prompt"].is_array()) check_greedy(*model, gate, g);
  }
}

TEST(Models, LogitsAndGreedyTextOfEveryModel) {
  GOLDEN_KIND("models");
  std::size_t cases = 0;
  for (const fs::path& folder : entries(oracle() / "models")) {
    if (!fs::exists(folder / "golden.json")) continue;
    ++cases;
    const json golden = json::parse(slurp(folder / "golden.json"));
    const auto stored = slurp_floats(folder / golden["logits_file"].value("file", "logits.f32"));
    check(folder / golden.value("file", "model.gguf"), golden, stored);
    if (golden.contains("hf") && golden["hf"].is_object())
      check(folder / golden["hf"].value("dir", "hf"), golden, stored);
  }
  require_cases(cases, "models");
}

// Real checkpoints: every GGUF of floats against the stored logits, greedy ids against the reference's.
TEST(Models, RealCheckpoints) {
  GOLDEN_KIND("real");
  std::size_t cases = 0;
  for (const fs::path& folder : entries(oracle() / "real")) {
    if (!fs::exists(folder / "golden.json")) continue;
    ++cases;
    const json golden = json::parse(slurp(folder / "golden.json"));
    const json& file = golden.at("logits_file");
    const auto stored =
        slurp_floats(folder / (file.is_string() ? file.get<std::string>() : file.value("file", "logits.f32")));
    for (const fs::path& path : entries(folder)) {
      if (path.extension() != ".gguf") continue;
      check(path, golden, stored);
      auto model = Runner::open(path);
      if (!model || model->has_quantised()) continue;
      for (const json& g : golden.at("greedy")) {
        // ids_ref holds BOS, the prompt and the continuation. Teacher-forced, so that a tie in the last bit costs one
        // position.
        const auto ids = g.at("ids_ref").get<std::vector<std::int32_t>>();
        const auto logits = model->logits(ids);
        const std::size_t V = model->vocab();
        std::size_t best = 0;
        for (std::size_t t = 0; t + 1 < ids.size(); ++t)
          best += argmax(std::span(logits).subspan(t * V, V)) == static_cast<std::size_t>(ids[t + 1]);
        const std::string prompt = g.at("prompt");
        EXPECT_GE(best + prompt.size() + 1, ids.size() - 1)
            << path << ": " << prompt;  // the prompt's own tokens need not be the best
      }
    }
  }
  require_cases(cases, "real");
}

}  // namespace
}  // namespace freehold::golden::models_cases
