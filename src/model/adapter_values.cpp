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

std::vector<Place> all_places(std::size_t blocks) {
  std::vector<Place> out;
  for (std::size_t i = 0; i < blocks; ++i) {
    for (Site site : kAllSites) out.push_back({i, site});
  }
  for (Site site : kEnds) out.push_back({0, site});
  return out;
}

std::string_view name_of(Site site) {
  constexpr std::string_view kNames[] = {"q_proj",  "k_proj",    "v_proj",  "o_proj",      "gate_proj",
                                         "up_proj", "down_proj", "lm_head", "embed_tokens"};
  return kNames[static_cast<std::size_t>(site)];
}

std::string name_of(Place place) {
  if (is_end(place.site)) return std::string(name_of(place.site));
  return fmt::format("block {}, {}", place.block, name_of(place.site));
}

const nn::Linear& linear_at(const BlockWeights& w, Site site) {
  const nn::Linear* const layers[kSites] = {&w.q, &w.k, &w.v, &w.o, &w.ffn.gate, &w.ffn.up, &w.ffn.down};
  return *layers[static_cast<std::size_t>(site)];
}

const nn::Linear& linear_at(const Weights& weights, Place place) {
  return is_end(place.site) ? weights.output : linear_at(weights.blocks[place.block], place.site);
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
    for (const LowRankValues& v : block) add_layer(v);
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
  std::uint64_t sum = values.blocks.size() * sizeof(Adapter::Block);
  for (const Place place : all_places(values.blocks.size())) {
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
  std::uint64_t bytes = 0;
  auto each = [&](auto body) -> Result<> {
    for (const Place place : all_places(values.blocks.size())) {
      const LowRankValues& v = values.at(place);
      if (v.rank == 0 || place.site == Site::embedding) continue;
      FH_TRY_VOID(body(place, v, linear_at(weights, place)));
    }
    return {};
  };
  FH_TRY_VOID(each([&](Place place, const LowRankValues& v, const nn::Linear& base) -> Result<> {
    if (base.empty()) {
      return fail(Errc::unsupported,
                  fmt::format("adapter, {}: the model has experts there, which cannot be adapted yet", name_of(place)));
    }
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
  std::span<std::byte> rest = adapter.panels.span();
  auto prepare = [&](const tensor::View& view) {
    const std::size_t n = nn::Linear::prepared_bytes(view);
    const std::span<std::byte> panels = rest.first(n);
    rest = rest.subspan(n);
    return nn::Linear::prepare(pool, view, panels);
  };
  nn::Workspace none(0);
  nn::Context context{pool, kernels, none};
  FH_TRY_VOID(each([&](Place place, const LowRankValues& v, const nn::Linear& base) -> Result<> {
    nn::LowRank& low = place.site == Site::head ? adapter.head : adapter.blocks[place.block].at(place.site);
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
