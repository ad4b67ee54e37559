// oracle/quant/model: a trained model and its quantised forms. The reference's files must load as well as the reference
// runs them, and what our own quantiser makes of the unquantised model must be as good: the same types for the same
// tensors, and a mean Kullback-Leibler divergence from the unquantised logits of at most 1.05 times the reference's.
#include <unistd.h>

#include <cmath>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "base/file.h"
#include "runner.h"
#include "store/quantize.h"

namespace freehold::golden::quant_kl_cases {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr double kSlack = 1.05;

struct Evaluation {
  std::vector<std::vector<std::int32_t>> windows;  // BOS, then the tokens that are scored
};

Evaluation read_evaluation(const json& golden) {
  Evaluation out;
  const auto ids = golden.at("eval_ids").get<std::vector<std::int32_t>>();
  const auto chunk = golden.at("chunk_tokens").get<std::size_t>();
  for (std::size_t at = 0; at < ids.size(); at += chunk) {
    std::vector<std::int32_t> window{golden.at("bos").get<std::int32_t>()};
    const auto begin = ids.begin() + static_cast<std::ptrdiff_t>(at);
    window.insert(window.end(), begin, begin + static_cast<std::ptrdiff_t>(std::min(chunk, ids.size() - at)));
    out.windows.push_back(std::move(window));
  }
  return out;
}

// Log-probabilities (scored tokens, V) of every position that predicts a token of its window.
std::vector<std::vector<double>> log_probabilities(golden::Runner& runner, const Evaluation& evaluation) {
  std::vector<std::vector<double>> out;
  const std::size_t V = runner.vocab();
  for (const auto& window : evaluation.windows) {
    const std::vector<float> logits = runner.logits(std::span(window).first(window.size() - 1));
    for (std::size_t r = 0; r + 1 < window.size(); ++r) {
      const float* row = logits.data() + r * V;
      const double most = *std::max_element(row, row + V);
      double sum = 0;
      for (std::size_t v = 0; v < V; ++v) sum += std::exp(row[v] - most);
      std::vector<double> log_p(V);
      for (std::size_t v = 0; v < V; ++v) log_p[v] = row[v] - most - std::log(sum);
      out.push_back(std::move(log_p));
    }
  }
  return out;
}

struct Score {
  double mean_kl = 0;
  double perplexity = 0;
};

Score score(const std::vector<std::vector<double>>& base, const std::vector<std::vector<double>>& other,
            const Evaluation& evaluation) {
  double kl = 0, nats = 0;
  std::size_t n = 0;
  for (const auto& window : evaluation.windows) {
    for (std::size_t r = 0; r + 1 < window.size(); ++r, ++n) {
      for (std::size_t v = 0; v < base[n].size(); ++v) kl += std::exp(base[n][v]) * (base[n][v] - other[n][v]);
      nats -= other[n][static_cast<std::size_t>(window[r + 1])];
    }
  }
  return {kl / double(n), std::exp(nats / double(n))};
}

std::vector<std::vector<double>> run_file(const fs::path& path, const Evaluation& evaluation,
                                          model::KvChoice kept = model::KvChoice::automatic) {
  auto runner = golden::Runner::open(path, 2048, kernel::detect_level(), 2, kept);
  if (!runner) return {};
  return log_probabilities(*runner, evaluation);
}

// {"Q6_K": ["token_embd.weight", …], "F32": 5}: a list of names, or only how many there are.
void compare_types(const std::string& name, const json& expected, const store::Written& written) {
  std::map<std::string, std::set<std::string>> by_type;
  for (const auto& t : written.tensors) by_type[std::string(tensor::name_of(t.type))].insert(t.name);
  for (const auto& [type, which] : expected.items()) {
    if (which.is_number()) {
      EXPECT_EQ(by_type[type].size(), which.get<std::size_t>()) << name << " " << type;
    } else {
      EXPECT_EQ(by_type[type], which.get<std::set<std::string>>()) << name << " " << type;
    }
  }
}

class Produced {
 public:
  Produced() {
    std::string pattern = (fs::temp_directory_path() / "freehold-quant-XXXXXX").string();
    folder_ = ::mkdtemp(pattern.data());
  }
  ~Produced() {
    std::error_code ec;
    fs::remove_all(folder_, ec);
  }
  // The base quantised by us, at `path()`.
  Result<store::Written> make(const fs::path& base, std::string_view type) {
    FH_TRY(auto source, format::open_checkpoint(base));
    FH_TRY(auto mix, store::weight_type_from_name(type));
    FH_TRY(auto file, AtomicFile::create(path()));
    ThreadPool pool(2);
    FH_TRY(auto written, store::quantize(*source.gguf(), {mix}, pool, [&](Bytes b) { return file.write(b); }));
    FH_TRY_VOID(file.commit());
    return written;
  }
  fs::path path() const { return folder_ / "model.gguf"; }

