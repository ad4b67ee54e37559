// Llama 1, 2, 3, 3.1 (Touvron et al. 2023; Meta llama-models) and what GGUF keeps under the same name: Mistral's
// window, Mixtral's experts. GGUF stores q and k permuted for interleaved rope.
#include <fmt/format.h>

#include "model/family/decoder.h"
#include "model/family/family.h"

namespace freehold::model {

Result<Spec> read_llama(Reader& reader) {
  FH_TRY(Spec spec, read_decoder(reader, reader.is_gguf() ? kernel::RopeStyle::interleaved : kernel::RopeStyle::half));
  spec.family = "llama";
  FH_TRY(std::uint32_t window, reader.count({"attention.sliding_window", ""}, 0, kMostPositions, 0));
  for (Block& block : spec.blocks) block.window = window;
  if (window != 0) spec.notes.push_back(fmt::format("sliding window of {} positions, as the file states", window));
  FH_TRY(spec.experts, reader.count({"expert_count", ""}, 0, 512, 0));
  if (spec.experts != 0) {
    FH_TRY(spec.experts_used, reader.count({"expert_used_count", ""}, 1, spec.experts));
  } else {
    reader.ignore({{"expert_used_count", ""}});
  }
  return spec;
}

}  // namespace freehold::model
