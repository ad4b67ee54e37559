#include "model/tokenizer_sources.h"
namespace freehold::model {
Result<TokenizerSource> tokenizer_from_folder(const format::HfFolder&) {
  return fail(Errc::unsupported, "todo");
}
}  // namespace freehold::model
