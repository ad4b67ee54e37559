#include "kernel/install.h"

#include "kernel/scalar/scalar.h"

namespace freehold::kernel {

void install_scalar(Table& table) {
  install_scalar_row_ops(table);
  install_scalar_attention(table);
  install_scalar_matmul(table);
  install_scalar_transpose(table);
  install_scalar_bf16(table);
}

}  // namespace freehold::kernel
