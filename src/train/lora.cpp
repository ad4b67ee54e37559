#include "train/lora.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <new>
#include <numbers>

#include "base/mathd.h"
#include "base/random.h"

namespace freehold::train {

using model::LowRankValues;
using model::Place;
using model::Site;

namespace {

// A stream of its own for every place.
std::uint64_t stream_of(const Place& place, std::size_t blocks, std::size_t slots) {
  if (!model::is_end(place.site)) return place.block * slots + model::slot_of(place, slots);
  return blocks * slots + (place.site == Site::head ? 0 : 1);
}

// Of mean 0 and variance 1, from two uniform draws (Box and Muller 1958).
float normal_draw(std::uint64_t seed, std::uint64_t stream, std::uint64_t index) {
  const double u = 1 - uniform_draw(seed, stream, 2 * index), v = uniform_draw(seed, stream, 2 * index + 1);
  return static_cast<float>(std::sqrt(-2 * mathd::log(u)) * mathd::cos(2 * std::numbers::pi * v));
}

}  // namespace

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
  for (const Place& place : model::all_places(values)) {
    const Site site = place.site;
    const auto& targets = config.targets;
    if (std::find(targets.begin(), targets.end(), site) == targets.end()) continue;
    if (!config.adapts(place)) {
      if (!model::is_end(site)) continue;
      return fail(Errc::invalid, fmt::format("an adapter on {} and on some layers only: PEFT would leave out {}",
                                             name_of(site), name_of(site)));
    }
    const auto [N, K] = model::shape_of(base->spec(), site);
    const std::size_t r = config.r;
    LowRankValues& v = values.at(place);
    v.rank = config.r;
    v.scale = config.scale();
    v.a.resize(r * K);
    v.b.resize(N * r);
    const std::uint64_t stream = stream_of(place, values.blocks.size(), slots);
    if (site == Site::embedding) {
      if (config.dora) return fail(Errc::unsupported, "DoRA on embed_tokens is not supported");
      for (std::size_t j = 0; j < v.b.size(); ++j) v.b[j] = normal_draw(seed, stream, j);
      continue;
    }
    const double bound = 1.0 / std::sqrt(static_cast<double>(K));
    for (std::size_t j = 0; j < v.a.size(); ++j) {
      v.a[j] = static_cast<float>(bound * (2 * uniform_draw(seed, stream, j) - 1));
    }
    if (!config.dora) continue;
    v.magnitude.resize(N);
    nn::dora_norm(context, v.magnitude, model::linear_at(base->weights(), place), v.scale, {v.a.data(), r, K, K},
                  {v.b.data(), N, r, r});
  }
  return from(std::move(base), pool, kernels, {std::move(config), std::move(values)});
}

Result<std::unique_ptr<LoraModel>> LoraModel::from(std::shared_ptr<const model::Model> base, ThreadPool& pool,
                                                   const kernel::Table& kernels, model::PeftAdapter adapter) {
  std::unique_ptr<LoraModel> m(new LoraModel(std::move(base), pool, kernels));
  m->values_ = std::move(adapter);
  FH_TRY_VOID(m->refresh());
  const std::vector<Place> places = model::all_places(m->values_.values);
  std::size_t elements = 0;
  for (const Place& place : places) {
    const LowRankValues& v = m->values_.values.at(place);
    elements += v.a.size() + v.b.size() + v.magnitude.size();
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
  model::Gradients& gradients = m->gradients_;
  gradients.blocks.resize(m->values_.values.blocks.size());
  for (std::size_t i = 0; i < gradients.blocks.size(); ++i) {
    gradients.blocks[i].sites.resize(m->values_.values.blocks[i].size());
  }
  for (const Place& place : places) {
    LowRankValues& v = m->values_.values.at(place);
    if (v.rank == 0) continue;
    const std::string module = model::peft_module(place);
    const std::size_t r = v.rank, K = v.a.size() / r, N = v.b.size() / r;
    model::BlockGradients& block = gradients.blocks[place.block];
    nn::LowRankGradients& g = place.site == Site::head        ? gradients.head_adapter
                              : place.site == Site::embedding ? gradients.embedding_adapter
                                                              : block.sites[slot_of(place, block.sites.size())].adapter;
    g.a = {add(module + std::string(model::peft_half(place.site, true)), {r, K}, v.a).data(), r, K, K};
    g.b = {add(module + std::string(model::peft_half(place.site, false)), {N, r}, v.b).data(), N, r, r};
    if (!v.magnitude.empty()) g.magnitude = add(module + ".lora_magnitude_vector", {N}, v.magnitude);
  }
  return m;
}

Result<> LoraModel::refresh() {
  return model::build_adapter(adapter_, pool_, kernels_, base_->spec(), base_->weights(), values_.values);
}

}  // namespace freehold::train
