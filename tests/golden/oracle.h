// Where the golden tests find their cases: $FREEHOLD_SHARED/oracle (default: ../shared beside the source tree).
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

namespace freehold::golden {

inline std::filesystem::path oracle() {
  const char* shared = std::getenv("FREEHOLD_SHARED");
  auto root =
      shared != nullptr ? std::filesystem::path(shared) : std::filesystem::path(FREEHOLD_SOURCE_DIR) / ".." / "shared";
  return root / "oracle";
}

// What stands in the way of running the cases of one kind. No oracle at all: skipped. An oracle without this kind:
// nothing to do (skipped by name). A folder of this kind without a single case is a failure, which `require_cases`
// reports.
inline std::string missing(const std::filesystem::path& kind) {
  if (!std::filesystem::is_directory(oracle())) return "no oracle at " + oracle().string();
  if (!std::filesystem::is_directory(oracle() / kind)) return "the oracle has no " + kind.string();
  return "";
}

inline void require_cases(std::size_t cases, const std::filesystem::path& kind) {
  EXPECT_GT(cases, 0u) << (oracle() / kind) << " holds no case";
}

// The entries of a folder, sorted by name, so that runs compare.
inline std::vector<std::filesystem::path> entries(const std::filesystem::path& folder) {
  std::vector<std::filesystem::path> out;
  for (const auto& e : std::filesystem::directory_iterator(folder)) out.push_back(e.path());
  std::sort(out.begin(), out.end());
  return out;
}

inline std::string slurp(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

inline std::vector<float> slurp_floats(const std::filesystem::path& path) {
  std::string bytes = slurp(path);
  std::vector<float> out(bytes.size() / sizeof(float));
  std::copy_n(bytes.data(), out.size() * sizeof(float), reinterpret_cast<char*>(out.data()));
  return out;
}

}  // namespace freehold::golden

// First line of every golden test: GOLDEN_KIND("tokenizers");
#define GOLDEN_KIND(kind) \
  if (auto why = freehold::golden::missing(kind); !why.empty()) GTEST_SKIP() << why
