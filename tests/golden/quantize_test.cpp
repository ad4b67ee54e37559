// oracle/quant/quantize: the same floats quantised by us and by the reference. Types whose rounding is defined give the
// same bytes; the others, which search, leave at most 1.05 times the reference's error in every row.
#include <cmath>
#include <cstdint>
#include <nlohmann/json.hpp>

#include "kernel/blocks/dequantise.h"
#include "kernel/blocks/quantise.h"
#include "oracle.h"

namespace freehold::golden::quantize_cases {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr double kSlack = 1.05;

double rmse(const float* a, const float* b, std::size_t n) {
  double sum = 0;
  for (std::size_t i = 0; i < n; ++i) sum += (double(a[i]) - b[i]) * (double(a[i]) - b[i]);
  return std::sqrt(sum / double(n));
}

// Checks one TYPE.bin; `what` is its entry in meta.json.
void run_case(const std::string& name, tensor::DType type, const json& what, const std::vector<float>& input,
              std::size_t cols, const std::string& reference) {
  const auto& info = tensor::info(type);
  ASSERT_EQ(cols % info.block_elems, 0u) << name;
  const std::size_t rows = input.size() / cols;
  const std::size_t row_bytes = cols / info.block_elems * info.block_bytes;
  ASSERT_EQ(reference.size(), rows * row_bytes) << name;
  const bool same_bytes = what.value("gguf_py_same_bytes", json()) == json(true);
  double sum_log_ratio = 0, worst = 0;
  std::size_t ratios = 0;
  for (std::size_t r = 0; r < rows; ++r) {
    std::vector<std::byte> got(row_bytes);
    const float* x = input.data() + r * cols;
    auto ok = kernel::quantise_row(type, {x, cols}, got);
    ASSERT_TRUE(ok) << name << " row " << r << ": " << ok.error().what;
    if (same_bytes) {
      for (std::size_t i = 0; i < row_bytes; ++i) {
        ASSERT_EQ(static_cast<int>(got[i]), static_cast<unsigned char>(reference[r * row_bytes + i]))
            << name << " row " << r << " byte " << i;
      }
      continue;
    }
    std::vector<float> back(cols);
    kernel::dequantise(type, got.data(), back.data(), cols);
    const double ours = rmse(x, back.data(), cols);
    ASSERT_GT(what["rmse_per_row"].size(), r) << name;
    const double theirs = what["rmse_per_row"][r].get<double>();
    EXPECT_LE(ours, kSlack * theirs) << name << " row " << r;
    if (theirs > 0 && ours > 0) {
      sum_log_ratio += std::log(ours / theirs);
      worst = std::max(worst, ours / theirs);
      ++ratios;
    }
  }
  if (ratios > 0)
    std::printf("%-7s error / reference's: mean %.4f, worst row %.4f\n", name.c_str(),
                std::exp(sum_log_ratio / double(ratios)), worst);
}

TEST(Quantize, AsTheReferenceOrCloser) {
  GOLDEN_KIND("quant/quantize");
  const fs::path folder = golden::oracle() / "quant" / "quantize";
  auto meta = json::parse(golden::slurp(golden::oracle() / "quant" / "meta.json"), nullptr, false);
  ASSERT_TRUE(meta.is_object() && meta.contains("quantize") && meta.contains("quantize_input")) << "quant/meta.json";
  const auto input = golden::slurp_floats(folder / "input.f32");
  const auto cols = meta["quantize_input"]["cols"].get<std::size_t>();
  ASSERT_EQ(input.size(), cols * meta["quantize_input"]["rows"].get<std::size_t>());
  std::size_t cases = 0;
  for (const fs::path& path : golden::entries(folder)) {
    if (path.extension() != ".bin") continue;
    ++cases;
    const std::string name = path.stem().string();
    auto type = tensor::dtype_from_name(name);
    if (!type) {
      ADD_FAILURE() << name << ": we have no such type";
      continue;
    }
    ASSERT_TRUE(meta["quantize"].contains(name)) << name << " is not in meta.json";
    run_case(name, *type, meta["quantize"][name], input, cols, golden::slurp(path));
  }
  golden::require_cases(cases, "quant/quantize");
}

}  // namespace
}  // namespace freehold::golden::quantize_cases
