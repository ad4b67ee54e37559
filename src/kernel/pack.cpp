#include "kernel/pack.h"

#include <algorithm>
#include <cstring>

#include "kernel/blocks/nf4.h"
#include "kernel/blocks/unpack.h"
#include "kernel/scalar/panel_block.h"

namespace freehold::kernel {
namespace {

using tensor::DType;

constexpr std::size_t kPairBlock = 32;  // BF16 rows are padded to a multiple of this

void pack_floats(std::size_t size, const std::byte* rows, std::size_t first, std::size_t count, std::size_t K,
                 std::byte* out) {
  for (std::size_t r = 0; r < count; ++r) {
    const std::byte* row = rows + (first + r) * K * size;
    for (std::size_t k = 0; k < K; ++k) std::memcpy(out + (k * kPanelRows + r) * size, row + k * size, size);
  }
}

void pack_bf16(const std::byte* rows, std::size_t first, std::size_t count, std::size_t K, std::byte* out) {
  for (std::size_t r = 0; r < count; ++r) {
    const std::byte* row = rows + (first + r) * K * 2;
    for (std::size_t k = 0; k < K; ++k) std::memcpy(out + ((k / 2 * kPanelRows + r) * 2 + k % 2) * 2, row + k * 2, 2);
  }
}

void pack_nf4(const std::byte* rows, std::size_t first, std::size_t count, std::size_t K, std::byte* out) {
  const std::size_t blocks = K / kNf4Block;
  for (std::size_t r = 0; r < count; ++r) {
    for (std::size_t b = 0; b < blocks; ++b) {
      const std::byte* from = rows + ((first + r) * blocks + b) * sizeof(BlockNf4);
      std::byte* to = out + b * kNf4PanelBlock;
      std::memcpy(to + r * sizeof(float), from, sizeof(float));
      for (std::size_t j = 0; j < kNf4Block / 2; ++j) to[64 + j * kPanelRows + r] = from[sizeof(float) + j];
    }
  }
}

}  // namespace

std::optional<PanelKind> panel_kind(DType type) {
  switch (type) {
    case DType::f32:
    case DType::f16:
    case DType::bf16:
    case DType::nf4:
      return std::nullopt;
    case DType::q4_0:
      return PanelKind::q4_0;
    case DType::q4_1:
      return PanelKind::q4_1;
    case DType::q5_0:
      return PanelKind::q5_0;
    case DType::q5_1:
      return PanelKind::q5_1;
    case DType::q8_0:
      return PanelKind::q8_0;
    case DType::q2_k:
      return PanelKind::q2_k;
    case DType::q3_k:
      return PanelKind::q3_k;
    case DType::q4_k:
      return PanelKind::q4_k;
    case DType::q5_k:
      return PanelKind::q5_k;
    case DType::q6_k:
      return PanelKind::q6_k;
    case DType::iq4_nl:
      return PanelKind::iq4_nl;
    case DType::iq4_xs:
      return PanelKind::iq4_xs;
    case DType::mxfp4:
      return PanelKind::mxfp4;
  }
  return std::nullopt;
}

std::size_t prepared_panel_bytes(DType type, std::size_t K) {
  if (auto kind = panel_kind(type)) return panel_bytes(*kind, K);
  if (type == DType::bf16) return (K + kPairBlock - 1) / kPairBlock * kPairBlock * kPanelRows * 2;
  if (type == DType::nf4) return K / kNf4Block * kNf4PanelBlock;
  return K * kPanelRows * tensor::info(type).block_bytes;
}

void pack_panel(DType type, const std::byte* rows, std::size_t N, std::size_t K, std::size_t panel, std::byte* out) {
  const std::size_t first = panel * kPanelRows;
  const std::size_t count = std::min(kPanelRows, N - first);
  auto kind = panel_kind(type);
  if (!kind) {
    if (type == DType::bf16) {
      pack_bf16(rows, first, count, K, out);
    } else if (type == DType::nf4) {
      pack_nf4(rows, first, count, K, out);
    } else {
      pack_floats(tensor::info(type).block_bytes, rows, first, count, K, out);
    }
    return;
  }
  const PanelFormat& format = panel_format(*kind);
  const PanelSizes sizes = panel_sizes(format);
  const auto& type_info = tensor::info(type);
  const std::size_t row_bytes = K / type_info.block_elems * type_info.block_bytes;
  for (std::size_t r = 0; r < count; ++r) {
    const std::byte* row = rows + (first + r) * row_bytes;
    for (std::size_t b = 0; b < K / kBlock; ++b) {
      Block32 w;
      unpack_block32(type, row, b, w);
      write_panel_block(format, sizes, out, b, r, w);
    }
  }
}

}  // namespace freehold::kernel
