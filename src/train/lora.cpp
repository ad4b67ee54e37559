#include "train/lora.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <new>

#include "base/random.h"

namespace freehold::train {

using model::LowRankValues;
using model::Site;

Result<std::unique_ptr<LoraModel>> LoraModel::fresh(std::shared_ptr<const model::Model> base, ThreadPool& pool,
                                                    const kernel::Table& kernels, model::AdapterConfig config,
                                                    std::uint64_t seed) {
  const std::size_t slots = model::slots_of(base->spec().experts);
  model::AdapterValues values = model::no_values(base->spec());
  nn::Workspace none(0);
  nn::Context context{pool, kernels, none};
  for (const std::uint32_t layer : config.layers) {
    if (layer < values.blocks.size()) continue;
    return fail(Errc::invalid, fmt::format("the adapter is to sit on layer {}, and the model has {}, from 0", layer,
                                           values.blocks.size()));
  }
  for (std::size_t i = 0; i < values.blocks.size(); ++i) {
    if (!config.adapts(i)) continue;
    for (std::size_t slot = 0; slot < slots; ++slot) {
      const Site site = model::place_of(slot, slots).site;
      if (std::find(config.targets.begin(), config.targets.end(), site) == config.targets.end()) continue;
      const nn::Linear& layer = model::linear_at(base->weights().blocks[i], slot);
      const std::size_t K = layer.inputs(), N = layer.outputs(), r = config.r;
      LowRankValues& v = values.blocks[i][slot];
      v.rank = config.r;
      v.scale = config.scale();
      v.a.resize(r * K);
      v.b.resize(N * r);
      const double bound = 1.0 / std::sqrt(static_cast<double>(K));
      const std::uint64_t stream = i * slots + slot;
      for (std::size_t j = 0; j < v.a.size(); ++j) {
        v.a[j] = static_cast<float>(bound * (2 * uniform_draw(seed, stream, j) - 1));
      }
      if (!config.dora) continue;
      v.magnitude.resize(N);
      nn::dora_norm(context, v.magnitude, layer, v.scale, {v.a.data(), r, K, K}, {v.b.data(), N, r, r});
    }
  }
  return from(std::move(base), pool, kernels, {std::move(config), std::move(values)});
}

Result<std::unique_ptr<LoraModel>> LoraModel::from(std::shared_ptr<const model::Model> base, ThreadPool& pool,
                                                   const kernel::Table& kernels, model::PeftAdapter adapter) {
  std::unique_ptr<LoraModel> m(new LoraModel(std::move(base), pool, kernels));
  m->values_ = std::move(adapter);
  FH_TRY_VOID(m->refresh());
  std::size_t elements = 0;
  for (const auto& block : m->values_.values.blocks) {
    for (const LowRankValues& v : block) elements += v.a.size() + v.b.size() + v.magnitude.size();
  }
  if (elements == 0) return fail(Errc::invalid, "training: the adapter adapts no layer");
  try {
    m->differences_ = AlignedBuffer<float>(elements);
  } catch (const std::bad_alloc&) {
    return fail(Errc::exhausted, fmt::format("training: no memory for the gradients of {} weights", elements));
  }
  float* next = m->differences_.data();
  auto add = [&](std::string name, std::vector<std::uint64_t> shape, std::vector<float>& value) {
    m->parameters_.push_back({std::move(name), std::move(shape), value, {next, value.size()}});
    next += value.size();
    return m->parameters_.back().gradient;
  };
  m->gradients_.blocks.resize(m->values_.values.blocks.size());
  for (std::size_t i = 0; i < m->values_.values.blocks.size(); ++i) {
    const std::size_t slots = m->values_.values.blocks[i].size();
    m->gradients_.blocks[i].sites.resize(slots);
    for (std::size_t slot = 0; slot < slots; ++slot) {
      LowRankValues& v = m->values_.values.blocks[i][slot];
      if (v.rank == 0) continue;
      const std::string module = model::peft_module(i, slot, slots);
      const std::size_t r = v.rank, K = v.a.size() / r, N = v.b.size() / r;
      nn::LowRankGradients& g = m->gradients_.blocks[i].sites[slot].adapter;
      g.a = {add(module + ".lora_A.weight", {r, K}, v.a).data(), r, K, K};
      g.b = {add(module + ".lora_B.weight", {N, r}, v.b).data(), N, r, r};
      if (!v.magnitude.empty()) g.magnitude = add(module + ".lora_magnitude_vector", {N}, v.magnitude);
    }
  }
  return m;
}

Result<> LoraModel::refresh() {
  return model::build_adapter(adapter_, pool_, kernels_, base_->spec(), base_->weights(), values_.values);
}

}  // namespace freehold::train
