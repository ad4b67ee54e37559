#include "tensor/dtype.h"

#include <algorithm>
#include <array>
#include <cctype>

#include "base/check.h"
#include "base/checked.h"

namespace freehold::tensor {
namespace {

constexpr std::array kTypes = {
    DTypeInfo{DType::f32, "F32", 1, 4, false},        DTypeInfo{DType::f16, "F16", 1, 2, false},
    DTypeInfo{DType::q4_0, "Q4_0", 32, 18, true},     DTypeInfo{DType::q4_1, "Q4_1", 32, 20, true},
    DTypeInfo{DType::q5_0, "Q5_0", 32, 22, true},     DTypeInfo{DType::q5_1, "Q5_1", 32, 24, true},
    DTypeInfo{DType::q8_0, "Q8_0", 32, 34, true},     DTypeInfo{DType::q2_k, "Q2_K", 256, 84, true},
    DTypeInfo{DType::q3_k, "Q3_K", 256, 110, true},   DTypeInfo{DType::q4_k, "Q4_K", 256, 144, true},
    DTypeInfo{DType::q5_k, "Q5_K", 256, 176, true},   DTypeInfo{DType::q6_k, "Q6_K", 256, 210, true},
    DTypeInfo{DType::iq4_nl, "IQ4_NL", 32, 18, true}, DTypeInfo{DType::iq4_xs, "IQ4_XS", 256, 136, true},
    DTypeInfo{DType::bf16, "BF16", 1, 2, false},      DTypeInfo{DType::mxfp4, "MXFP4", 32, 17, true},
};

constexpr DTypeInfo kNf4{DType::nf4, "NF4", 64, 36, false};

// Every number ggml has given out; the holes (4, 5, 31-33, 36-38) are types that were removed.
constexpr std::array<std::string_view, 40> kGgufNames = {
    "F32",    "F16",      "Q4_0",     "Q4_1",     "Q4_2",  "Q4_3",  "Q5_0",       "Q5_1",       "Q8_0",       "Q8_1",
    "Q2_K",   "Q3_K",     "Q4_K",     "Q5_K",     "Q6_K",  "Q8_K",  "IQ2_XXS",    "IQ2_XS",     "IQ3_XXS",    "IQ1_S",
    "IQ4_NL", "IQ3_S",    "IQ2_S",    "IQ4_XS",   "I8",    "I16",   "I32",        "I64",        "F64",        "IQ1_M",
    "BF16",   "Q4_0_4_4", "Q4_0_4_8", "Q4_0_8_8", "TQ1_0", "TQ2_0", "IQ4_NL_4_4", "IQ4_NL_4_8", "IQ4_NL_8_8", "MXFP4",
};

}  // namespace

std::span<const DTypeInfo> all_dtypes() {
  return kTypes;
}

const DTypeInfo& info(DType type) {
  if (type == DType::nf4) return kNf4;
  auto it = std::find_if(kTypes.begin(), kTypes.end(), [&](const DTypeInfo& i) { return i.type == type; });
  FH_CHECK(it != kTypes.end(), "DType values are made by dtype_from_gguf or written in the code");
  return *it;
}

std::optional<DType> dtype_from_gguf(std::uint32_t number) {
  for (const auto& i : kTypes) {
    if (static_cast<std::uint32_t>(i.type) == number) return i.type;
  }
  return std::nullopt;
}

std::string_view gguf_type_name(std::uint32_t number) {
  return number < kGgufNames.size() ? kGgufNames[number] : std::string_view{};
}

std::optional<DType> dtype_from_name(std::string_view name) {
  auto same = [](char a, char b) {
    return std::toupper(static_cast<unsigned char>(a)) == std::toupper(static_cast<unsigned char>(b));
  };
  for (const auto& i : kTypes) {
    if (std::equal(name.begin(), name.end(), i.name.begin(), i.name.end(), same)) return i.type;
  }
  return std::nullopt;
}

std::optional<std::uint64_t> byte_size(DType type, std::uint64_t elems) {
  const DTypeInfo& i = info(type);
  if (elems % i.block_elems != 0) return std::nullopt;
  return mul_ok(elems / i.block_elems, i.block_bytes);
}

}  // namespace freehold::tensor
