// Gemma 3, text (Gemma Team 2025): five windowed blocks to one global, each kind with its own rope base, norms on q and
// k.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/utf8.h"
#include "model/family/decoder.h"
#include "model/family/family.h"

namespace freehold::model {

Result<Spec> read_gemma3(Reader& reader) {
  FH_TRY(Spec spec, read_decoder(reader, kernel::RopeStyle::half));  // ropes[0]: global, with the file's scaling
  spec.family = "gemma3";
  spec.activation = Activation::gelu_tanh;
  FH_TRY(std::string act, reader.text({"", "hidden_activation"}, "gelu_pytorch_tanh"));
  if (act != "gelu_pytorch_tanh") return fail(Errc::unsupported, fmt::format("hidden_activation '{}'", act));
  spec.post_norms = true;
  spec.qk_norm = true;
  spec.norm_offset = reader.is_gguf() ? 0.0f : 1.0f;
  spec.embedding_scale = std::sqrt(static_cast<float>(spec.width));
  FH_TRY(double attention_cap, reader.real_or_off({"attn_logit_softcapping", "attn_logit_softcapping"}, 0, 1e6, 0.0));
  FH_TRY(double final_cap, reader.real_or_off({"final_logit_softcapping", "final_logit_softcapping"}, 0, 1e6, 0.0));
  spec.attention_softcap = static_cast<float>(attention_cap);
  spec.final_softcap = static_cast<float>(final_cap);
  // As in Gemma 2, only the 27B model (62 blocks) scales by width / heads.
  const double usual = spec.blocks.size() == 62 ? double(spec.width) / spec.heads : double(spec.head_size);
  FH_TRY(double scalar, reader.real({"", "query_pre_attn_scalar"}, 1e-3, 1e6, usual));
  spec.attention_scale = static_cast<float>(1.0 / std::sqrt(scalar));
  FH_TRY(std::uint32_t window, reader.count({"attention.sliding_window", "sliding_window"}, 0, kMostPositions, 1024));
  const bool renamed = reader.has({"", "_sliding_window_pattern"});  // since transformers 4.53
  FH_TRY(std::uint32_t pattern, reader.count({"attention.sliding_window_pattern",
                                              renamed ? "_sliding_window_pattern" : "sliding_window_pattern"},
                                             1, 1024, 6));
  FH_TRY(auto windowed, read_windowed(reader, spec, [&](std::size_t i) { return (i + 1) % pattern != 0; }));
  FH_TRY_VOID(reader.require_flag({"", "use_bidirectional_attention"}, false));
  // transformers 5 has the two kinds of blocks apart.
  constexpr std::string_view kLocal = "rope_parameters.sliding_attention.rope_theta";
  const bool apart = reader.has({"", kLocal});
  FH_TRY(double local_theta,
         reader.real({"rope.freq_base_swa", apart ? kLocal : "rope_local_base_freq"}, 1.0 + 1e-6, 1e12, 10000.0));
  FH_TRY(std::string local_type, reader.text({"", "rope_parameters.sliding_attention.rope_type"}, "default"));
  if (local_type != "default")
    return fail(Errc::unsupported, fmt::format("rope scaling '{}' of windowed blocks", printable(local_type)));
  nn::Rope local;
  local.style = kernel::RopeStyle::half;
  local.inv_freq = nn::rope_frequencies(static_cast<std::uint32_t>(2 * spec.ropes[0].inv_freq.size()), local_theta);
  spec.ropes.push_back(std::move(local));
  for (std::size_t i = 0; i < spec.blocks.size(); ++i) {
    if (windowed[i]) spec.blocks[i] = {.window = window, .rope = 1};
  }
  spec.notes.push_back(fmt::format("sliding window of {} positions on {} of {} blocks", window,
                                   std::count(windowed.begin(), windowed.end(), true), windowed.size()));
  return spec;
}

}  // namespace freehold::model
