// Qwen2 and Qwen2.5 (Yang et al. 2024): Llama with biases on q, k and v.
#include "model/family/decoder.h"
#include "model/family/family.h"

namespace freehold::model {

Result<Spec> read_qwen2(Reader& reader) {
  FH_TRY(Spec spec, read_decoder(reader, kernel::RopeStyle::half));
  spec.family = "qwen2";
  spec.qkv_bias = true;
  FH_TRY_VOID(reader.require_flag({"", "use_sliding_window"}, false));
  FH_TRY_VOID(reader.require_flag({"", "use_mrope"}, false));
  reader.ignore({{"", "sliding_window"}, {"", "layer_types"}});  // without effect while use_sliding_window is false
  return spec;
}

}  // namespace freehold::model
