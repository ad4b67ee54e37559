// oracle/quant/blocks: raw blocks of every type (also random and extreme bits) against their exact float32 values, bit
// for bit.
#include <bit>
#include <cmath>
#include <cstdint>
#include <nlohmann/json.hpp>

#include "kernel/blocks/dequantise.h"
#include "kernel/blocks/unpack.h"
#include "oracle.h"

namespace freehold::golden::quant_blocks_cases {
namespace {

namespace fs = std::filesystem;

// Bits, except that one NaN is as good as another.
bool same(float a, float b) {
  return std::bit_cast<std::uint32_t>(a) == std::bit_cast<std::uint32_t>(b) || (std::isnan(a) && std::isnan(b));
}

void compare(const std::vector<float>& got, const std::vector<float>& want, const std::string& name) {
  ASSERT_EQ(got.size(), want.size()) << name;
  for (std::size_t i = 0; i < want.size(); ++i) {
    ASSERT_TRUE(same(got[i], want[i])) << name << " element " << i << ": got " << got[i] << ", want " << want[i];
  }
}

// d * scale * q - m * min, evaluated in double (where every step is exact) and rounded once.
std::vector<float> by_formula(tensor::DType type, const std::byte* data, std::size_t elems) {
  std::vector<float> out(elems);
  for (std::size_t i = 0; i < elems; ++i) {
    static thread_local kernel::Block32 b;
    if (i % 32 == 0) kernel::unpack_block32(type, data, i / 32, b);
    double product = double(b.d) * b.scale[i % 32 / 16] * b.q[i % 32];
    out[i] = static_cast<float>(product - double(b.m) * b.min[i % 32 / 16]);
  }
  return out;
}

TEST(QuantBlocks, DequantiseToTheBit) {
  GOLDEN_KIND("quant/blocks");
  auto meta_path = golden::oracle() / "quant" / "meta.json";
  auto meta = nlohmann::json::parse(golden::slurp(meta_path), nullptr, false);
  std::size_t cases = 0;
  std::string skipped;
  for (const fs::path& path : golden::entries(golden::oracle() / "quant" / "blocks")) {
    if (path.extension() != ".bin") continue;
    ++cases;
    const std::string name = path.stem().string();
    auto type = tensor::dtype_from_name(name);
    if (!type) {
      bool required = !meta.is_object() || !meta.contains("blocks") || !meta["blocks"].contains(name) ||
                      meta["blocks"][name].value("required", true);
      EXPECT_FALSE(required) << name << " is required but we have no such type";
      skipped += " " + name;
      continue;
    }
    const std::string bytes = golden::slurp(path);
    const auto want = golden::slurp_floats(fs::path(path).replace_extension(".f32"));
    const auto& info = tensor::info(*type);
    ASSERT_EQ(bytes.size() % info.block_bytes, 0u) << name;
    const std::size_t elems = bytes.size() / info.block_bytes * info.block_elems;
    // At each of four alignments: blocks are read where they lie in a file.
    for (std::size_t shift = 0; shift < 4; ++shift) {
      std::string moved = std::string(shift, 'x') + bytes;
      std::vector<float> got(elems);
      kernel::dequantise(*type, reinterpret_cast<const std::byte*>(moved.data() + shift), got.data(), elems);
      compare(got, want, name);
    }
    if (info.quantised) {
      compare(by_formula(*type, reinterpret_cast<const std::byte*>(bytes.data()), elems), want,
              name + " by Block32's formula");
    }
  }
  golden::require_cases(cases, "quant/blocks");
  if (!skipped.empty()) std::printf("not supported, not required:%s\n", skipped.c_str());
}

}  // namespace
}  // namespace freehold::golden::quant_blocks_cases
