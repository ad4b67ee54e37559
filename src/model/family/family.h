// The families we know. Each has one short file that turns metadata into a Spec; adding one is described in
// docs/how-to/add-a-family.md.
#pragma once

#include <span>
#include <string_view>

#include "base/result.h"
#include "model/reader.h"
#include "model/spec.h"
#include "model/tensor_names.h"

namespace freehold::model {

struct Family {
  std::string_view gguf;  // general.architecture; empty: this family is not a GGUF architecture of its own
  std::string_view hf;    // model_type of config.json
  Result<Spec> (*read)(Reader&);
  const TensorNames* hf_names;
};

std::span<const Family> families();

// The family of a checkpoint. Errc::unsupported names an architecture that we do not know.
Result<const Family*> family_of(const format::Checkpoint& checkpoint);

Result<Spec> read_llama(Reader&);
Result<Spec> read_mistral(Reader&);
Result<Spec> read_mixtral(Reader&);
Result<Spec> read_qwen2(Reader&);
Result<Spec> read_qwen3(Reader&);
Result<Spec> read_gemma2(Reader&);
Result<Spec> read_gemma3(Reader&);

}  // namespace freehold::model
