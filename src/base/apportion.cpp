#include "base/apportion.h"

#include <algorithm>
#include <numeric>

#include "base/check.h"

namespace freehold {

void apportion(std::uint64_t total, std::span<const std::uint64_t> weights, std::span<std::uint64_t> parts,
               std::span<std::uint32_t> order) {
  __extension__ typedef unsigned __int128 Wide;
  FH_CHECK(parts.size() == weights.size() && order.size() == weights.size(), "one part a weight");
  const Wide sum = std::accumulate(weights.begin(), weights.end(), Wide{0});
  if (sum == 0) return std::fill(parts.begin(), parts.end(), 0);
  std::uint64_t left = total;
  for (std::size_t i = 0; i < weights.size(); ++i) {
    parts[i] = static_cast<std::uint64_t>(Wide{total} * weights[i] / sum);
    left -= parts[i];
    order[i] = static_cast<std::uint32_t>(i);
  }
  if (left == 0) return;
  const auto remainder = [&](std::uint32_t i) { return Wide{total} * weights[i] % sum; };
  std::sort(order.begin(), order.end(), [&](std::uint32_t a, std::uint32_t b) {
    const Wide of_a = remainder(a), of_b = remainder(b);
    return of_a != of_b ? of_a > of_b : a < b;
  });
  for (std::uint64_t i = 0; i < left; ++i) ++parts[order[i]];
}

}  // namespace freehold
