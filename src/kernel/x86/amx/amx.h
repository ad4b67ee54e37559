// The parts of the AMX level, one file each.
#pragma once

#include "kernel/table.h"

namespace freehold::kernel {

void install_amx_matmul_bf16(Table& table);
void install_amx_matmul_quant(Table& table);

}  // namespace freehold::kernel
