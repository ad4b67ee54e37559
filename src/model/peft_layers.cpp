// What PEFT calls a layer, what rank and scale it gives it, and in which order its rows lie.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "model/peft.h"

namespace freehold::model {

float lora_scale(double alpha, std::uint32_t r, bool rslora) {
  return static_cast<float>(rslora ? alpha / std::sqrt(static_cast<double>(r)) : alpha / static_cast<double>(r));
}

SiteShape shape_of(const Spec& spec, Site site) {
  const std::size_t C = spec.width, F = spec.ffn, Q = std::size_t{spec.heads} * spec.head_size,
                    KV = std::size_t{spec.kv_heads} * spec.head_size;
  switch (site) {
    case Site::q:
      return {Q, C};
    case Site::k:
    case Site::v:
      return {KV, C};
    case Site::o:
      return {C, Q};
    case Site::gate:
    case Site::up:
      return {F, C};
    case Site::down:
      return {C, F};
    case Site::router:
      return {spec.experts, C};
    case Site::head:
      return {spec.vocab, C};
    case Site::embedding:
      return {C, spec.vocab};
  }
  return {0, 0};
}

float AdapterConfig::scale() const {
  return lora_scale(alpha, r, rslora);
}

namespace {

// Whether the module's name ends with `name`, whole parts of it.
bool ends_with_name(std::string_view module, std::string_view name) {
  return module.ends_with(name) && (module.size() == name.size() || module[module.size() - name.size() - 1] == '.');
}

template <typename T>
T by_pattern(const std::vector<std::pair<std::string, T>>& patterns, const Place& place, T otherwise) {
  if (patterns.empty()) return otherwise;
  const std::string module = peft_layer(place);
  for (const auto& [name, value] : patterns) {
    if (ends_with_name(module, name)) return value;
  }
  return otherwise;
}

}  // namespace

std::uint32_t AdapterConfig::rank_at(const Place& place) const {
  return by_pattern(ranks, place, r);
}

float AdapterConfig::scale_at(const Place& place) const {
  return lora_scale(by_pattern(alphas, place, alpha), rank_at(place), rslora);
}

bool AdapterConfig::adapts(std::size_t block) const {
  return layers.empty() || std::find(layers.begin(), layers.end(), block) != layers.end();
}

std::string peft_layer(const Place& place) {
  const auto& [block, site, expert, mixture] = place;
  if (is_end(site)) return fmt::format("{}{}", site == Site::head ? "" : "model.", name_of(site));
  std::string_view part = "self_attn";
  if (site > Site::o) part = mixture ? "block_sparse_moe" : "mlp";
  return fmt::format("model.layers.{}.{}.{}{}", block, part,
                     mixture && of_experts(site) ? fmt::format("experts.{}.", expert) : "", name_of(site, mixture));
}

std::string peft_module(const Place& place) {
  return "base_model.model." + peft_layer(place);
}

std::string_view peft_half(Site site, bool a) {
  if (site == Site::embedding) return a ? ".lora_embedding_A" : ".lora_embedding_B";
  return a ? ".lora_A.weight" : ".lora_B.weight";
}

void reorder_heads(const Spec& spec, Site site, std::vector<float>& values, std::size_t cols, RowOrder order) {
  if ((site != Site::q && site != Site::k) || values.empty()) return;
  if (spec.ropes.empty() || spec.ropes.front().style != kernel::RopeStyle::interleaved) return;
  reorder_rows(spec.head_size, values, cols, order);
}

void reorder_rows(std::uint32_t D, std::vector<float>& values, std::size_t cols, RowOrder order) {
  std::vector<float> out(values.size());
  for (std::size_t row = 0; row < values.size() / cols; ++row) {
    const std::size_t d = row % D, pair = d < D / 2 ? 2 * d : 2 * (d - D / 2) + 1, there = row - d + pair;
    const std::size_t from = order == RowOrder::to_model ? row : there, to = order == RowOrder::to_model ? there : row;
    std::copy_n(values.data() + from * cols, cols, out.data() + to * cols);
  }
  values = std::move(out);
}

}  // namespace freehold::model
