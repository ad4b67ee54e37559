#include "kernel/blocks/unpack.h"

#include <algorithm>
#include <bit>
#include <cstdint>
#include <cstring>

#include "base/check.h"
#include "base/half.h"
#include "kernel/blocks/iq4_nl.h"
#include "kernel/blocks/iq4_xs.h"
#include "kernel/blocks/mxfp4.h"
#include "kernel/blocks/q2_k.h"
#include "kernel/blocks/q3_k.h"
#include "kernel/blocks/q4_0.h"
#include "kernel/blocks/q4_1.h"
#include "kernel/blocks/q4_k.h"
#include "kernel/blocks/q5_0.h"
#include "kernel/blocks/q5_1.h"
#include "kernel/blocks/q5_k.h"
#include "kernel/blocks/q6_k.h"
#include "kernel/blocks/q8_0.h"
#include "kernel/blocks/scales.h"

namespace freehold::kernel {
namespace {

static_assert(std::endian::native == std::endian::little, "blocks are little-endian and read in place");

using tensor::DType;

// All block structs are packed and may alias, so they can be read in place at any address.
template <typename Block>
const Block& block_at(const std::byte* row, std::size_t index) {
  return reinterpret_cast<const Block*>(row)[index];
}

std::int8_t i8(int value) {
  return static_cast<std::int8_t>(value);
}

void set_scales(Block32& out, int scale0, int scale1, int min0, int min1, float d, float m) {
  out.scale[0] = i8(scale0);
  out.scale[1] = i8(scale1);
  out.min[0] = static_cast<std::uint8_t>(min0);
  out.min[1] = static_cast<std::uint8_t>(min1);
  out.d = d;
  out.m = m;
}

void nibbles(const std::uint8_t* qs, int offset, std::int8_t* q) {
  for (int j = 0; j < 16; ++j) q[j] = i8((qs[j] & 15) - offset);
  for (int j = 0; j < 16; ++j) q[j + 16] = i8((qs[j] >> 4) - offset);
}

void nibbles_with_fifth(const std::uint8_t* qs, std::uint32_t qh, int offset, std::int8_t* q) {
  for (int j = 0; j < 16; ++j) q[j] = i8(((qs[j] & 15) | static_cast<int>(qh >> j & 1u) << 4) - offset);
  for (int j = 0; j < 16; ++j) q[j + 16] = i8(((qs[j] >> 4) | static_cast<int>(qh >> (j + 16) & 1u) << 4) - offset);
}

void nibble_codes(const std::uint8_t* qs, const std::int8_t* values, std::int8_t* q) {
  for (int j = 0; j < 16; ++j) q[j] = values[qs[j] & 15];
  for (int j = 0; j < 16; ++j) q[j + 16] = values[qs[j] >> 4];
}

void unpack_q4_0(const std::byte* row, std::size_t index, Block32& out) {
  const auto& b = block_at<BlockQ4_0>(row, index);
  nibbles(b.qs, 8, out.q);
  set_scales(out, 1, 1, 0, 0, f16_to_f32(b.d), 0.0f);
}

void unpack_q4_1(const std::byte* row, std::size_t index, Block32& out) {
  const auto& b = block_at<BlockQ4_1>(row, index);
  nibbles(b.qs, 0, out.q);
  set_scales(out, 1, 1, 1, 1, f16_to_f32(b.d), -f16_to_f32(b.m));
}

void unpack_q5_0(const std::byte* row, std::size_t index, Block32& out) {
  const auto& b = block_at<BlockQ5_0>(row, index);
  nibbles_with_fifth(b.qs, b.qh, 16, out.q);
  set_scales(out, 1, 1, 0, 0, f16_to_f32(b.d), 0.0f);
}

void unpack_q5_1(const std::byte* row, std::size_t index, Block32& out) {
  const auto& b = block_at<BlockQ5_1>(row, index);
  nibbles_with_fifth(b.qs, b.qh, 0, out.q);
  set_scales(out, 1, 1, 1, 1, f16_to_f32(b.d), -f16_to_f32(b.m));
}

void unpack_q8_0(const std::byte* row, std::size_t index, Block32& out) {
  const auto& b = block_at<BlockQ8_0>(row, index);
  std::memcpy(out.q, b.qs, sizeof out.q);
  set_scales(out, 1, 1, 0, 0, f16_to_f32(b.d), 0.0f);
}

// K-quants: g counts the 32-element groups of a 256-element block.

void unpack_q2_k(const std::byte* row, std::size_t index, Block32& out) {
  const auto& b = block_at<BlockQ2_K>(row, index / 8);
  const auto g = static_cast<int>(index % 8);
  const std::uint8_t* qs = b.qs + 32 * (g / 4);
  const int shift = 2 * (g % 4);
  for (int l = 0; l < 32; ++l) out.q[l] = i8(qs[l] >> shift & 3);
  const int s0 = b.scales[2 * g];
  const int s1 = b.scales[2 * g + 1];
  set_scales(out, s0 & 15, s1 & 15, s0 >> 4, s1 >> 4, f16_to_f32(b.d), f16_to_f32(b.dmin));
}

void unpack_q3_k(const std::byte* row, std::size_t index, Block32& out) {
  const auto& b = block_at<BlockQ3_K>(row, index / 8);
  const auto g = static_cast<int>(index % 8);
  const std::uint8_t* qs = b.qs + 32 * (g / 4);
  const int shift = 2 * (g % 4);
  for (int l = 0; l < 32; ++l) out.q[l] = i8((qs[l] >> shift & 3) + 4 * (b.hmask[l] >> g & 1) - 4);
  set_scales(out, q3_scale(b.scales, 2 * g), q3_scale(b.scales, 2 * g + 1), 0, 0, f16_to_f32(b.d), 0.0f);
}

void unpack_q4_k(const std::byte* row, std::size_t index, Block32& out) {
  const auto& b = block_at<BlockQ4_K>(row, index / 8);
  const auto g = static_cast<int>(index % 8);
  const std::uint8_t* qs = b.qs + 32 * (g / 2);
  const int shift = 4 * (g % 2);
  for (int l = 0; l < 32; ++l) out.q[l] = i8(qs[l] >> shift & 15);
  const ScaleMin s = q4_scale_min(b.scales, g);
  set_scales(out, s.scale, s.scale, s.min, s.min, f16_to_f32(b.d), f16_to_f32(b.dmin));
}

void unpack_q5_k(const std::byte* row, std::size_t index, Block32& out) {
  const auto& b = block_at<BlockQ5_K>(row, index / 8);
  const auto g = static_cast<int>(index % 8);
  const std::uint8_t* qs = b.qs + 32 * (g / 2);
  const int shift = 4 * (g % 2);
  for (int l = 0; l < 32; ++l) out.q[l] = i8((qs[l] >> shift & 15) | (b.qh[l] >> g & 1) << 4);
  const ScaleMin s = q4_scale_min(b.scales, g);
  set_scales(out, s.scale, s.scale, s.min, s.min, f16_to_f32(b.d), f16_to_f32(b.dmin));
}

void unpack_q6_k(const std::byte* row, std::size_t index, Block32& out) {
  const auto& b = block_at<BlockQ6_K>(row, index / 8);
  const auto g = static_cast<int>(index % 8);
  const std::uint8_t* ql = b.ql + 64 * (g / 4) + 32 * (g % 2);
  const std::uint8_t* qh = b.qh + 32 * (g / 4);
  const int low_shift = 4 * (g % 4 / 2);
  const int high_shift = 2 * (g % 4);
  for (int l = 0; l < 32; ++l) out.q[l] = i8(((ql[l] >> low_shift & 15) | (qh[l] >> high_shift & 3) << 4) - 32);
  set_scales(out, b.scales[2 * g], b.scales[2 * g + 1], 0, 0, f16_to_f32(b.d), 0.0f);
}

void unpack_iq4_nl(const std::byte* row, std::size_t index, Block32& out) {
  const auto& b = block_at<BlockIQ4_NL>(row, index);
  nibble_codes(b.qs, kIq4Values, out.q);
  set_scales(out, 1, 1, 0, 0, f16_to_f32(b.d), 0.0f);
}

void unpack_iq4_xs(const std::byte* row, std::size_t index, Block32& out) {
  const auto& b = block_at<BlockIQ4_XS>(row, index / 8);
  const auto g = static_cast<int>(index % 8);
  nibble_codes(b.qs + 16 * g, kIq4Values, out.q);
  const int scale = ((b.scales_l[g / 2] >> 4 * (g % 2) & 15) | (b.scales_h >> 2 * g & 3) << 4) - 32;
  set_scales(out, scale, scale, 0, 0, f16_to_f32(b.d), 0.0f);
}

void unpack_mxfp4(const std::byte* row, std::size_t index, Block32& out) {
  const auto& b = block_at<BlockMXFP4>(row, index);
  nibble_codes(b.qs, kMxfp4Values, out.q);
  // 2^(e - 128): a normal float from e = 2 on, the subnormals 2^-128 and 2^-127 below.
  const std::uint32_t bits = b.e < 2 ? 0x00200000u << b.e : (b.e - 1u) << 23;
  set_scales(out, 1, 1, 0, 0, std::bit_cast<float>(bits), 0.0f);
}

struct Entry {
  DType type;
  Unpack unpack;
};
constexpr Entry kUnpackers[] = {
    {DType::q4_0, unpack_q4_0},   {DType::q4_1, unpack_q4_1},     {DType::q5_0, unpack_q5_0},
    {DType::q5_1, unpack_q5_1},   {DType::q8_0, unpack_q8_0},     {DType::q2_k, unpack_q2_k},
    {DType::q3_k, unpack_q3_k},   {DType::q4_k, unpack_q4_k},     {DType::q5_k, unpack_q5_k},
    {DType::q6_k, unpack_q6_k},   {DType::iq4_nl, unpack_iq4_nl}, {DType::iq4_xs, unpack_iq4_xs},
    {DType::mxfp4, unpack_mxfp4},
};

}  // namespace

Unpack unpacker(DType type) {
  for (const Entry& e : kUnpackers) {
    if (e.type == type) return e.unpack;
  }
  return nullptr;
}

void unpack_block32(DType type, const std::byte* row, std::size_t block_index, Block32& out) {
  Unpack unpack = unpacker(type);
  FH_CHECK(unpack != nullptr, "callers ask DTypeInfo::quantised first");
  unpack(row, block_index, out);
}

}  // namespace freehold::kernel
