// How keys and values lie in the cache: blocks of 32 positions of one kv head, in one of three element types.
// Arithmetic is the same for all of them: an element stands for one float32, and attention computes with those.
//
//   keys    (D, 32): all positions of a dimension side by side, so that vectors run across positions
//   values  (32, D16), D16 = D rounded up to 16: vectors run across dimensions; what lies past D is never used
//
//   f32   the float itself
//   f16   IEEE binary16, rounded to nearest, ties to even. A finite float beyond 65504 becomes 65504 with its sign
//         (never infinity); infinities and NaN stay what they are, so that a broken model shows.
//   q8_0  int8 q and one float32 scale s for each position and 32 dimensions (the last ones of a head may be fewer),
//         standing for float(s * q): Table::quantise_row's rule, so each position is quantised by itself.
//           keys    int8 (D, 32), then s (D/32 rounded up, 32)
//           values  int8 (32, D16), then s (32, D/32 rounded up)
//
// Every part is a multiple of 64 bytes long.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace freehold::kernel {

enum class KvType : std::uint8_t { f32, f16, q8_0 };
inline constexpr KvType kKvTypes[] = {KvType::f32, KvType::f16, KvType::q8_0};

inline constexpr std::size_t kKvBlock = 32;   // positions a block; part of numerics version 1
inline constexpr std::size_t kKvScaled = 32;  // dimensions that share a scale in q8_0

constexpr std::string_view name_of(KvType type) {
  constexpr std::string_view kNames[] = {"f32", "f16", "q8_0"};
  return kNames[static_cast<std::size_t>(type)];
}

constexpr std::size_t kv_padded(std::size_t D) {
  return (D + 15) / 16 * 16;
}
constexpr std::size_t kv_scales(std::size_t D) {
  return (D + kKvScaled - 1) / kKvScaled;
}
// Bytes of the keys, and of the values, of one head in one block.
constexpr std::size_t kv_bytes(KvType type, std::size_t rows_of_32) {
  const std::size_t elements = rows_of_32 * kKvBlock;
  return type == KvType::f32 ? elements * 4 : type == KvType::f16 ? elements * 2 : elements;
}
constexpr std::size_t kv_key_bytes(KvType type, std::size_t D) {
  return kv_bytes(type, D) + (type == KvType::q8_0 ? kv_scales(D) * kKvBlock * sizeof(float) : 0);
}
constexpr std::size_t kv_value_bytes(KvType type, std::size_t D) {
  return kv_bytes(type, kv_padded(D)) + (type == KvType::q8_0 ? kv_scales(D) * kKvBlock * sizeof(float) : 0);
}

}  // namespace freehold::kernel
