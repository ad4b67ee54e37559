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

// What serving reads of an embedding's adapter: `columns` (V, r) of A (r, V).
void turn_columns(ThreadPool& pool, std::span<float> columns, const LowRankValues& v) {
  const std::size_t r = v.rank, V = v.a.size() / r;
  pool.parallel_for(V, 256, [&](std::size_t begin, std::size_t end, int) {
    for (std::size_t j = 0; j < r; ++j) {
      for (std::size_t i = begin; i < end; ++i) columns[i * r + j] = v.a[j * V + i];
    }
  });
}

Result<> check_embedding_values(const Spec& spec, const LowRankValues& v) {
  if (v.rank == 0) return {};
  if (!v.magnitude.empty()) {
    return fail(Errc::unsupported, "adapter, embed_tokens: DoRA on the embedding is not supported");
  }
  if (v.a.size() != std::size_t{v.rank} * spec.vocab || v.b.size() != std::size_t{spec.width} * v.rank) {
    return fail(Errc::invalid,
                fmt::format("adapter, embed_tokens: does not fit {} tokens of width {}", spec.vocab, spec.width));
  }
  if (!std::all_of(v.a.begin(), v.a.end(), [](float x) { return std::isfinite(x); })) {
    return fail(Errc::corrupt, "adapter, embed_tokens, A: an infinity or NaN");
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

std::vector<Place> all_places(std::size_t blocks, std::size_t experts) {
  std::vector<Place> out;
  const std::size_t slots = slots_of(experts);
  for (std::size_t i = 0; i < blocks; ++i) {
    for (std::size_t slot = 0; slot < slots; ++slot) out.push_back(place_of(slot, slots, i));
  }
  for (Site site : kEnds) out.push_back({0, site, 0, experts != 0});
  return out;
}

std::vector<Place> all_places(const AdapterValues& values) {
  const std::size_t slots = values.blocks.empty() ? kSites : values.blocks.front().size();
  return all_places(values.blocks.size(), slots == kSites ? 0 : (slots - 1 - kSites) / 3 + 1);
}

std::string_view name_of(Site site, bool mixture) {
  constexpr std::string_view kDense[] = {"q_proj",  "k_proj",    "v_proj", "o_proj",  "gate_proj",
                                         "up_proj", "down_proj", "gate",   "lm_head", "embed_tokens"};
  if (!mixture || !of_experts(site)) return kDense[static_cast<std::size_t>(site)];
  return site == Site::gate ? "w1" : site == Site::up ? "w3" : "w2";
}

std::string name_of(const Place& place) {
  if (is_end(place.site)) return std::string(name_of(place.site));
  const bool expert = place.mixture && of_experts(place.site);
  return fmt::format("block {}, {}{}", place.block, name_of(place.site, place.mixture),
                     expert ? fmt::format(" of expert {}", place.expert) : "");
}

const nn::Linear& linear_at(const BlockWeights& w, std::size_t slot) {
  const Place place = place_of(slot, slots_of(w.experts.size()));
  const Expert& network = w.experts.empty() ? w.ffn : w.experts[place.expert];
  const nn::Linear* const layers[] = {&w.q, &w.k, &w.v, &w.o, &network.gate, &network.up, &network.down, &w.router};
  return *layers[static_cast<std::size_t>(place.site)];
}

const nn::Linear& linear_at(const Weights& weights, const Place& place) {
  if (is_end(place.site)) return weights.output;
  const BlockWeights& block = weights.blocks[place.block];
  return linear_at(block, slot_of(place, slots_of(block.experts.size())));
}

Digest digest_of(const AdapterValues& values) {
  Sha256 hash;
  const auto add = [&](const auto& numbers) { hash.update(std::as_bytes(std::span(numbers))); };
  const auto add_layer = [&](const LowRankValues& v) {
    const std::uint64_t sizes[] = {v.rank, v.a.size(), v.b.size(), v.magnitude.size()};
    add(sizes);
    add(std::span(&v.scale, 1));
    add(v.a);
    add(v.b);
    add(v.magnitude);
  };
  for (const auto& block : values.blocks) {
    for (std::size_t slot = 0; slot < block.size(); ++slot) {
      if (slot >= kSites) {  // what a mixture has more counts where it is adapted
        if (block[slot].rank == 0) continue;
        const std::uint64_t number = slot;
        add(std::span(&number, 1));
      }
      add_layer(block[slot]);
    }
  }
  // Adapters without have the digest that they had before there were ends.
  if (values.head.rank != 0 || values.embedding.rank != 0) add_layer(values.head), add_layer(values.embedding);
  return hash.finish();
}

std::uint32_t largest_rank(const AdapterValues& values) {
  std::uint32_t r = std::max(values.head.rank, values.embedding.rank);
  for (const auto& block : values.blocks) {
    for (const LowRankValues& v : block) r = std::max(r, v.rank);
  }
  return r;
}

std::uint64_t adapter_bytes(const AdapterValues& values) {
  std::uint64_t sum = 0;
  for (const auto& block : values.blocks) sum += sizeof(Adapter::Block) + block.size() * sizeof(nn::LowRank);
  for (const Place& place : all_places(values)) {
    const LowRankValues& v = values.at(place);
    if (v.rank == 0) continue;
    sum += place.site == Site::embedding ? v.a.size() * sizeof(float)
                                         : nn::Linear::prepared_bytes(view_of("", v.a, v.rank, v.a.size() / v.rank));
    sum += nn::Linear::prepared_bytes(view_of("", v.b, v.b.size() / v.rank, v.rank));
    sum += 2 * v.magnitude.size() * sizeof(float);
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
    for (const Place& place : all_places(values)) {
      const LowRankValues& v = values.at(place);
      if (v.rank == 0 || place.site == Site::embedding) continue;
      FH_TRY_VOID(body(place, v, linear_at(weights, place)));
    }
    return {};
  };
  FH_TRY_VOID(each([&](const Place& place, const LowRankValues& v, const nn::Linear& base) -> Result<> {
    bytes += nn::Linear::prepared_bytes(view_of("", v.a, v.rank, base.inputs()));
    bytes += nn::Linear::prepared_bytes(view_of("", v.b, base.outputs(), v.rank));
    return check_shapes(v, base, name_of(place));
  }));
  const LowRankValues& looked_up = values.embedding;
  FH_TRY_VOID(check_embedding_values(spec, looked_up));
  if (looked_up.rank != 0) {
    bytes += nn::Linear::prepared_bytes(view_of("", looked_up.b, spec.width, looked_up.rank));
    bytes += looked_up.a.size() * sizeof(float);
  }
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
  FH_TRY_VOID(each([&](const Place& place, const LowRankValues& v, const nn::Linear& base) -> Result<> {
    nn::LowRank& low =
        place.site == Site::head ? adapter.head : adapter.blocks[place.block].sites[slot_of(place, slots)];
    const std::size_t K = base.inputs(), N = base.outputs(), r = v.rank;
    FH_TRY(low.a, prepare(view_of("adapter, " + name_of(place) + ", A", v.a, r, K)));
    FH_TRY(low.b, prepare(view_of("adapter, " + name_of(place) + ", B", v.b, N, r)));
    low.scale = v.scale;
    if (v.magnitude.empty()) {
      low.gain.clear();
      return {};
    }
    return nn::dora_gain(context, low, base, v.magnitude, {v.a.data(), r, K, K}, {v.b.data(), N, r, r});
  }));
  if (looked_up.rank == 0) return {};
  FH_TRY(adapter.embedding.b, prepare(view_of("adapter, embed_tokens, B", looked_up.b, spec.width, looked_up.rank)));
  adapter.embedding.scale = looked_up.scale;
  const std::span<float> columns(reinterpret_cast<float*>(rest.data()), looked_up.a.size());
  turn_columns(pool, columns, looked_up);
  adapter.embedding.columns = columns;
  return {};
}

Result<std::shared_ptr<const Adapter>> make_adapter(const Model& model, ThreadPool& pool, const kernel::Table& kernels,
                                                    const AdapterValues& values) {
  auto adapter = std::make_shared<Adapter>();
  FH_TRY_VOID(build_adapter(*adapter, pool, kernels, model.spec(), model.weights(), values));
  adapter->digest = digest_of(values);
  return std::shared_ptr<const Adapter>(std::move(adapter));
}

}  // namespace freehold::model
