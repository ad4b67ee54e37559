#include "kernel/kernels.h"

#include <array>
#include <utility>

#include "base/check.h"
#include "kernel/install.h"

namespace freehold::kernel {
namespace {

constexpr std::size_t kLevels = static_cast<std::size_t>(kHighestLevel) + 1;

using Install = void (*)(Table&);
#if defined(__x86_64__)
constexpr std::array<Install, kLevels> kInstall = {install_scalar, install_avx2, install_avx512, install_amx};
#else
constexpr std::array<Install, kLevels> kInstall = {install_scalar};
#endif

// What installs a level is compiled for it, like its kernels: called for no table that does not need it.
Table build_table(std::size_t level) {
  Table table{};
  for (std::size_t each = 0; each <= level; ++each) {
    if (kInstall[each] != nullptr) kInstall[each](table);
  }
  return table;
}

// Each built when it is first asked for.
template <std::size_t... kEach>
const Table& table_of(std::size_t level, std::index_sequence<kEach...>) {
  using Get = const Table& (*)();
  constexpr std::array<Get, kLevels> kTables = {[]() -> const Table& {
    static const Table table = build_table(kEach);
    return table;
  }...};
  return kTables[level]();
}

}  // namespace

const Table& table_even_if_unsupported(Level level) {
  return table_of(static_cast<std::size_t>(level), std::make_index_sequence<kLevels>());
}

const Table& table_up_to(Level level) {
  FH_CHECK(level <= detect_level(), "callers ask for a level that detect_level or chosen_level allowed");
  return table_even_if_unsupported(level);
}

}  // namespace freehold::kernel
