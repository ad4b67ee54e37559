// For tests: adapters of random numbers, whose effect shows in every logit.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <initializer_list>
#include <memory>

#include "base/random.h"
#include "kernel/kernels.h"
#include "model/adapter_values.h"
#include "model/model.h"

namespace freehold::model::testing {

// `rank` on the sites of every block, each expert's of a mixture; the same seed gives the same numbers. With `dora`,
// magnitudes near the base's.
inline AdapterValues random_adapter(const Model& model, std::uint32_t rank, std::initializer_list<Site> sites,
                                    std::uint64_t seed, bool dora = false) {
  AdapterValues values = no_values(model.spec());
  for (std::size_t i = 0; i < values.blocks.size(); ++i) {
    const std::size_t slots = values.blocks[i].size();
    for (std::size_t slot = 0; slot < slots; ++slot) {
      if (std::find(sites.begin(), sites.end(), place_of(slot, slots).site) == sites.end()) continue;
      const nn::Linear& base = linear_at(model.weights().blocks[i], slot);
      const std::uint64_t stream = i * slots + slot;
      std::uint64_t n = 0;
      const auto draw = [&](double scale) {
        return static_cast<float>(scale * (2 * uniform_draw(seed, stream, n++) - 1));
      };
      LowRankValues& v = values.blocks[i][slot];
      v.rank = rank;
      v.scale = 2;
      v.a.resize(rank * base.inputs());
      v.b.resize(base.outputs() * rank);
      for (float& x : v.a) x = draw(1 / std::sqrt(static_cast<double>(base.inputs())));
      for (float& x : v.b) x = draw(0.2);
      if (!dora) continue;
      v.magnitude.resize(base.outputs());
      for (float& x : v.magnitude) x = 1 + draw(0.3);
    }
  }
  return values;
}

// The same at the model's ends, where `values` has none.
inline void add_random_ends(AdapterValues& values, const Model& model, std::uint32_t rank, std::uint64_t seed,
                            bool head = true, bool embedding = true) {
  const std::size_t C = model.spec().width, V = model.spec().vocab;
  const auto fill = [&](LowRankValues& v, std::size_t outputs, std::size_t inputs, std::uint64_t stream) {
    std::uint64_t n = 0;
    const auto draw = [&] { return static_cast<float>(0.3 * (2 * uniform_draw(seed, stream, n++) - 1)); };
    v.rank = rank;
    v.scale = 2;
    v.a.resize(rank * inputs);
    v.b.resize(outputs * rank);
    for (float& x : v.a) x = draw();
    for (float& x : v.b) x = draw();
  };
  if (head) fill(values.head, V, C, 1'000'000);
  if (embedding) fill(values.embedding, C, V, 1'000'001);
}

inline std::shared_ptr<const Adapter> served(const Model& model, ThreadPool& pool, const AdapterValues& values) {
  auto adapter = make_adapter(model, pool, kernel::table_up_to(kernel::detect_level()), values);
  return adapter ? *adapter : nullptr;
}

}  // namespace freehold::model::testing
