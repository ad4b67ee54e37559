// Qwen3, dense (Yang et al. 2025): Llama with an RMSnorm on every head of q and k, and its own head size.
#include "model/family/decoder.h"
#include "model/family/family.h"

namespace freehold::model {

Result<Spec> read_qwen3(Reader& reader) {
  FH_TRY(Spec spec, read_decoder(reader, kernel::RopeStyle::half));
  spec.family = "qwen3";
  spec.qk_norm = true;
  FH_TRY_VOID(reader.require_flag({"", "use_sliding_window"}, false));
  reader.ignore({{"", "sliding_window"}, {"", "layer_types"}});
  return spec;
}

}  // namespace freehold::model
