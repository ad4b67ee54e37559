// Internal to plan_gguf: the parts of a GGUF's metadata.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "format/checkpoint.h"
#include "format/metadata.h"
#include "model/spec.h"

namespace freehold::model {

// "llama.block_count" and so on, as read_decoder and the families read them. `architecture` is GGUF's name.
void put_hyper_parameters(const Spec& spec, const format::Metadata& config, const std::string& architecture,
                          format::Metadata& out);

// tokenizer.ggml.* and the chat templates. `rows` of the embedding: a vocabulary with fewer tokens is padded to them,
// as other readers expect. Reads what it wrote and compares the ids.
Result<> put_tokenizer(const format::HfFolder& folder, std::uint32_t rows, format::Metadata& out,
                       std::vector<std::string>& notes);

}  // namespace freehold::model
