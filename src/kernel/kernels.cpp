#include "kernel/kernels.h"

#include <array>

#include "base/check.h"
#include "kernel/install.h"

namespace freehold::kernel {
namespace {

std::array<Table, 3> build_tables() {
  std::array<Table, 3> tables{};
  install_scalar(tables[0]);
  tables[1] = tables[0];
  tables[2] = tables[0];
#if defined(__x86_64__)
  install_avx2(tables[1]);
  tables[2] = tables[1];
  install_avx512(tables[2]);
#endif
  return tables;
}

}  // namespace

const Table& table_up_to(Level level) {
  static const std::array<Table, 3> tables = build_tables();
  FH_CHECK(level <= detect_level(), "callers ask for a level that detect_level or chosen_level allowed");
  return tables[static_cast<std::size_t>(level)];
}

}  // namespace freehold::kernel
