// Resolves tensor names and checks shapes.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <set>
#include <span>

#include "base/utf8.h"
#include "kernel/blocks/dequantise.h"
#include "model/adapter.h"
#include "model/model.h"
#include "model/weights.h"

namespace freehold::model {
namespace {

using Shape = std::vector<std::uint64_t>;

// In a GGUF, dimensions of 1 in front change nothing: ggml has four everywhere, and some writers state them.
bool same_shape(const Shape& found, const Shape& wanted, bool gguf) {
  auto without_ones = [gguf](std::span<const std::uint64_t> shape) {
    while (gguf && shape.size() > 1 && shape.front() == 1) shape = shape.subspan(1);
    return shape;
  };
  return std::ranges::equal(without_ones(found), without_ones(wanted));
}

class Finder {
 public:
  explicit Finder(const format::Checkpoint& checkpoint) : checkpoint_(checkpoint) {}

  // The tensor, which must have this shape.
  Result<const tensor::View*> need(const std::string& name, const Shape& shape) {
    const tensor::View* view = checkpoint_.find(name);
    if (view == nullptr) return fail(Errc::corrupt, fmt::format("tensor '{}' is missing", name));
    used_.insert(view);
    if (!same_shape(view->shape, shape, checkpoint_.kind() == format::Checkpoint::Kind::gguf)) {
      return fail(Errc::corrupt, fmt::format("tensor '{}' has shape ({}), expected ({})", name,
                                             fmt::join(view->shape, ", "), fmt::join(shape, ", ")));
    }
    return view;
  }
  bool has(const std::string& name) const { return checkpoint_.find(name) != nullptr; }
  void ignore(const std::string& name) {
    if (const tensor::View* view = checkpoint_.find(name)) used_.insert(view);
  }
  // The first tensor that nobody asked for.
  const tensor::View* left_over() const {
    for (const tensor::View& view : checkpoint_.tensors()) {
      if (!used_.contains(&view)) return &view;
    }
    return nullptr;
  }

