// Reading and writing one row's 32 weights of a panel block: the packer writes, the scalar kernels read, and the vector
// levels' layouts are tested against this pair.
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernel/blocks/block32.h"
#include "kernel/panel.h"

namespace freehold::kernel {

// w[k] = d * scale[k/16] * q[k] - m * min[k/16]
struct PanelBlock {
  std::int8_t q[kBlock];
  std::int32_t scale[2];
  std::int32_t min[2];
  float d;
  float m;
  bool has_min;
  bool halves;  // scale[0] and scale[1] differ, so each half of the block has its own product
};

PanelBlock read_panel_block(const PanelFormat& format, const PanelSizes& sizes, const std::byte* panel,
                            std::size_t block, std::size_t row);

// `panel` is zero-filled before its first block is written.
void write_panel_block(const PanelFormat& format, const PanelSizes& sizes, std::byte* panel, std::size_t block,
                       std::size_t row, const Block32& w);

}  // namespace freehold::kernel