 private:
  fs::path folder_;
};

void run_case(const fs::path& folder) {
  const json golden = json::parse(golden::slurp(folder / "golden.json"));
  const Evaluation evaluation = read_evaluation(golden);
  fs::path base_path;
  std::vector<std::vector<double>> base;
  for (const auto& [name, model] : golden.at("models").items()) {
    if (!model.contains("reference_float64")) continue;
    base_path = folder / model.at("file").get<std::string>();
    base = run_file(base_path, evaluation);
    ASSERT_FALSE(base.empty());
    // What a smaller cache costs by itself: little beside the finest weights here, whose KL is about 1e-4.
    const auto kl_with = [&](model::KvChoice kept) {
      return score(base, run_file(base_path, evaluation, kept), evaluation).mean_kl;
    };
    const double f16 = kl_with(model::KvChoice::f16), q8 = kl_with(model::KvChoice::q8_0);
    std::printf("%-8s mean KL by cache: f16 %.3e, q8_0 %.3e\n", name.c_str(), f16, q8);
    EXPECT_LE(f16, 1e-6) << name;
    EXPECT_LE(q8, 1e-4) << name;
    const double expected = model["reference_float64"].at("ppl").get<double>();
    EXPECT_NEAR(score(base, base, evaluation).perplexity, expected, 1e-4 * expected) << name;
  }
  ASSERT_FALSE(base.empty()) << "no model has a reference_float64";
  for (const auto& [name, model] : golden.at("models").items()) {
    if (!model.contains("llamacpp_f32kv")) continue;
    const double theirs = model["llamacpp_f32kv"].at("mean_kl").get<double>();
    const double exact =
        model.contains("dequantised_float64") ? model["dequantised_float64"].at("mean_kl").get<double>() : 0;
    const auto loaded = run_file(folder / model.at("file").get<std::string>(), evaluation);
    ASSERT_EQ(loaded.size(), base.size()) << name;
    const Score theirs_by_us = score(base, loaded, evaluation);
    EXPECT_LE(theirs_by_us.mean_kl, kSlack * theirs) << name << ": the reference's file, run by us";
    Produced produced;
    auto written = produced.make(base_path, name);
    ASSERT_TRUE(written) << name << ": " << written.error().what;
    if (model.contains("tensor_types")) compare_types(name, model["tensor_types"], *written);
    const auto ours = run_file(produced.path(), evaluation);
    ASSERT_EQ(ours.size(), base.size()) << name;
    const Score ours_by_us = score(base, ours, evaluation);
    EXPECT_LE(ours_by_us.mean_kl, kSlack * theirs) << name << ": quantised by us";
    std::printf("%-8s mean KL: exact %.3e, reference %.3e, its file run by us %.3e, ours %.3e (ppl %.4f)\n",
                name.c_str(), exact, theirs, theirs_by_us.mean_kl, ours_by_us.mean_kl, ours_by_us.perplexity);
  }
}

TEST(QuantKl, QuantisedModelsAreAsGoodAsTheReferences) {
  GOLDEN_KIND("quant/model");
  std::size_t cases = 0;
  const fs::path kind = golden::oracle() / "quant" / "model";
  // The folder is one case itself; folders inside it would be more.
  std::vector<fs::path> folders = {kind};
  for (const fs::path& entry : golden::entries(kind)) {
    if (fs::is_directory(entry)) folders.push_back(entry);
  }
  for (const fs::path& folder : folders) {
    if (!fs::exists(folder / "golden.json")) continue;
    SCOPED_TRACE(folder);
    run_case(folder);
    ++cases;
  }
  golden::require_cases(cases, "quant/model");
}

}  // namespace
}  // namespace freehold::golden::quant_kl_cases
