#include "train/adamw_8bit.h"

#include <algorithm>
#include <cmath>

#include "base/check.h"
#include "kernel/blocks/nf4.h"

namespace freehold::train {
namespace {

using kernel::nearest_in_map;

float largest(std::span<const float> x) {
  float most = 0;
  for (const float v : x) most = std::max(most, std::fabs(v));
  return most;
}

// Codes and the largest magnitude of one block.
float quantise(std::span<const float> x, std::span<const float> map, std::uint8_t* codes) {
  const float absmax = largest(x), scale = absmax == 0 ? 0.0f : 1.0f / absmax;
  for (std::size_t i = 0; i < x.size(); ++i) {
    std::uint8_t code = nearest_in_map(map, x[i] * scale);
    // Only about 0, where the nearest value may be 0 itself.
    if (x[i] > 0 && map[code] == 0 && absmax > 0) {
      code = static_cast<std::uint8_t>(code + 1);
    } else if (x[i] < 0 && map[code] == 0 && absmax > 0) {
      code = static_cast<std::uint8_t>(code - 1);
    }
    codes[i] = code;
  }
  return absmax;
}

}  // namespace

AdamW8bit::AdamW8bit(const AdamWOptions& options, std::span<const Parameter> parameters)
    : options_(options),
      signed_map_(kernel::dynamic_map(kernel::MapSign::both)),
      positive_map_(kernel::dynamic_map(kernel::MapSign::positive)) {
  std::size_t codes = 0, absmax = 0, small = 0;
  for (const Parameter& p : parameters) {
    const std::size_t n = p.value.size(), blocks = (n + kBlock - 1) / kBlock;
    Place place;
    place.small = n < kLeast;
    place.codes = place.small ? small : codes;
    place.absmax = absmax;
    place.blocks = blocks;
    (place.small ? small : codes) += 2 * n;
    if (!place.small) absmax += 2 * blocks;
    places_.push_back(place);
  }
  codes_ = AlignedBuffer<std::uint8_t>(codes);
  absmax_ = AlignedBuffer<float>(absmax);
  small_ = AlignedBuffer<float>(small);
  // Code 0 of the signed map is -1: with an absmax of 0 it stands for 0 all the same, as 0 of the positive one does.
}

void AdamW8bit::step(ThreadPool& pool, std::span<Parameter> parameters, double learning_rate) {
  FH_CHECK(parameters.size() == places_.size(), "the parameters are those of the constructor");
  ++steps_;
  const AdamWStep rule(options_, steps_, learning_rate);
  for (std::size_t at = 0; at < parameters.size(); ++at) {
    Parameter& p = parameters[at];
    const Place& place = places_[at];
    const std::size_t n = p.value.size();
    pool.parallel_for(place.blocks, 16, [&](std::size_t begin, std::size_t end, int) {
      std::array<float, kBlock> m, v;
      for (std::size_t b = begin; b < end; ++b) {
        const std::size_t first = b * kBlock, count = std::min(kBlock, n - first);
        if (place.small) {
          float* states = small_.data() + place.codes;
          rule.apply(p, first, count, states + first, states + n + first);
          continue;
        }
        std::uint8_t *m_codes = codes_.data() + place.codes + first, *v_codes = m_codes + n;
        float &m_most = absmax_[place.absmax + b], &v_most = absmax_[place.absmax + place.blocks + b];
        for (std::size_t i = 0; i < count; ++i) {
          m[i] = signed_map_[m_codes[i]] * m_most;
          v[i] = positive_map_[v_codes[i]] * v_most;
        }
        rule.apply(p, first, count, m.data(), v.data());
        m_most = quantise(std::span(m).first(count), signed_map_, m_codes);
        v_most = quantise(std::span(v).first(count), positive_map_, v_codes);
      }
    });
  }
}

std::vector<Optimiser::State> AdamW8bit::state() {
  return {{"adam8.codes", std::as_writable_bytes(codes_.span())},
          {"adam8.absmax", std::as_writable_bytes(absmax_.span())},
          {"adam8.small", std::as_writable_bytes(small_.span())}};
}

}  // namespace freehold::train
