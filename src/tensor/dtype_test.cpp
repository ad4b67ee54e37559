#include "tensor/dtype.h"

#include <gtest/gtest.h>

#include <limits>
#include <set>
#include <string>

#include "tensor/view.h"

namespace freehold::tensor {
namespace {

TEST(DType, TheTableAgreesWithItself) {
  std::set<std::string> names;
  for (const DTypeInfo& i : all_dtypes()) {
    auto number = static_cast<std::uint32_t>(i.type);
    EXPECT_EQ(dtype_from_gguf(number), i.type);
    EXPECT_EQ(dtype_from_name(i.name), i.type);
    EXPECT_EQ(gguf_type_name(number), i.name);
    EXPECT_EQ(name_of(i.type), i.name);
    EXPECT_EQ(i.quantised, i.block_elems > 1);
    EXPECT_EQ(byte_size(i.type, i.block_elems * 7), i.block_bytes * 7);
    EXPECT_TRUE(names.insert(std::string(i.name)).second);
  }
}

// Bits per weight as the formats' authors state them: a wrong block size would show here.
TEST(DType, BitsPerWeight) {
  auto bits = [](DType t) {
    return 8.0 * static_cast<double>(info(t).block_bytes) / static_cast<double>(info(t).block_elems);
  };
  EXPECT_EQ(bits(DType::q4_0), 4.5);
  EXPECT_EQ(bits(DType::q4_1), 5.0);
  EXPECT_EQ(bits(DType::q5_0), 5.5);
  EXPECT_EQ(bits(DType::q5_1), 6.0);
  EXPECT_EQ(bits(DType::q8_0), 8.5);
  EXPECT_EQ(bits(DType::q2_k), 2.625);
  EXPECT_EQ(bits(DType::q3_k), 3.4375);
  EXPECT_EQ(bits(DType::q4_k), 4.5);
  EXPECT_EQ(bits(DType::q5_k), 5.5);
  EXPECT_EQ(bits(DType::q6_k), 6.5625);
  EXPECT_EQ(bits(DType::iq4_nl), 4.5);
  EXPECT_EQ(bits(DType::iq4_xs), 4.25);
  EXPECT_EQ(bits(DType::mxfp4), 4.25);
}

TEST(DType, UnknownOnesAreNothing) {
  EXPECT_FALSE(dtype_from_gguf(4).has_value());
  EXPECT_FALSE(dtype_from_gguf(16).has_value());
  EXPECT_EQ(gguf_type_name(16), "IQ2_XXS");
  EXPECT_FALSE(dtype_from_gguf(0xFFFFFFFF).has_value());
  EXPECT_TRUE(gguf_type_name(0xFFFFFFFF).empty());
  EXPECT_FALSE(dtype_from_name("").has_value());
  EXPECT_FALSE(dtype_from_name("Q4").has_value());
  EXPECT_EQ(dtype_from_name("q4_k"), DType::q4_k);
}

TEST(DType, SizesAreWholeBlocksOrNothing) {
  EXPECT_EQ(byte_size(DType::q4_k, 0), 0u);
  EXPECT_FALSE(byte_size(DType::q4_k, 255).has_value());
  EXPECT_FALSE(byte_size(DType::f32, std::uint64_t{1} << 62).has_value()) << "overflows 64 bits";
  EXPECT_EQ(byte_size(DType::f32, (std::uint64_t{1} << 62) - 1), std::numeric_limits<std::uint64_t>::max() - 3);
}

TEST(View, ShapesAreCountedOutermostFirst) {
  View v{.name = "w", .type = DType::f32, .shape = {3, 4, 5}, .bytes = {}};
  EXPECT_EQ(v.elems(), 60u);
  EXPECT_EQ(v.row_elems(), 5u);
  EXPECT_EQ(v.rows(), 12u);
  View scalar;
  EXPECT_EQ(scalar.elems(), 1u);
  EXPECT_EQ(scalar.rows(), 1u);
  EXPECT_EQ(scalar.row_elems(), 1u);
}

}  // namespace
}  // namespace freehold::tensor
