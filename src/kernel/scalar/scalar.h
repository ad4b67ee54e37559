// The parts of the scalar level, one file each.
#pragma once

#include "kernel/table.h"

namespace freehold::kernel {

void install_scalar_row_ops(Table& table);
void install_scalar_attention(Table& table);
void install_scalar_matmul(Table& table);
void install_scalar_transpose(Table& table);
void install_scalar_bf16(Table& table);

}  // namespace freehold::kernel
