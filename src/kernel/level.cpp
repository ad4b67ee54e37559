#include "kernel/level.h"

#include <fmt/format.h>

#include <cstdlib>

#if defined(__x86_64__)
#include <cpuid.h>
#endif

#include "base/utf8.h"

namespace freehold::kernel {

std::string_view name_of(Level level) {
  switch (level) {
    case Level::scalar:
      return "scalar";
    case Level::avx2:
      return "avx2";
    case Level::avx512:
      return "avx512";
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
  if (avx512) return Level::avx512;
  if (avx2) return Level::avx2;
#endif
  return Level::scalar;
}

Result<Level> chosen_level() {
  Level best = detect_level();
  const char* wish = std::getenv("FREEHOLD_ISA");
  if (wish == nullptr || *wish == '\0') return best;
  for (Level level : {Level::scalar, Level::avx2, Level::avx512}) {
    if (name_of(level) != wish) continue;
    if (level > best) {
      return fail(Errc::unsupported, fmt::format("FREEHOLD_ISA={}: this CPU has {} at most", wish, name_of(best)));
    }
    return level;
  }
  return fail(Errc::invalid, fmt::format("FREEHOLD_ISA={}: use scalar, avx2 or avx512", printable(wish)));
}

}  // namespace freehold::kernel
