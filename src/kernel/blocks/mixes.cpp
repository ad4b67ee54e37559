#include "kernel/blocks/mixes.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>

namespace freehold::kernel {
namespace {

using tensor::DType;
using Layers = Mix::Layers;

constexpr std::array kMixes = {
    Mix{"F32", DType::f32, DType::f32, DType::f32, Layers::none, 32.0},
    Mix{"F16", DType::f16, DType::f16, DType::f16, Layers::none, 16.0},
    Mix{"BF16", DType::bf16, DType::bf16, DType::bf16, Layers::none, 16.0},
    Mix{"Q8_0", DType::q8_0, DType::q8_0, DType::q8_0, Layers::none, 8.5},
    Mix{"Q6_K", DType::q6_k, DType::q6_k, DType::q6_k, Layers::none, 6.6},
    Mix{"Q5_1", DType::q5_1, DType::q6_k, DType::q5_1, Layers::none, 6.0},
    Mix{"Q5_K_M", DType::q5_k, DType::q6_k, DType::q6_k, Layers::spread, 5.7},
    Mix{"Q5_K_S", DType::q5_k, DType::q6_k, DType::q5_k, Layers::none, 5.5},
    Mix{"Q5_0", DType::q5_0, DType::q6_k, DType::q5_0, Layers::none, 5.5},
    Mix{"Q4_1", DType::q4_1, DType::q6_k, DType::q4_1, Layers::none, 5.1},
    Mix{"Q4_K_M", DType::q4_k, DType::q6_k, DType::q6_k, Layers::spread, 4.8},
    Mix{"Q4_K_S", DType::q4_k, DType::q6_k, DType::q5_k, Layers::first, 4.6},
    Mix{"Q4_0", DType::q4_0, DType::q6_k, DType::q4_0, Layers::none, 4.6},
    Mix{"IQ4_NL", DType::iq4_nl, DType::q6_k, DType::iq4_nl, Layers::none, 4.6},
    Mix{"IQ4_XS", DType::iq4_xs, DType::q6_k, DType::iq4_xs, Layers::none, 4.4},
};

// The layer number of "blk.N.…"; nothing for other tensors.
std::optional<std::uint32_t> layer_of(std::string_view name) {
  constexpr std::string_view kPrefix = "blk.";
  if (!name.starts_with(kPrefix)) return std::nullopt;
  std::uint32_t layer = 0;
  auto [end, error] = std::from_chars(name.data() + kPrefix.size(), name.data() + name.size(), layer);
  if (error != std::errc{} || end == name.data() + name.size() || *end != '.') return std::nullopt;
  return layer;
}

// "ffn_down" of "blk.3.ffn_down.weight", "ffn_down_exps" of an expert's; the whole name outside of layers.
std::string_view role_of(std::string_view name) {
  if (layer_of(name)) name.remove_prefix(name.find('.', name.find('.') + 1) + 1);
  return name.substr(0, name.rfind('.'));
}

bool one_of(std::string_view role, std::initializer_list<std::string_view> names) {
  return std::find(names.begin(), names.end(), role) != names.end();
}

bool spread(std::uint32_t layer, std::uint32_t layers) {
  const std::uint32_t eighth = layers / 8;
  return layer < eighth || layer >= 7 * std::uint64_t{layers} / 8 || (layer - eighth) % 3 == 2;
}

bool gets_more(const Mix& mix, const MixModel& model, std::string_view role, std::uint32_t layer) {
  const bool value = role == "attn_v";
  const bool down = one_of(role, {"ffn_down", "ffn_down_exps", "ffn_down_shexp"});
  switch (mix.layers) {
    case Layers::none:
      return false;
    case Layers::first:
      return (value && layer < 4) || (down && layer < model.layers / 8);
    case Layers::spread:
      return (value || down) && spread(layer, model.layers);
  }
  return false;
}

DType wanted(const Mix& mix, const MixModel& model, std::string_view name) {
  const std::string_view role = role_of(name);
  if (role == "output" || (role == "token_embd" && model.tied_output)) return mix.output;
  const auto layer = layer_of(name);
  if (!layer) return mix.base;
  const bool k_mix = mix.layers != Layers::none;
  // In a mixture of experts the attention is a sliver of the file and every token passes it.
  if (k_mix && model.experts >= 8 && one_of(role, {"attn_k", "attn_v"})) return DType::q8_0;
  if (k_mix && model.experts >= 8 && mix.base == DType::q4_k && role == "attn_output") return DType::q5_k;
  return gets_more(mix, model, role, *layer) ? mix.more : mix.base;
}

// The nearest type of blocks of 32 that is no worse.
DType smaller_blocks(DType type) {
  switch (type) {
    case DType::q6_k:
      return DType::q8_0;
    case DType::q5_k:
      return DType::q5_1;
    case DType::q4_k:
      return DType::q5_0;
    case DType::iq4_xs:
      return DType::iq4_nl;
    case DType::q3_k:
      return DType::iq4_nl;
    case DType::q2_k:
      return DType::iq4_nl;
    default:
      return type;
  }
}

}  // namespace

std::span<const Mix> all_mixes() {
  return kMixes;
}

const Mix* mix_from_name(std::string_view name) {
  auto same = [](char a, char b) {
    return std::toupper(static_cast<unsigned char>(a)) == std::toupper(static_cast<unsigned char>(b));
  };
  for (const Mix& mix : kMixes) {
    if (std::equal(name.begin(), name.end(), mix.name.begin(), mix.name.end(), same)) return &mix;
  }
  return nullptr;
}

MixChoice choose_type(const Mix& mix, const MixModel& model, std::string_view tensor_name,
                      std::span<const std::uint64_t> dims) {
  const std::string_view role = role_of(tensor_name);
  if (dims.size() < 2 || role.ends_with("_norm") || role == "ffn_gate_inp") return {DType::f32, ""};
  const DType type = wanted(mix, model, tensor_name);
  auto fits = [&](DType t) { return dims[0] % tensor::info(t).block_elems == 0; };
  if (fits(type)) return {type, ""};
  DType instead = smaller_blocks(type);
  if (!fits(instead)) instead = DType::f16;
  return {instead, fmt::format("rows of {} are no multiple of {}: {} instead of {}", dims[0],
                               tensor::info(type).block_elems, tensor::name_of(instead), tensor::name_of(type))};
}

}  // namespace freehold::kernel
