#include "kernel/finite.h"

#include <cmath>
#include <cstdint>
#include <cstring>

#include "kernel/blocks/nf4.h"
#include "kernel/blocks/unpack.h"

namespace freehold::kernel {
namespace {

template <typename Word>
bool no_word_has(const std::byte* row, std::size_t elems, Word exponent) {
  bool finite = true;
  for (std::size_t i = 0; i < elems; ++i) {
    Word w;
    std::memcpy(&w, row + i * sizeof w, sizeof w);
    finite &= (w & exponent) != exponent;
  }
  return finite;
}

}  // namespace

bool all_finite(tensor::DType type, const std::byte* row, std::size_t elems) {
  switch (type) {
    case tensor::DType::f32:
      return no_word_has<std::uint32_t>(row, elems, 0x7F800000u);
    case tensor::DType::f16:
      return no_word_has<std::uint16_t>(row, elems, 0x7C00u);
    case tensor::DType::bf16:
      return no_word_has<std::uint16_t>(row, elems, 0x7F80u);
    case tensor::DType::nf4: {
      bool finite = true;
      for (std::size_t b = 0; b < elems / kNf4Block; ++b) {
        float absmax;
        std::memcpy(&absmax, row + b * sizeof(BlockNf4), sizeof absmax);
        finite &= std::isfinite(absmax);
      }
      return finite;
    }
    default:
      break;
  }
  const auto& t = tensor::info(type);
  const std::size_t step = t.block_elems / 32;
  for (std::size_t b = 0; b < elems / 32; b += step) {
    Block32 w;
    unpack_block32(type, row, b, w);
    if (!std::isfinite(w.d * 127.0f * 127.0f) || !std::isfinite(w.m * 127.0f)) return false;
  }
  return true;
}

}  // namespace freehold::kernel
