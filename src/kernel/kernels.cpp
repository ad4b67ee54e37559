#include "kernel/kernels.h"

#include <array>

#include "base/check.h"
#include "kernel/install.h"

namespace freehold::kernel {
namespace {

constexpr std::size_t kLevels = static_cast<std::size_t>(kHighestLevel) + 1;

std::array<Table, kLevels> build_tables() {
  std::array<Table, kLevels> tables{};
  install_scalar(tables[0]);
  using Install = void (*)(Table&);
#if defined(__x86_64__)
  constexpr std::array<Install, kLevels - 1> kInstall = {install_avx2, install_avx512, install_amx};
#else
  constexpr std::array<Install, kLevels - 1> kInstall = {};
#endif
  // An install function is compiled for its level, so it may use that level's instructions itself: it runs only where
  // they are. What AMX has beyond AVX-512 is written, never chosen by the compiler; tests emulate it.
  const Level most = detect_level() >= Level::avx512 ? Level::amx : detect_level();
  for (std::size_t level = 1; level < kLevels; ++level) {
    tables[level] = tables[level - 1];
    const bool runs = static_cast<Level>(level) <= most;
    if (runs && kInstall[level - 1] != nullptr) kInstall[level - 1](tables[level]);
  }
  return tables;
}

}  // namespace

const Table& table_even_if_unsupported(Level level) {
  static const std::array<Table, kLevels> tables = build_tables();
  return tables[static_cast<std::size_t>(level)];
}

const Table& table_up_to(Level level) {
  FH_CHECK(level <= detect_level(), "callers ask for a level that detect_level or chosen_level allowed");
  return table_even_if_unsupported(level);
}

}  // namespace freehold::kernel
