// What AVX-512 replaces.
#include "kernel/install.h"

#include "kernel/x86/avx512/avx512.h"

namespace freehold::kernel {

void install_avx512(Table& table) {
  install_avx512_row_ops(table);
  install_avx512_attention(table);
  install_avx512_matmul(table);
  install_avx512_matmul_quant(table);
  install_avx512_transpose(table);
  install_avx512_bf16(table);
}

}  // namespace freehold::kernel
