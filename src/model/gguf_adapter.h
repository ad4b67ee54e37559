// Adapters as llama.cpp has them (ggml-org/llama.cpp, convert_lora_to_gguf.py and src/llama-adapter.cpp): a GGUF with
// general.type "adapter", adapter.type "lora", adapter.lora.alpha, and for each adapted tensor NAME two more,
// NAME.lora_a (r, K) and NAME.lora_b (N, r). A layer's scale is alpha / r, with its own r.
//
// The file's rows of q and k lie as in the base's GGUF: in pairs for architecture llama, in halves for all others,
// whatever the base at hand is. The embedding's lora_a is (V, r): llama.cpp looks its rows up. On a tied base llama.cpp
// has no output.weight to adapt, and takes token_embd.weight's adapter for the output's too.
#pragma once

#include <filesystem>
#include <string>

#include "base/result.h"
#include "format/checkpoint.h"
#include "format/gguf.h"
#include "model/peft.h"
#include "model/spec.h"

namespace freehold::model {

// What a checkpoint's architecture is called in GGUF. Errors: as family_of.
Result<std::string> gguf_architecture(const format::Checkpoint& base);

// Errors name the key or tensor. Errc::unsupported for tensors that belong to no layer that can be adapted and for keys
// that ask for what we do not do; a missing or zero alpha is refused too (llama.cpp then takes 1 for the scale).
Result<PeftAdapter> read_gguf_adapter(const format::Gguf& file, const Spec& spec, std::string_view architecture);

struct GgufAdapterWritten {
  bool exact = true;  // false: some scale differs in its last bit, because it is no alpha / r in float32 (rsLoRA only)
};
// Float32 tensors; the file appears when all of it is on disk. Errc::unsupported for DoRA, which the format cannot say,
// for layers whose scales are not one alpha divided by their ranks, and for the ends of a tied base.
Result<GgufAdapterWritten> write_gguf_adapter(const std::filesystem::path& path, const Spec& spec,
                                              std::string_view architecture, const PeftAdapter& adapter,
                                              const std::string& name);

// "blk.3.attn_q.weight", "output.weight", "token_embd.weight"; of a mixture "blk.3.ffn_gate_exps.weight", one tensor of
// all experts.
std::string gguf_tensor(const Place& place);

// Whether a GGUF says of itself that it is an adapter.
bool is_adapter(const format::Gguf& file);

}  // namespace freehold::model
