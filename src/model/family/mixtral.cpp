// Mixtral as a Hugging Face folder (Jiang et al. 2024): Mistral with experts, softmax over all, the best renormalised.
#include "model/family/family.h"

namespace freehold::model {

Result<Spec> read_mixtral(Reader& reader) {
  FH_TRY(Spec spec, read_mistral(reader));
  spec.family = "mixtral";
  FH_TRY(spec.experts, reader.count({"", "num_local_experts"}, 1, 512));
  FH_TRY(spec.experts_used, reader.count({"", "num_experts_per_tok"}, 1, spec.experts));
  return spec;
}

}  // namespace freehold::model
