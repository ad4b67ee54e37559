#include "store/synth/plan.h"

#include <fmt/format.h>

#include <cmath>
#include <numbers>

#include "base/mathd.h"

namespace freehold::store {
namespace {

using format::Value;

std::string_view architecture(SynthFamily family) {
  switch (family) {
    case SynthFamily::llama:
      return "llama";
    case SynthFamily::qwen2:
      return "qwen2";
    case SynthFamily::qwen3:
      return "qwen3";
    case SynthFamily::gemma2:
      return "gemma2";
    case SynthFamily::gemma3:
      return "gemma3";
  }
  return "";
}

bool gemma(const Shape& s) {
  return s.family == SynthFamily::gemma2 || s.family == SynthFamily::gemma3;
}

void plan_attention(const Shape& s, const std::string& blk, double residual, std::vector<PlannedTensor>& out) {
  const std::uint64_t C = s.C, q = std::uint64_t{s.H} * s.D, kv = std::uint64_t{s.K} * s.D;
  const double in = 1 / std::sqrt(double(C));
  out.push_back({blk + "attn_norm.weight", {C}, Draw::around_one, 0.1});
  out.push_back({blk + "attn_q.weight", {q, C}, Draw::normal, in});
  out.push_back({blk + "attn_k.weight", {kv, C}, Draw::normal, in});
  out.push_back({blk + "attn_v.weight", {kv, C}, Draw::normal, in});
  if (s.family == SynthFamily::qwen2) {
    out.push_back({blk + "attn_q.bias", {q}, Draw::normal, 0.1});
    out.push_back({blk + "attn_k.bias", {kv}, Draw::normal, 0.1});
    out.push_back({blk + "attn_v.bias", {kv}, Draw::normal, 0.1});
  }
  if (s.family == SynthFamily::qwen3 || s.family == SynthFamily::gemma3) {
    out.push_back({blk + "attn_q_norm.weight", {s.D}, Draw::around_one, 0.1});
    out.push_back({blk + "attn_k_norm.weight", {s.D}, Draw::around_one, 0.1});
  }
  out.push_back({blk + "attn_output.weight", {C, q}, Draw::normal, residual / std::sqrt(double(q))});
  if (gemma(s)) out.push_back({blk + "post_attention_norm.weight", {C}, Draw::around_one, 0.1});
}

void plan_ffn(const Shape& s, const std::string& blk, double residual, std::vector<PlannedTensor>& out) {
  const std::uint64_t C = s.C, F = s.F, E = s.extra.experts;
  const double in = 1 / std::sqrt(double(C)), down = residual / std::sqrt(double(F));
  out.push_back({blk + "ffn_norm.weight", {C}, Draw::around_one, 0.1});
  if (E > 0) {
    out.push_back({blk + "ffn_gate_inp.weight", {E, C}, Draw::normal, in});
    out.push_back({blk + "ffn_gate_exps.weight", {E, F, C}, Draw::normal, in});
    out.push_back({blk + "ffn_down_exps.weight", {E, C, F}, Draw::normal, down});
    out.push_back({blk + "ffn_up_exps.weight", {E, F, C}, Draw::normal, in});
  } else {
    out.push_back({blk + "ffn_gate.weight", {F, C}, Draw::normal, in});
    out.push_back({blk + "ffn_up.weight", {F, C}, Draw::normal, in});
    out.push_back({blk + "ffn_down.weight", {C, F}, Draw::normal, down});
  }
  if (gemma(s)) out.push_back({blk + "post_ffw_norm.weight", {C}, Draw::around_one, 0.1});
}

}  // namespace

std::vector<PlannedTensor> plan_tensors(const Shape& s) {
  std::vector<PlannedTensor> out;
  const double in = 1 / std::sqrt(double(s.C));
  const double residual = 1 / std::sqrt(2.0 * s.layers);
  if (s.extra.llama3_factor != 0) out.push_back({"rope_freqs.weight", {s.D / 2}, Draw::rope_factors, 0});
  out.push_back({"token_embd.weight", {s.V, s.C}, Draw::normal, s.extra.tied ? in : 1.0});
  for (std::uint32_t layer = 0; layer < s.layers; ++layer) {
    const std::string blk = fmt::format("blk.{}.", layer);
    plan_attention(s, blk, residual, out);
    plan_ffn(s, blk, residual, out);
  }
  out.push_back({"output_norm.weight", {s.C}, Draw::around_one, 0.1});
  if (!s.extra.tied) out.push_back({"output.weight", {s.V, s.C}, Draw::normal, in});
  return out;
}

void begin_fresh(const Shape& s, std::vector<PlannedTensor>& plan) {
  constexpr double kDeviation = 0.02;
  for (PlannedTensor& t : plan) {
    if (t.draw == Draw::around_one) t.scale = 0;
    if (t.draw != Draw::normal) continue;
    const bool bias = t.shape.size() == 1;
    const bool residual =
        t.name.find("attn_output") != std::string::npos || t.name.find("ffn_down") != std::string::npos;
    t.scale = bias ? 0 : residual ? kDeviation / std::sqrt(2.0 * s.layers) : kDeviation;
  }
}

void describe_shape(const Shape& s, format::Metadata& m) {
  const std::string arch(architecture(s.family));
  auto key = [&](std::string_view name) { return fmt::format("{}.{}", arch, name); };
  m.set("general.architecture", Value::string(arch));
  m.set("general.name", Value::string(fmt::format("synthetic {}", s.name)));
  m.set(
      "general.description",
      Value::string(fmt::format("Random weights in the exact shape of {}, made by freehold models synth: for measuring "
                                "and testing, it says nothing sensible",
                                s.name)));
  m.set("general.license", Value::string("cc0-1.0"));
  m.set(key("context_length"), Value::u32(s.context));
  m.set(key("embedding_length"), Value::u32(s.C));
  m.set(key("block_count"), Value::u32(s.layers));
  m.set(key("feed_forward_length"), Value::u32(s.F));
  m.set(key("attention.head_count"), Value::u32(s.H));
  m.set(key("attention.head_count_kv"), Value::u32(s.K));
  m.set(key("rope.freq_base"), Value::f32(static_cast<float>(s.theta)));
  m.set(key("attention.layer_norm_rms_epsilon"), Value::f32(static_cast<float>(s.norm_eps)));
  m.set(key("vocab_size"), Value::u32(s.V));
  if (!gemma(s) && s.family != SynthFamily::qwen3) m.set(key("rope.dimension_count"), Value::u32(s.D));
  if (s.D * s.H != s.C || gemma(s) || s.family == SynthFamily::qwen3) {
    m.set(key("attention.key_length"), Value::u32(s.D));
    m.set(key("attention.value_length"), Value::u32(s.D));
  }
  if (s.extra.window > 0) m.set(key("attention.sliding_window"), Value::u32(s.extra.window));
  if (s.extra.local_theta > 0) m.set(key("rope.freq_base_swa"), Value::f32(static_cast<float>(s.extra.local_theta)));
  if (s.extra.experts > 0) {
    m.set(key("expert_count"), Value::u32(s.extra.experts));
    m.set(key("expert_used_count"), Value::u32(s.extra.experts_used));
  }
  if (s.family == SynthFamily::gemma2) {
    m.set(key("attn_logit_softcapping"), Value::f32(50));
    m.set(key("final_logit_softcapping"), Value::f32(30));
  }
}

std::vector<float> llama3_rope_factors(const Shape& s) {
  constexpr double kLow = 1, kHigh = 4;  // low_freq_factor, high_freq_factor of every published model
  std::vector<float> out;
  for (std::uint32_t i = 0; i < s.D / 2; ++i) {
    const double frequency = mathd::pow(s.theta, -2.0 * i / s.D);
    const double turns = s.extra.llama3_original * frequency / (2 * std::numbers::pi);  // within the original context
    double factor = 1;
    if (turns < kLow) {
      factor = s.extra.llama3_factor;
    } else if (turns < kHigh) {
      const double smooth = (turns - kLow) / (kHigh - kLow);
      factor = 1 / ((1 - smooth) / s.extra.llama3_factor + smooth);
    }
    out.push_back(static_cast<float>(factor));
  }
  return out;
}

}  // namespace freehold::store
