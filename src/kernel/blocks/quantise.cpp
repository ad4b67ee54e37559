#include "kernel/blocks/quantise.h"

#include <fmt/format.h>

#include <cmath>
#include <cstdint>
#include <cstring>

#include "base/check.h"
#include "base/half.h"
#include "kernel/blocks/quantise_types.h"
#include "kernel/blocks/unpack.h"

namespace freehold::kernel {
namespace {

using tensor::DType;

void copy_f32(const float* x, std::byte* out, std::size_t elems) {
  std::memcpy(out, x, elems * sizeof(float));
}

template <std::uint16_t (*Narrow)(float)>
void narrow(const float* x, std::byte* out, std::size_t elems) {
  for (std::size_t i = 0; i < elems; ++i) {
    const std::uint16_t bits = Narrow(x[i]);
    std::memcpy(out + 2 * i, &bits, sizeof bits);
  }
}

struct Entry {
  DType type;
  Quantise quantise;
};
constexpr Entry kQuantisers[] = {
    {DType::f32, copy_f32},         {DType::f16, narrow<f32_to_f16>}, {DType::bf16, narrow<f32_to_bf16>},
    {DType::q4_0, quantise_q4_0},   {DType::q4_1, quantise_q4_1},     {DType::q5_0, quantise_q5_0},
    {DType::q5_1, quantise_q5_1},   {DType::q8_0, quantise_q8_0},     {DType::q2_k, quantise_q2_k},
    {DType::q3_k, quantise_q3_k},   {DType::q4_k, quantise_q4_k},     {DType::q5_k, quantise_q5_k},
    {DType::q6_k, quantise_q6_k},   {DType::iq4_nl, quantise_iq4_nl}, {DType::iq4_xs, quantise_iq4_xs},
    {DType::mxfp4, quantise_mxfp4},
};

// More than any type with binary16 scales can hold (Q6_K, the widest: 65504 * 128 * 32). Up to here the searches' sums
// of squares stay finite, so a type that cannot hold a value ends with an infinite scale, which check_finite sees.
constexpr float kLargest = 65504.0f * 128.0f * 32.0f;

// Elements [first, first + count) of `x` became values that are not finite.
Unexpected too_large(DType type, std::span<const float> x, std::size_t first, std::size_t count) {
  std::size_t at = first;
  for (std::size_t i = first; i < first + count; ++i) {
    if (std::fabs(x[i]) > std::fabs(x[at])) at = i;
  }
  return fail(Errc::invalid, fmt::format("element {} ({:g}) is too large for {}", at, x[at], name_of(type)));
}

// Whether every stored scale is finite; the integers always are.
Result<> check_finite(DType type, std::span<const float> x, const std::byte* blocks) {
  if (type == DType::f32) return {};
  if (type == DType::f16 || type == DType::bf16) {
    const unsigned exponent = type == DType::f16 ? 0x7C00u : 0x7F80u;
    for (std::size_t i = 0; i < x.size(); ++i) {
      std::uint16_t bits = 0;
      std::memcpy(&bits, blocks + 2 * i, sizeof bits);
      if ((bits & exponent) == exponent) return too_large(type, x, i, 1);
    }
    return {};
  }
  const Unpack unpack = unpacker(type);
  Block32 b;
  for (std::size_t i = 0; i < x.size() / 32; ++i) {
    unpack(blocks, i, b);
    if (!std::isfinite(b.d) || !std::isfinite(b.m)) return too_large(type, x, 32 * i, 32);
  }
  return {};
}

}  // namespace

void quantise(DType type, const float* x, std::byte* blocks, std::size_t elems) {
  const auto& info = tensor::info(type);
  FH_CHECK(elems % info.block_elems == 0, "callers pass whole blocks");
  if (elems == 0) return;
  for (const Entry& e : kQuantisers) {
    if (e.type == type) return e.quantise(x, blocks, elems / info.block_elems);
  }
  FH_CHECK(false, "every type has a quantiser");
}

Result<> quantise_row(DType type, std::span<const float> x, std::span<std::byte> blocks) {
  const auto& info = tensor::info(type);
  if (x.size() % info.block_elems != 0) {
    return fail(Errc::invalid, fmt::format("a row of {} elements is no whole number of {} blocks ({} elements each)",
                                           x.size(), info.name, info.block_elems));
  }
  if (blocks.size() != x.size() / info.block_elems * info.block_bytes) {
    return fail(Errc::invalid, fmt::format("{} bytes given for {} elements of {}, which are {} bytes", blocks.size(),
                                           x.size(), info.name, x.size() / info.block_elems * info.block_bytes));
  }
  for (std::size_t i = 0; i < x.size(); ++i) {
    if (!std::isfinite(x[i]))
      return fail(Errc::invalid, fmt::format("element {} is {}", i, std::isnan(x[i]) ? "NaN" : "infinite"));
  }
  if (info.quantised && type != DType::mxfp4) {
    for (std::size_t i = 0; i < x.size(); ++i) {
      if (std::fabs(x[i]) > kLargest) return too_large(type, x, i, 1);
    }
  }
  quantise(type, x.data(), blocks.data(), x.size());
  return check_finite(type, x, blocks.data());
}

}  // namespace freehold::kernel
