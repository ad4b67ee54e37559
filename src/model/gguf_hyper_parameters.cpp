#include <fmt/format.h>

#include <cmath>

#include "base/mathd.h"
#include "model/gguf_parts.h"

namespace freehold::model {

using format::Metadata;
using format::Value;

namespace {

double number(const Metadata& config, const std::string& key, double otherwise) {
  const Value* value = config.find(key);
  return value != nullptr ? value->as_f64().value_or(otherwise) : otherwise;
}

std::string text(const Metadata& config, const std::string& key) {
  const Value* value = config.find(key);
  auto string = value != nullptr ? value->as_string() : std::nullopt;
  return std::string(string.value_or(""));
}

// The family has checked all of this; Llama 3's scaling becomes a tensor (rope_factors in gguf_plan.cpp).
void put_rope(const Spec& spec, const Metadata& config, const std::string& a, Metadata& out) {
  const bool apart = config.contains("rope_parameters.full_attention.rope_theta");
  const std::string base = apart ? "rope_parameters.full_attention." : "rope_parameters.";
  const double theta = number(config, base + "rope_theta", number(config, "rope_theta", 10000.0));
  out.set(a + ".rope.freq_base", Value::f32(static_cast<float>(theta)));
  out.set(a + ".rope.dimension_count", Value::u32(static_cast<std::uint32_t>(2 * spec.ropes[0].inv_freq.size())));
  if (spec.ropes.size() > 1) {
    const double local =
        number(config, "rope_parameters.sliding_attention.rope_theta", number(config, "rope_local_base_freq", 10000.0));
    out.set(a + ".rope.freq_base_swa", Value::f32(static_cast<float>(local)));
  }
  const std::string parent = text(config, base + "rope_type").empty() ? "rope_scaling." : base;
  std::string type = text(config, parent + "rope_type");
  if (type.empty()) type = text(config, parent + "type");
  if (type != "linear" && type != "yarn") return;
  const double factor = number(config, parent + "factor", 1.0);
  out.set(a + ".rope.scaling.type", Value::string(type));
  out.set(a + ".rope.scaling.factor", Value::f32(static_cast<float>(factor)));
  if (type != "yarn") return;
  const double original = number(config, parent + "original_max_position_embeddings", double(spec.context));
  out.set(a + ".rope.scaling.original_context_length", Value::u32(static_cast<std::uint32_t>(original)));
  for (const char* beta : {"beta_fast", "beta_slow"}) {
    if (config.contains(parent + beta))
      out.set(fmt::format("{}.rope.scaling.yarn_{}", a, beta),
              Value::f32(static_cast<float>(number(config, parent + beta, 0))));
  }
  // transformers: a stated factor replaces 0.1 ln(s) + 1; GGUF: it multiplies that.
  const double usual = factor > 1.0 ? 0.1 * mathd::log(factor) + 1.0 : 1.0;
  if (spec.ropes[0].attention_factor != usual) {
    out.set(a + ".rope.scaling.attn_factor", Value::f32(static_cast<float>(spec.ropes[0].attention_factor / usual)));
  }
}

}  // namespace

void put_hyper_parameters(const Spec& spec, const Metadata& config, const std::string& a, Metadata& out) {
  const auto count = [&](const char* key, std::uint32_t n) { out.set(a + key, Value::u32(n)); };
  const auto real = [&](const char* key, float x) { out.set(a + key, Value::f32(x)); };
  count(".context_length", spec.context);
  count(".embedding_length", spec.width);
  count(".block_count", static_cast<std::uint32_t>(spec.blocks.size()));
  count(".feed_forward_length", spec.ffn);
  count(".attention.head_count", spec.heads);
  count(".attention.head_count_kv", spec.kv_heads);
  count(".attention.key_length", spec.head_size);
  count(".attention.value_length", spec.head_size);
  real(".attention.layer_norm_rms_epsilon", spec.norm_eps);
  count(".vocab_size", spec.vocab);
  put_rope(spec, config, a, out);
  std::uint32_t window = 0;
  for (const Block& block : spec.blocks) window = std::max(window, block.window);
  if (window != 0) count(".attention.sliding_window", window);
  if (const Value* pattern = config.find("sliding_window_pattern");
      pattern != nullptr && pattern->as_u64() && spec.ropes.size() > 1) {
    count(".attention.sliding_window_pattern", static_cast<std::uint32_t>(*pattern->as_u64()));
  }
  if (spec.post_norms) {
    real(".attn_logit_softcapping", spec.attention_softcap);
    real(".final_logit_softcapping", spec.final_softcap);
  }
  if (spec.experts != 0) {
    count(".expert_count", spec.experts);
    count(".expert_used_count", spec.experts_used);
  }
}

}  // namespace freehold::model
