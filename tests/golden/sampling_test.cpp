// sampling/golden.json: every chain over every vector leaves the ids and probabilities that the reference found.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "engine/sampling/sampler.h"
#include "oracle.h"

namespace freehold::engine {
namespace {

using nlohmann::json;

const char* const kNames[] = {"logit_bias", "repetition", "freq_presence", "temperature",
                              "top_k",      "typical",    "top_p",         "min_p"};

SamplerStep step_of(const json& step) {
  std::string name = step.at(0).get<std::string>();
  for (std::size_t i = 0; i < std::size(kNames); ++i) {
    if (name != kNames[i]) continue;
    return {static_cast<SamplerKind>(i), step.at(1).get<double>(), step.size() > 2 ? step.at(2).get<double>() : 0.0};
  }
  ADD_FAILURE() << "no sampler is called " << name;
  return {};
}

void run_case(const json& test, const json& vector) {
  auto logits = vector.at("logits").get<std::vector<float>>();
  auto history = vector.at("history").get<std::vector<std::int32_t>>();
  std::vector<SamplerStep> chain;
  for (const json& step : test.at("chain")) chain.push_back(step_of(step));
  Sampler sampler(static_cast<std::uint32_t>(logits.size()));
  auto left = sampler.apply(chain, logits, {{}, history});
  ASSERT_TRUE(left) << left.error().what;
  Candidates& c = **left;
  EXPECT_EQ(c.size(), test.at("kept").get<std::size_t>());
  auto ids = test.at("ids").get<std::vector<std::int32_t>>();
  auto probs = test.at("probs").get<std::vector<double>>();
  ASSERT_LE(ids.size(), c.size());
  double total = c.total();
  c.rank(c.size());
  for (std::size_t i = 0; i < ids.size(); ++i) {
    EXPECT_EQ(c.items()[i].id, ids[i]) << "rank " << i;
    EXPECT_NEAR(c.items()[i].weight / total, probs[i], 1e-6) << "rank " << i;
  }
}

TEST(Golden, Sampling) {
  GOLDEN_KIND("sampling");
  std::size_t cases = 0;
  for (const auto& path : golden::entries(golden::oracle() / "sampling")) {
    if (path.extension() != ".json") continue;
    json file = json::parse(golden::slurp(path));
    for (const json& test : file.at("cases")) {
      std::string vector = test.at("vector").get<std::string>();
      SCOPED_TRACE(path.filename().string() + ": " + vector + " " + test.at("chain").dump());
      run_case(test, file.at("vectors").at(vector));
      ++cases;
    }
  }
  golden::require_cases(cases, "sampling");
}

}  // namespace
}  // namespace freehold::engine
