#include "kernel/blocks/dequantise.h"

#include <cstdint>
#include <cstring>

#include "base/check.h"
#include "base/half.h"
#include "kernel/blocks/nf4.h"
#include "kernel/blocks/unpack.h"

namespace freehold::kernel {
namespace {

using tensor::DType;

template <float (*Widen)(std::uint16_t)>
void widen(const std::byte* in, float* out, std::size_t elems) {
  for (std::size_t i = 0; i < elems; ++i) {
    std::uint16_t bits = 0;
    std::memcpy(&bits, in + 2 * i, sizeof bits);
    out[i] = Widen(bits);
  }
}

// w = d * scale * q - m * min in this order; x - 0 is x to the bit (also for -0), so types without minima need no
// second formula.
void expand(const Block32& b, float* out) {
  for (int half = 0; half < 2; ++half) {
    const float scale = b.d * static_cast<float>(b.scale[half]);
    const float min = b.m * static_cast<float>(b.min[half]);
    const std::int8_t* q = b.q + 16 * half;
    for (int i = 0; i < 16; ++i) out[16 * half + i] = scale * static_cast<float>(q[i]) - min;
  }
}

void expand_nf4(const std::byte* in, float* out, std::size_t elems) {
  for (std::size_t b = 0; b < elems / kNf4Block; ++b, in += sizeof(BlockNf4)) {
    BlockNf4 block;
    std::memcpy(&block, in, sizeof block);
    for (std::uint8_t both : block.codes) {
      *out++ = kNf4Levels[both >> 4] * block.absmax;
      *out++ = kNf4Levels[both & 15] * block.absmax;
    }
  }
}

}  // namespace

void dequantise(DType type, const std::byte* blocks, float* out, std::size_t elems) {
  FH_CHECK(elems % tensor::info(type).block_elems == 0, "callers pass whole blocks");
  switch (type) {
    case DType::f32:
      if (elems != 0) std::memcpy(out, blocks, elems * sizeof(float));
      return;
    case DType::f16:
      return widen<f16_to_f32>(blocks, out, elems);
    case DType::bf16:
      return widen<bf16_to_f32>(blocks, out, elems);
    case DType::nf4:
      return expand_nf4(blocks, out, elems);
    default:
      break;
  }
  const Unpack unpack = unpacker(type);
  FH_CHECK(unpack != nullptr, "every quantised type has an unpacker");
  Block32 block;
  for (std::size_t i = 0; i < elems / 32; ++i) {
    unpack(blocks, i, block);
    expand(block, out + 32 * i);
  }
}

}  // namespace freehold::kernel
