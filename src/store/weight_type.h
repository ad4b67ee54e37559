// What `--type` may say: the usual mixes of block types ("q4_k_m"), or one block type for every matrix ("q2_k").
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "format/gguf_writer.h"
#include "kernel/blocks/mixes.h"

namespace freehold::store {

// Errors: Errc::invalid, listing the names.
Result<kernel::Mix> weight_type_from_name(std::string_view name);

// general.file_type as llama.cpp numbers it (its enum llama_ftype); nothing for what it has no number for.
std::optional<std::uint32_t> file_type_number(const kernel::Mix& type);

// "blk.3.ffn_down.weight": "rows of 288 are no multiple of 256: …".
struct TensorNote {
  std::string tensor;
  std::string note;
};

// What a new GGUF holds, for the user to see.
struct Written {
  std::vector<format::GgufTensor> tensors;  // in file order
  std::vector<TensorNote> notes;            // tensors that did not get the type's own block type
  std::uint64_t tensor_bytes = 0;
};

}  // namespace freehold::store
