#include "model/gguf_plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/utf8.h"
#include "model/family/family.h"
#include "model/gguf_parts.h"
#include "model/model.h"
#include "model/weights.h"

namespace freehold::model {
namespace {

using format::GgufPlan;
using format::PlannedTensor;
using tensor::View;

class TensorList {
 public:
  TensorList(const Spec& spec, GgufPlan& plan) : spec_(spec), plan_(plan) {}

  PlannedTensor& add(std::string name, const View* view) {
    plan_.tensors.push_back({std::move(name), view->shape, {*view}});
    return plan_.tensors.back();
  }
  void norm(std::string_view pattern, std::uint32_t block, const View* view) {
    if (view != nullptr) add(tensor_name(pattern, block), view).offset = spec_.norm_offset;
  }
  // q and k, whose rows are in the order that their rope turns.
  void rotated(std::string_view pattern, std::uint32_t block, const View* weight, const View* bias, bool reorder) {
    const std::uint32_t interleave = reorder ? spec_.head_size : 0;
    add(tensor_name(pattern, block), weight).interleave = interleave;
    if (bias != nullptr) add(tensor_name(pattern, block, 0, ".bias"), bias).interleave = interleave;
  }
  void experts(std::string_view one, std::string_view stacked, std::uint32_t block, const std::vector<View>& views) {
    if (spec_.experts == 0) {
      add(tensor_name(one, block), &views[0]);
      return;
    }
    PlannedTensor t{tensor_name(stacked, block), views[0].shape, views};
    t.shape.insert(t.shape.begin(), views.size());
    plan_.tensors.push_back(std::move(t));
  }

  void block(std::uint32_t i, const Layout::Block& b, bool reorder) {
    const TensorNames& n = kGgufNames;
    norm(n.attention_norm, i, b.attention_norm);
    rotated(n.q, i, b.q, b.q_bias, reorder);
    rotated(n.k, i, b.k, b.k_bias, reorder);
    add(tensor_name(n.v, i), b.v);
    if (b.v_bias != nullptr) add(tensor_name(n.v, i, 0, ".bias"), b.v_bias);
    add(tensor_name(n.o, i), b.o);
    norm(n.q_norm, i, b.q_norm);
    norm(n.k_norm, i, b.k_norm);
    norm(n.post_attention_norm, i, b.post_attention_norm);
    norm(n.ffn_norm, i, b.ffn_norm);
    if (b.router != nullptr) add(tensor_name(n.router, i), b.router);
    experts(n.gate, n.stacked_gate, i, b.gate);
    experts(n.up, n.stacked_up, i, b.up);
    experts(n.down, n.stacked_down, i, b.down);
    norm(n.post_ffn_norm, i, b.post_ffn_norm);
  }

