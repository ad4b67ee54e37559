#include "kernel/blocks/nf4.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace freehold::kernel {
namespace {

float largest(std::span<const float> x) {
  float most = 0;
  for (float v : x) most = std::max(most, std::fabs(v));
  return most;
}

// 1 / 0 would make every weight of an empty block NaN; any code of it stands for 0.
float inverse(float x) {
  return x == 0 ? 0.0f : 1.0f / x;
}

}  // namespace

std::uint8_t nearest_in_map(std::span<const float> map, float x) {
  const auto above = std::lower_bound(map.begin(), map.end(), x);
  if (above == map.begin()) return 0;
  if (above == map.end()) return static_cast<std::uint8_t>(map.size() - 1);
  const auto i = static_cast<std::size_t>(above - map.begin());
  return static_cast<std::uint8_t>(x - map[i - 1] <= map[i] - x ? i - 1 : i);
}

std::vector<float> dynamic_map(MapSign sign) {
  std::vector<float> map;
  double decade = 1e-6;
  for (int i = 0; i < 7; ++i, decade *= 10) {
    const int items = (sign == MapSign::both ? 1 << i : 2 << i) + 1;
    // torch.linspace(0.1, 1, items) in float32: from either end towards the middle.
    const float step = (1.0f - 0.1f) / static_cast<float>(items - 1);
    auto boundary = [&](int n) {
      return n < items / 2 ? 0.1f + step * static_cast<float>(n) : 1.0f - step * static_cast<float>(items - 1 - n);
    };
    for (int n = 0; n + 1 < items; ++n) {
      const float mean = (boundary(n) + boundary(n + 1)) / 2.0f;
      const float value = static_cast<float>(decade) * mean;
      map.push_back(value);
      if (sign == MapSign::both) map.push_back(-value);
    }
  }
  map.push_back(0.0f);
  map.push_back(1.0f);
  std::sort(map.begin(), map.end());
  return map;
}

Result<Nf4Tensor> quantise_nf4(std::span<const float> x, std::vector<float> map) {
  if (x.size() % kNf4Block != 0) {
    return fail(Errc::invalid, fmt::format("NF4: {} weights are no whole number of blocks of {}", x.size(), kNf4Block));
  }
  for (std::size_t i = 0; i < x.size(); ++i) {
    if (!std::isfinite(x[i])) return fail(Errc::invalid, fmt::format("NF4: element {} is an infinity or NaN", i));
  }
  Nf4Tensor out;
  out.map = std::move(map);
  out.codes.resize(x.size() / 2);
  std::vector<float> absmax(x.size() / kNf4Block);
  double sum = 0;
  for (std::size_t b = 0; b < absmax.size(); ++b) {
    const auto block = x.subspan(b * kNf4Block, kNf4Block);
    absmax[b] = largest(block);
    sum += static_cast<double>(absmax[b]);
    const float scale = inverse(absmax[b]);
    for (std::size_t i = 0; i < kNf4Block; i += 2) {
      const std::uint8_t first = nearest_in_map(kNf4Levels, block[i] * scale),
                         second = nearest_in_map(kNf4Levels, block[i + 1] * scale);
      out.codes[(b * kNf4Block + i) / 2] = static_cast<std::uint8_t>(first << 4 | second);
    }
  }
  out.offset = absmax.empty() ? 0.0f : static_cast<float>(sum / static_cast<double>(absmax.size()));
  out.absmax.resize(absmax.size());
  for (float& a : absmax) a -= out.offset;
  for (std::size_t b = 0; b < absmax.size(); b += kNf4NestedBlock) {
    const auto part = std::span(absmax).subspan(b, std::min(kNf4NestedBlock, absmax.size() - b));
    out.nested_absmax.push_back(largest(part));
    const float scale = inverse(out.nested_absmax.back());
    for (std::size_t i = 0; i < part.size(); ++i) out.absmax[b + i] = nearest_in_map(out.map, part[i] * scale);
  }
  return out;
}

}  // namespace freehold::kernel
