// A Hugging Face folder as the GGUF that says the same: names, the order of rows that GGUF's rope wants, norms as
// Gemma's GGUFs have them, hyper-parameters, tokenizer and chat templates. What a GGUF cannot say is refused by name,
// or noted where every converter loses it too.
#pragma once

#include "base/result.h"
#include "format/checkpoint.h"
#include "format/gguf_plan.h"

namespace freehold::model {

// `folder` must outlive the plan, whose tensors borrow from it; `name` becomes general.name. The finished metadata are
// read back before this returns: the Spec and the ids of every token's text must come out as the folder's own. Errors:
// those of plan() and load_tokenizer(), and Errc::unsupported.
Result<format::GgufPlan> plan_gguf(const format::Checkpoint& folder, std::string name);

}  // namespace freehold::model
