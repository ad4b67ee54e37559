// The parts of the AVX2 level, one file each.
#pragma once

#include "kernel/table.h"

namespace freehold::kernel {

void install_avx2_row_ops(Table& table);
void install_avx2_attention(Table& table);
void install_avx2_matmul(Table& table);
void install_avx2_matmul_quant(Table& table);
void install_avx2_transpose(Table& table);

}  // namespace freehold::kernel
