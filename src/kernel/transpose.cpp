#include "kernel/transpose.h"

#include "kernel/pack.h"

namespace freehold::kernel {

void transpose_panel_block(const Table& kernels, tensor::DType type, const std::byte* panel, std::size_t K,
                           std::size_t block, float* out, std::size_t stride) {
  using tensor::DType;
  const TransposeBlock a{panel, K, block, out, stride};
  if (const auto kind = panel_kind(type)) return kernels.transpose_quant[static_cast<std::size_t>(*kind)](a);
  if (type == DType::f32) return kernels.transpose_f32(a);
  if (type == DType::f16) return kernels.transpose_f16(a);
  if (type == DType::bf16) return kernels.transpose_bf16(a);
  kernels.transpose_nf4(a);
}

}  // namespace freehold::kernel
