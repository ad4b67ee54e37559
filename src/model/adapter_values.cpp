#include "model/adapter_values.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <new>
#include <span>

#include "model/model.h"

namespace freehold::model {
namespace {

tensor::View view_of(std::string name, std::span<const float> values, std::size_t rows, std::size_t cols) {
  return {std::move(name), tensor::DType::f32, {rows, cols}, std::as_bytes(values)};
}

Result<> check_shapes(const LowRankValues& v, const nn::Linear& base, const std::string& where) {
  if (v.a.size() != std::size_t{v.rank} * base.inputs() || v.b.size() != base.outputs() * v.rank ||
      (!v.magnitude.empty() && v.magnitude.size() != base.outputs())) {
    return fail(Errc::invalid, fmt::format("adapter, {}: does not fit a layer of {} outputs and {} inputs", where,
                                           base.outputs(), base.inputs()));
  }
  for (float m : v.magnitude) {
    if (!std::isfinite(m)) return fail(Errc::corrupt, fmt::format("adapter, {}: a magnitude is not finite", where));
  }
  return {};
}

}  // namespace

AdapterValues no_values(const Spec& spec) {
  AdapterValues values;
  values.blocks.resize(spec.blocks.size());
  for (BlockValues& block : values.blocks) block.layers.resize(slots_of(spec.experts));
  return values;
}

std::string_view name_of(Site site, bool mixture) {
  constexpr std::string_view kDense[] = {"q_proj",    "k_proj",  "v_proj",    "o_proj",
                                         "gate_proj", "up_proj", "down_proj", "gate"};
  constexpr std::string_view kMixture[] = {"q_proj", "k_proj", "v_proj", "o_proj", "w1", "w3", "w2", "gate"};
  return (mixture ? kMixture : kDense)[static_cast<std::size_t>(site)];
}

const nn::Linear& linear_at(const BlockWeights& w, std::size_t slot) {
  const Place place = place_of(slot, slots_of(w.experts.size()));
  const Expert& network = w.experts.empty() ? w.ffn : w.experts[place.expert];
  const nn::Linear* const layers[] = {&w.q, &w.k, &w.v, &w.o, &network.gate, &network.up, &network.down, &w.router};
  return *layers[static_cast<std::size_t>(place.site)];
}

std::string describe_layer(std::size_t block, std::size_t slot, std::size_t slots) {
  const auto [site, expert] = place_of(slot, slots);
  const bool mixture = slots > kSites;
  return fmt::format("block {}, {}{}", block, name_of(site, mixture),
                     mixture && of_experts(site) ? fmt::format(" of expert {}", expert) : "");
}

Digest digest_of(const AdapterValues& values) {
  Sha256 hash;
  const auto add = [&](const auto& numbers) { hash.update(std::as_bytes(std::span(numbers))); };
  for (const auto& block : values.blocks) {
    for (std::size_t slot = 0; slot < block.size(); ++slot) {
      const LowRankValues& v = block[slot];
      if (slot >= kSites) {  // what a mixture has more counts where it is adapted
        if (v.rank == 0) continue;
        const std::uint64_t number = slot;
        add(std::span(&number, 1));
      }
      const std::uint64_t sizes[] = {v.rank, v.a.size(), v.b.size(), v.magnitude.size()};
      add(sizes);
      add(std::span(&v.scale, 1));
      add(v.a);
      add(v.b);
      add(v.magnitude);
    }
  }
  return hash.finish();
}

std::uint32_t largest_rank(const AdapterValues& values) {
  std::uint32_t r = 0;
  for (const auto& block : values.blocks) {
    for (const LowRankValues& v : block) r = std::max(r, v.rank);
  }
  return r;
}

std::uint64_t adapter_bytes(const AdapterValues& values) {
  std::uint64_t sum = 0;
  for (const auto& block : values.blocks) {
    sum += sizeof(Adapter::Block) + block.size() * sizeof(nn::LowRank);
    for (const LowRankValues& v : block) {
      if (v.rank == 0) continue;
      sum += nn::Linear::prepared_bytes(view_of("", v.a, v.rank, v.a.size() / v.rank));
      sum += nn::Linear::prepared_bytes(view_of("", v.b, v.b.size() / v.rank, v.rank));
      sum += 2 * v.magnitude.size() * sizeof(float);
    }
  }
  return sum;
}

Result<> build_adapter(Adapter& adapter, ThreadPool& pool, const kernel::Table& kernels, const Spec& spec,
                       const Weights& weights, const AdapterValues& values) {
  if (values.blocks.size() != spec.blocks.size()) {
    return fail(Errc::invalid,
                fmt::format("adapter: is for {} blocks, the model has {}", values.blocks.size(), spec.blocks.size()));
  }
  const std::size_t slots = slots_of(spec.experts);
  for (const BlockValues& block : values.blocks) {
    if (block.size() == slots) continue;
    return fail(Errc::invalid,
                fmt::format("adapter: is for blocks of {} layers, the model's have {}: the experts are not as many",
                            block.size(), slots));
  }
  std::uint64_t bytes = 0;
  auto each = [&](auto body) -> Result<> {
    for (std::size_t i = 0; i < values.blocks.size(); ++i) {
      for (std::size_t slot = 0; slot < values.blocks[i].size(); ++slot) {
        const LowRankValues& v = values.blocks[i][slot];
        if (v.rank != 0) FH_TRY_VOID(body(i, slot, v, linear_at(weights.blocks[i], slot)));
      }
    }
    return {};
  };
  FH_TRY_VOID(each([&](std::size_t i, std::size_t slot, const LowRankValues& v, const nn::Linear& base) -> Result<> {
    bytes += nn::Linear::prepared_bytes(view_of("", v.a, v.rank, base.inputs()));
    bytes += nn::Linear::prepared_bytes(view_of("", v.b, base.outputs(), v.rank));
    return check_shapes(v, base, describe_layer(i, slot, slots));
  }));
  if (adapter.panels.size() != bytes) {
    try {
      adapter.panels = AlignedBuffer<std::byte>(bytes);
    } catch (const std::bad_alloc&) {
      return fail(Errc::exhausted, fmt::format("adapter: no memory for {} bytes", bytes));
    }
  }
  adapter.base = &weights;
  adapter.blocks.resize(values.blocks.size());
  for (Adapter::Block& block : adapter.blocks) block.sites.resize(slots);
  std::span<std::byte> rest = adapter.panels.span();
  auto prepare = [&](const tensor::View& view) {
    const std::size_t n = nn::Linear::prepared_bytes(view);
    const std::span<std::byte> panels = rest.first(n);
    rest = rest.subspan(n);
    return nn::Linear::prepare(pool, view, panels);
  };
  nn::Workspace none(0);
  nn::Context context{pool, kernels, none};
  return each([&](std::size_t i, std::size_t slot, const LowRankValues& v, const nn::Linear& base) -> Result<> {
    nn::LowRank& low = adapter.blocks[i].sites[slot];
    const std::size_t K = base.inputs(), N = base.outputs(), r = v.rank;
    FH_TRY(low.a, prepare(view_of("adapter, " + describe_layer(i, slot, slots) + ", A", v.a, r, K)));
    FH_TRY(low.b, prepare(view_of("adapter, " + describe_layer(i, slot, slots) + ", B", v.b, N, r)));
    low.scale = v.scale;
    if (v.magnitude.empty()) {
      low.gain.clear();
      return {};
    }
    return nn::dora_gain(context, low, base, v.magnitude, {v.a.data(), r, K, K}, {v.b.data(), N, r, r});
  });
}

Result<std::shared_ptr<const Adapter>> make_adapter(const Model& model, ThreadPool& pool, const kernel::Table& kernels,
                                                    const AdapterValues& values) {
  auto adapter = std::make_shared<Adapter>();
  FH_TRY_VOID(build_adapter(*adapter, pool, kernels, model.spec(), model.weights(), values));
  adapter->digest = digest_of(values);
  return std::shared_ptr<const Adapter>(std::move(adapter));
}

}  // namespace freehold::model
