// What AMX replaces.
#include "kernel/install.h"

#include "kernel/x86/amx/amx.h"

namespace freehold::kernel {

void install_amx(Table& table) {
  install_amx_matmul_bf16(table);
  install_amx_matmul_quant(table);
}

}  // namespace freehold::kernel