 private:
  const format::Checkpoint& checkpoint_;  // owner of the views; outlives this
  std::set<const tensor::View*> used_;
};

// The matrices of a stacked (experts, N, K) tensor.
std::vector<tensor::View> split_stack(const tensor::View& stack, std::uint64_t experts, std::uint64_t N,
                                      std::uint64_t K) {
  std::vector<tensor::View> out;
  const std::size_t each = stack.bytes.size() / experts;
  for (std::uint64_t e = 0; e < experts; ++e) {
    out.push_back({fmt::format("{}[{}]", stack.name, e), stack.type, {N, K}, stack.bytes.subspan(e * each, each)});
  }
  return out;
}

Result<std::vector<tensor::View>> find_experts(Finder& find, const Spec& spec, std::string_view one,
                                               std::string_view stacked, std::uint32_t block, std::uint64_t N,
                                               std::uint64_t K, const tensor::View*& whole) {
  if (!stacked.empty() && find.has(tensor_name(stacked, block))) {
    FH_TRY(whole, find.need(tensor_name(stacked, block), {spec.experts, N, K}));
    return split_stack(*whole, spec.experts, N, K);
  }
  std::vector<tensor::View> out;
  for (std::uint32_t e = 0; e < spec.experts; ++e) {
    FH_TRY(const tensor::View* view, find.need(tensor_name(one, block, e), {N, K}));
    out.push_back(*view);
  }
  return out;
}

Result<> find_feed_forward(Finder& find, const Spec& spec, const TensorNames& names, std::uint32_t i,
                           Layout::Block& block) {
  const std::uint64_t C = spec.width, F = spec.ffn;
  if (spec.experts == 0) {
    FH_TRY(const tensor::View* gate, find.need(tensor_name(names.gate, i), {F, C}));
    FH_TRY(const tensor::View* up, find.need(tensor_name(names.up, i), {F, C}));
    FH_TRY(const tensor::View* down, find.need(tensor_name(names.down, i), {C, F}));
    block.gate = {*gate};
    block.up = {*up};
    block.down = {*down};
    return {};
  }
  FH_TRY(block.router, find.need(tensor_name(names.router, i), {spec.experts, C}));
  FH_TRY(block.gate, find_experts(find, spec, names.expert_gate, names.stacked_gate, i, F, C, block.gate_stack));
  FH_TRY(block.up, find_experts(find, spec, names.expert_up, names.stacked_up, i, F, C, block.up_stack));
  FH_TRY(block.down, find_experts(find, spec, names.expert_down, names.stacked_down, i, C, F, block.down_stack));
  return {};
}

Result<Layout::Block> find_block(Finder& find, const Spec& spec, const TensorNames& names, std::uint32_t i) {
  const std::uint64_t C = spec.width, Q = std::uint64_t{spec.heads} * spec.head_size,
                      KV = std::uint64_t{spec.kv_heads} * spec.head_size;
  Layout::Block b;
  FH_TRY(b.attention_norm, find.need(tensor_name(names.attention_norm, i), {C}));
  FH_TRY(b.q, find.need(tensor_name(names.q, i), {Q, C}));
  FH_TRY(b.k, find.need(tensor_name(names.k, i), {KV, C}));
  FH_TRY(b.v, find.need(tensor_name(names.v, i), {KV, C}));
  FH_TRY(b.o, find.need(tensor_name(names.o, i), {C, Q}));
  if (spec.qkv_bias) {
    FH_TRY(b.q_bias, find.need(tensor_name(names.q, i, 0, ".bias"), {Q}));
    FH_TRY(b.k_bias, find.need(tensor_name(names.k, i, 0, ".bias"), {KV}));
    FH_TRY(b.v_bias, find.need(tensor_name(names.v, i, 0, ".bias"), {KV}));
  }
  if (spec.qk_norm) {
    FH_TRY(b.q_norm, find.need(tensor_name(names.q_norm, i), {spec.head_size}));
    FH_TRY(b.k_norm, find.need(tensor_name(names.k_norm, i), {spec.head_size}));
  }
  if (spec.post_norms) {
    FH_TRY(b.post_attention_norm, find.need(tensor_name(names.post_attention_norm, i), {C}));
    FH_TRY(b.post_ffn_norm, find.need(tensor_name(names.post_ffn_norm, i), {C}));
  }
  FH_TRY(b.ffn_norm, find.need(tensor_name(names.ffn_norm, i), {C}));
  FH_TRY_VOID(find_feed_forward(find, spec, names, i, b));
  return b;
}

// rope_freqs.weight: divisors of the first rope's frequencies.
Result<> apply_rope_factors(Finder& find, const TensorNames& names, Spec& spec) {
  if (names.rope_factors.empty() || !find.has(tensor_name(names.rope_factors))) return {};
  auto& rope = spec.ropes[0];
  FH_TRY(const tensor::View* view, find.need(tensor_name(names.rope_factors), {rope.inv_freq.size()}));
  if (tensor::info(view->type).block_elems > 1)
    return fail(Errc::unsupported, fmt::format("tensor '{}' is quantised", printable(view->name)));
  std::vector<float> factors(rope.inv_freq.size());
  kernel::dequantise(view->type, view->bytes.data(), factors.data(), factors.size());
  for (std::size_t i = 0; i < factors.size(); ++i) {
    // Llama 3's are from 1 to 8; a thousandth turns a position by more than whole circles.
    if (!(factors[i] >= 1e-3f && factors[i] < 1e9f)) {
      return fail(Errc::corrupt, fmt::format("tensor '{}', element {}: {:g} is no factor from 0.001 to 1e9",
                                             printable(view->name), i, factors[i]));
    }
  }
  nn::rope_scale_factors(rope.inv_freq, factors);
  return {};
}

}  // namespace

const tensor::View& view_at(const Layout::Block& b, std::size_t slot) {
  const Place place = place_of(slot, slots_of(b.router == nullptr ? 0 : b.gate.size()));
  const tensor::View* const views[] = {
      b.q, b.k, b.v, b.o, &b.gate[place.expert], &b.up[place.expert], &b.down[place.expert], b.router};
  return *views[static_cast<std::size_t>(place.site)];
}

Result<Plan> plan(const format::Checkpoint& checkpoint) {
  FH_TRY(const Family* family, family_of(checkpoint));
  const bool gguf = checkpoint.kind() == format::Checkpoint::Kind::gguf;
  Reader reader(checkpoint, std::string(family->gguf));
  FH_TRY(Spec spec, family->read(reader));
  FH_TRY_VOID(reader.finish());
  const TensorNames& names = gguf ? kGgufNames : *family->hf_names;

  Finder find(checkpoint);
  Layout layout;
  const std::uint64_t C = spec.width, V = spec.vocab;
  FH_TRY(layout.embedding, find.need(tensor_name(names.embedding), {V, C}));
  FH_TRY(layout.final_norm, find.need(tensor_name(names.final_norm), {C}));
  if (!spec.tied) {
    FH_TRY(layout.output, find.need(tensor_name(names.output), {V, C}));
  } else {
    find.ignore(tensor_name(names.output));  // some files repeat the embedding here
  }
  FH_TRY_VOID(apply_rope_factors(find, names, spec));
  for (std::uint32_t i = 0; i < spec.blocks.size(); ++i) {
    FH_TRY(auto block, find_block(find, spec, names, i));
    layout.blocks.push_back(std::move(block));
    find.ignore(
        fmt::format("model.layers.{}.self_attn.rotary_emb.inv_freq", i));  // a buffer that old checkpoints saved
    find.ignore(fmt::format("blk.{}.attn_rot_embd.weight", i));
  }
  for (const Layout::Block& b : layout.blocks) {
    auto check = [&](const tensor::View& view) { spec.quantised |= tensor::info(view.type).block_elems > 1; };
    for (const tensor::View* view : {b.q, b.k, b.v, b.o}) check(*view);
    for (const auto* views : {&b.gate, &b.up, &b.down}) std::for_each(views->begin(), views->end(), check);
  }
  if (const tensor::View* extra = find.left_over()) {
    return fail(Errc::unsupported,
                fmt::format("tensor '{}' is not understood for family {}, so the model cannot be computed faithfully",
                            printable(extra->name), spec.family));
  }
  return Plan{std::move(spec), std::move(layout)};
}

Result<Spec> inspect_spec(const format::Checkpoint& checkpoint) {
  FH_TRY(Plan p, plan(checkpoint));
  return std::move(p.spec);
}

}  // namespace freehold::model