 private:
  const Spec& spec_;
  GgufPlan& plan_;
};

// Llama 3's scaling as GGUF has it: what each frequency is divided by.
void add_rope_factors(const Spec& spec, double theta, GgufPlan& plan) {
  const std::vector<double>& scaled = spec.ropes[0].inv_freq;
  const auto plain = nn::rope_frequencies(static_cast<std::uint32_t>(2 * scaled.size()), theta);
  std::vector<float> factors(scaled.size());
  for (std::size_t i = 0; i < factors.size(); ++i) factors[i] = static_cast<float>(plain[i] / scaled[i]);
  plan.own.push_back(std::move(factors));
  const auto bytes = std::as_bytes(std::span(plan.own.back()));
  const View view{tensor_name(kGgufNames.rope_factors), tensor::DType::f32, {scaled.size()}, bytes};
  plan.tensors.push_back({view.name, view.shape, {view}});
}

bool scaled_as_llama3(const format::Metadata& config) {
  for (const char* key : {"rope_parameters.rope_type", "rope_scaling.rope_type", "rope_scaling.type"}) {
    const format::Value* value = config.find(key);
    if (value != nullptr && value->as_string() == "llama3") return true;
  }
  return false;
}

bool near(double a, double b) {
  return std::abs(a - b) <= 1e-6 * std::max(std::abs(a), std::abs(b));
}

// What differs between the folder's Spec and that of the GGUF, or nothing. The file holds some numbers as float32.
std::string_view difference(const Spec& a, const Spec& b) {
  const auto sizes = [](const Spec& s) {
    return std::vector<std::uint64_t>{s.width,   s.heads,   s.kv_heads,     s.head_size,     s.ffn,         s.vocab,
                                      s.context, s.experts, s.experts_used, s.blocks.size(), s.ropes.size()};
  };
  if (sizes(a) != sizes(b)) return "a size";
  if (!near(a.norm_eps, b.norm_eps)) return "the norm's epsilon";
  if (a.activation != b.activation) return "the activation";
  if (a.qkv_bias != b.qkv_bias || a.qk_norm != b.qk_norm || a.post_norms != b.post_norms || a.tied != b.tied)
    return "the set of tensors";
  if (!near(a.embedding_scale, b.embedding_scale)) return "the scale of embeddings";
  if (!near(a.attention_scale, b.attention_scale)) return "the scale of attention";
  if (!near(a.attention_softcap, b.attention_softcap) || !near(a.final_softcap, b.final_softcap)) return "a soft cap";
  for (std::size_t i = 0; i < a.blocks.size(); ++i) {
    if (a.blocks[i].window != b.blocks[i].window || a.blocks[i].rope != b.blocks[i].rope)
      return "which blocks have a sliding window";
  }
  for (std::size_t r = 0; r < a.ropes.size(); ++r) {
    if (!near(a.ropes[r].attention_factor, b.ropes[r].attention_factor) ||
        !std::equal(a.ropes[r].inv_freq.begin(), a.ropes[r].inv_freq.end(), b.ropes[r].inv_freq.begin(),
                    b.ropes[r].inv_freq.end(), near))
      return "the scaling of rope";
  }
  return {};
}

// Reads the plan as the finished file will be read.
Result<> check_spec(const GgufPlan& plan, const Spec& spec) {
  format::Gguf gguf;
  gguf.metadata = plan.metadata;
  for (const PlannedTensor& t : plan.tensors) {
    gguf.tensors.push_back({t.name, t.parts[0].type, t.shape, t.parts[0].bytes});
  }
  gguf.by_name.resize(gguf.tensors.size());
  std::iota(gguf.by_name.begin(), gguf.by_name.end(), 0u);
  std::sort(gguf.by_name.begin(), gguf.by_name.end(),
            [&](auto a, auto b) { return gguf.tensors[a].name < gguf.tensors[b].name; });
  auto again = inspect_spec(format::Checkpoint(std::move(gguf)));
  if (!again) return in_context(std::move(again).error(), "as a GGUF");
  const std::string_view what = difference(spec, *again);
  if (what.empty()) return {};
  return fail(Errc::unsupported, fmt::format("as a GGUF: {} of this model cannot be stated there", what));
}

}  // namespace

Result<GgufPlan> plan_gguf(const format::Checkpoint& folder, std::string name) {
  FH_TRY(const Plan source, plan(folder));
  FH_TRY(const Family* family, family_of(folder));
  const Spec& spec = source.spec;
  const Layout& layout = source.layout;
  // Mistral and Mixtral are "llama" there.
  const std::string architecture(family->gguf.empty() ? "llama" : family->gguf);
  GgufPlan out;
  out.metadata.set("general.architecture", format::Value::string(architecture));
  out.metadata.set("general.name", format::Value::string(std::move(name)));
  put_hyper_parameters(spec, folder.metadata(), architecture, out.metadata);
  FH_TRY_VOID(put_tokenizer(*folder.hf(), spec.vocab, out.metadata, out.notes));

  TensorList tensors(spec, out);
  const bool reorder = architecture == "llama";  // the only one whose GGUFs rotate neighbours
  tensors.add(tensor_name(kGgufNames.embedding), layout.embedding);
  for (std::uint32_t i = 0; i < layout.blocks.size(); ++i) tensors.block(i, layout.blocks[i], reorder);
  tensors.norm(kGgufNames.final_norm, 0, layout.final_norm);
  if (!spec.tied) tensors.add(tensor_name(kGgufNames.output), layout.output);
  if (scaled_as_llama3(folder.metadata())) {
    FH_TRY(double theta, out.metadata.f64(architecture + ".rope.freq_base"));
    add_rope_factors(spec, theta, out);
  }
  for (const auto& shard : folder.hf()->shards) out.maps.push_back(shard.file.bytes());
  FH_TRY_VOID(check_spec(out, spec));
  return out;
}

}  // namespace freehold::model
