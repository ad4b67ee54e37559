// Gemma 2 (Gemma Team 2024): soft caps, norms after attention and feed-forward, a window on every other block beginning
// with the first, embeddings times sqrt(width). Hugging Face stores norm weights as w - 1, GGUF as w.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "model/family/decoder.h"
#include "model/family/family.h"

namespace freehold::model {

Result<Spec> read_gemma2(Reader& reader) {
  FH_TRY(Spec spec, read_decoder(reader, kernel::RopeStyle::half));
  spec.family = "gemma2";
  spec.activation = Activation::gelu_tanh;
  FH_TRY(std::string act, reader.text({"", "hidden_activation"}, "gelu_pytorch_tanh"));
  if (act != "gelu_pytorch_tanh") return fail(Errc::unsupported, fmt::format("hidden_activation '{}'", act));
  spec.post_norms = true;
  spec.norm_offset = reader.is_gguf() ? 0.0f : 1.0f;
  spec.embedding_scale = std::sqrt(static_cast<float>(spec.width));
  FH_TRY(double attention_cap, reader.real_or_off({"attn_logit_softcapping", "attn_logit_softcapping"}, 0, 1e6, 50.0));
  FH_TRY(double final_cap, reader.real_or_off({"final_logit_softcapping", "final_logit_softcapping"}, 0, 1e6, 30.0));
  spec.attention_softcap = static_cast<float>(attention_cap);
  spec.final_softcap = static_cast<float>(final_cap);
  // GGUF does not state the scale: the 27B model, alone of its family, divides by width / heads (46 blocks tell it).
  const double usual = spec.blocks.size() == 46 ? double(spec.width) / spec.heads : double(spec.head_size);
  FH_TRY(double scalar, reader.real({"", "query_pre_attn_scalar"}, 1e-3, 1e6, usual));
  spec.attention_scale = static_cast<float>(1.0 / std::sqrt(scalar));
  FH_TRY(std::uint32_t window, reader.count({"attention.sliding_window", "sliding_window"}, 0, kMostPositions, 4096));
  reader.ignore({{"", "sliding_window_size"}});
  FH_TRY_VOID(reader.require_flag({"", "use_bidirectional_attention"}, false));
  FH_TRY(auto windowed, read_windowed(reader, spec, [](std::size_t i) { return i % 2 == 0; }));
  for (std::size_t i = 0; i < spec.blocks.size(); ++i) spec.blocks[i].window = windowed[i] ? window : 0;
  spec.notes.push_back(fmt::format("sliding window of {} positions on {} of {} blocks", window,
                                   std::count(windowed.begin(), windowed.end(), true), windowed.size()));
  return spec;
}

}  // namespace freehold::model
