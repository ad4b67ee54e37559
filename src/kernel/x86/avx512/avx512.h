// The parts of the AVX-512 level, one file each.
#pragma once

#include "kernel/table.h"

namespace freehold::kernel {

void install_avx512_row_ops(Table& table);
void install_avx512_attention(Table& table);
void install_avx512_matmul(Table& table);
void install_avx512_matmul_quant(Table& table);
void install_avx512_transpose(Table& table);
void install_avx512_bf16(Table& table);

}  // namespace freehold::kernel
