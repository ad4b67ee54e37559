// Opens every model file that the oracle has, whatever their names: all GGUFs and all Hugging Face folders below
// models, quant, real and training, and writes each GGUF again.
#include <gtest/gtest.h>

#include <cstdio>
#include <filesystem>
#include <optional>

#include "format/checkpoint.h"
#include "format/gguf_writer.h"
#include "oracle.h"

namespace freehold::format {
namespace {

namespace fs = std::filesystem;

std::vector<fs::path> below(const fs::path& root, const std::string& file_or_extension) {
  std::vector<fs::path> out;
  for (const auto& e : fs::recursive_directory_iterator(root)) {
    if (e.path().filename() == file_or_extension || e.path().extension() == file_or_extension) out.push_back(e.path());
  }
  std::sort(out.begin(), out.end());
  return out;
}

void check_tensors(const Checkpoint& c, const fs::path& path) {
  for (const auto& t : c.tensors()) {
    EXPECT_EQ(c.find(t.name), &t) << path;
    EXPECT_EQ(tensor::byte_size(t.type, t.elems()), t.bytes.size()) << path << " " << t.name;
  }
}

// Read, written and read again, a file is the same; v3 files by our writer's layout are even the same bytes.
void check_rewrite(const Gguf& g, const fs::path& path) {
  std::string bytes;
  std::vector<GgufTensor> tensors;
  for (const auto& t : g.tensors) tensors.push_back({t.name, t.type, t.shape});
  auto writer = GgufWriter::start(
      [&](Bytes b) -> Result<> {
        bytes += as_text(b);
        return {};
      },
      g.metadata, tensors);
  ASSERT_TRUE(writer) << path << ": " << writer.error().what;
  for (const auto& t : g.tensors) ASSERT_TRUE(writer->append(t.bytes)) << path;
  ASSERT_TRUE(writer->finish()) << path;
  auto again = parse_gguf(as_bytes(bytes));
  ASSERT_TRUE(again) << path << ": " << again.error().what;
  ASSERT_EQ(again->tensors.size(), g.tensors.size()) << path;
  for (std::size_t i = 0; i < g.tensors.size(); ++i) {
    EXPECT_EQ(as_text(again->tensors[i].bytes), as_text(g.tensors[i].bytes)) << path << " " << g.tensors[i].name;
    EXPECT_EQ(again->tensors[i].shape, g.tensors[i].shape);
  }
  ASSERT_EQ(again->metadata.size(), g.metadata.size()) << path;
  if (g.version > 1) {
    for (std::size_t i = 0; i < g.metadata.size(); ++i) {
      EXPECT_TRUE(again->metadata.entries()[i] == g.metadata.entries()[i])
          << path << " " << g.metadata.entries()[i].key;
    }
  }
}

void check_kind(const fs::path& kind) {
  GOLDEN_KIND(kind);
  fs::path root = golden::oracle() / kind;
  std::size_t cases = 0;
  for (const fs::path& path : below(root, ".gguf")) {
    auto c = open_checkpoint(path);
    ASSERT_TRUE(c) << c.error().what;
    ++cases;
    check_tensors(*c, path);
    check_rewrite(*c->gguf(), path);
  }
  for (const fs::path& config : below(root, "config.json")) {
    auto c = open_checkpoint(config.parent_path());
    // A checkpoint quantised in a way that we do not read must say so, and only that.
    if (!c && c.error().code == Errc::unsupported) {
      EXPECT_NE(golden::slurp(config).find("quantization_config"), std::string::npos) << c.error().what;
      continue;
    }
    ASSERT_TRUE(c) << c.error().what;
    ++cases;
    check_tensors(*c, config);
  }
  golden::require_cases(cases, kind);
}

TEST(GoldenFormats, Models) {
  check_kind("models");
}
TEST(GoldenFormats, Quant) {
  check_kind("quant");
}
TEST(GoldenFormats, Real) {
  check_kind("real");
}
TEST(GoldenFormats, Training) {
  check_kind("training");
}

// Every safetensors file by itself: adapters and gradients have no config.json beside them.
TEST(GoldenFormats, Safetensors) {
  if (!fs::is_directory(golden::oracle())) GTEST_SKIP() << "no oracle";
  for (const fs::path& path : below(golden::oracle(), ".safetensors")) {
    auto s = open_safetensors(path);
    EXPECT_TRUE(s) << s.error().what;
  }
}

// Public files (one of them in version 1), where the shared data has them.
TEST(GoldenFormats, PublicModels) {
  fs::path root = golden::oracle().parent_path() / "data" / "models";
  if (!fs::is_directory(root)) GTEST_SKIP() << "no " << root;
  std::size_t cases = 0;
  for (const fs::path& path : below(root, ".gguf")) {
    auto g = open_gguf(path);
    ASSERT_TRUE(g) << g.error().what;
    ++cases;
    check_rewrite(*g, path);
  }
  EXPECT_GT(cases, 0u) << root;
}

}  // namespace
}  // namespace freehold::format
