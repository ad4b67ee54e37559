// What AVX2 replaces.
#include "kernel/install.h"

#include "kernel/x86/avx2/avx2.h"

namespace freehold::kernel {

void install_avx2(Table& table) {
  install_avx2_row_ops(table);
  install_avx2_attention(table);
  install_avx2_matmul(table);
  install_avx2_matmul_quant(table);
  install_avx2_transpose(table);
}

}  // namespace freehold::kernel
