// What attention's forward and backward share: one layer's keys and values in the cache as float32, and who sees whom.
// For the two .cpp files beside it only.
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernel/table.h"
#include "nn/attention.h"

namespace freehold::nn::attention {

inline std::size_t blocks_up_to(std::uint32_t positions) {
  return (std::size_t{positions} + kAttentionBlock - 1) / kAttentionBlock;
}

inline std::uint32_t first_seen(const AttentionShape& shape, std::uint32_t position) {
  return shape.window != 0 && position + 1 > shape.window ? position + 1 - shape.window : 0;
}

struct Cache {
  const kernel::Table& kernels;
  const AttentionShape& shape;
  KvOffsets at;

  // Keys (D, 32) and values (32, D16) of head g in a block as float32: in place, or made in `scratch`.
  const float* keys(const std::byte* block, std::size_t g, float* scratch) const {
    return as_floats(block + at.k + g * kernel::kv_key_bytes(shape.cache, shape.D), shape.D, scratch,
                     kernels.keys_from_q8);
  }
  const float* values(const std::byte* block, std::size_t g, float* scratch) const {
    return as_floats(block + at.v + g * kernel::kv_value_bytes(shape.cache, shape.D), kernel::kv_padded(shape.D),
                     scratch, kernels.values_from_q8);
  }

  // Asks for the same part of the next block while this one is being worked on: blocks lie too far apart for the
  // processor to guess.
  void prefetch_keys(const std::byte* block, std::size_t g) const {
    const std::size_t bytes = kernel::kv_key_bytes(shape.cache, shape.D);
    prefetch(block + at.k + g * bytes, bytes);
  }
  void prefetch_values(const std::byte* block, std::size_t g) const {
    const std::size_t bytes = kernel::kv_value_bytes(shape.cache, shape.D);
    prefetch(block + at.v + g * bytes, bytes);
  }

 private:
  static void prefetch(const std::byte* from, std::size_t bytes) {
    for (std::size_t i = 0; i < bytes; i += 64) __builtin_prefetch(from + i, 0, 2);
  }
  const float* as_floats(const std::byte* from, std::size_t D, float* scratch,
                         void (*from_q8)(float*, const std::int8_t*, const float*, std::size_t)) const {
    switch (shape.cache) {
      case kernel::KvType::f32:
        return reinterpret_cast<const float*>(from);
      case kernel::KvType::f16:
        kernels.f16_to_f32(scratch, reinterpret_cast<const std::uint16_t*>(from), D * kAttentionBlock);
        return scratch;
      case kernel::KvType::q8_0:
        from_q8(scratch, reinterpret_cast<const std::int8_t*>(from),
                reinterpret_cast<const float*>(from + D * kAttentionBlock), D);
        return scratch;
    }
    return nullptr;
  }
};

}  // namespace freehold::nn::attention
