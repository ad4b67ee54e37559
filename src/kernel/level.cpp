#include "kernel/level.h"

#include <fmt/format.h>

#include <cstdlib>

#if defined(__x86_64__)
#include <cpuid.h>
#include <sys/syscall.h>
#include <unistd.h>
#endif

#include "base/utf8.h"

namespace freehold::kernel {
namespace {

#if defined(__x86_64__)
// Whether the CPU has AMX with int8 and BF16, and this process may use the tile registers.
bool may_use_amx() {
  unsigned a = 0, b = 0, c = 0, d = 0;
  constexpr unsigned kWanted = 1u << 22 | 1u << 24 | 1u << 25;  // AMX-BF16, AMX-TILE, AMX-INT8 (CPUID leaf 7, EDX)
  if (__get_cpuid_count(7, 0, &a, &b, &c, &d) == 0 || (d & kWanted) != kWanted) return false;
  if (__get_cpuid(1, &a, &b, &c, &d) == 0 || (c & bit_OSXSAVE) == 0) return false;
  unsigned low = 0, high = 0;
  __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  constexpr unsigned kTileState = 3u << 17;  // XTILECFG and XTILEDATA in XCR0
  if ((low & kTileState) != kTileState) return false;
  // arch_prctl(ARCH_REQ_XCOMP_PERM, XFEATURE_XTILEDATA), Linux 5.16; threads started later inherit it.
  return ::syscall(SYS_arch_prctl, 0x1023, 18) == 0;
}
#endif

}  // namespace

std::string_view name_of(Level level) {
  switch (level) {
    case Level::scalar:
      return "scalar";
    case Level::avx2:
      return "avx2";
    case Level::avx512:
      return "avx512";
    case Level::amx:
      return "amx";
  }
  return "scalar";
}

Level detect_level() {
#if defined(__x86_64__)
  __builtin_cpu_init();
  // clang 14's __builtin_cpu_supports does not know "f16c".
  unsigned a = 0, b = 0, c = 0, d = 0;
  bool f16c = __get_cpuid(1, &a, &b, &c, &d) != 0 && (c & bit_F16C) != 0;
  bool avx2 = f16c && __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
  bool avx512 = avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") &&
                __builtin_cpu_supports("avx512vnni");
  if (avx512) return may_use_amx() ? Level::amx : Level::avx512;
  if (avx2) return Level::avx2;
#endif
  return Level::scalar;
}

bool prefetching_pays() {
#if defined(__x86_64__)
  unsigned highest = 0, b = 0, c = 0, d = 0;
  return __get_cpuid(0, &highest, &b, &c, &d) == 0 || b != signature_AMD_ebx;
#else
  return false;
#endif
}

Result<Level> chosen_level() {
  Level best = detect_level();
  const char* wish = std::getenv("FREEHOLD_ISA");
  if (wish == nullptr || *wish == '\0') return best;
  for (Level level : {Level::scalar, Level::avx2, Level::avx512, Level::amx}) {
    if (name_of(level) != wish) continue;
    if (level > best) {
      return fail(Errc::unsupported, fmt::format("FREEHOLD_ISA={}: this machine has {} at most", wish, name_of(best)));
    }
    return level;
  }
  return fail(Errc::invalid, fmt::format("FREEHOLD_ISA={}: use scalar, avx2, avx512 or amx", printable(wish)));
}

}  // namespace freehold::kernel
