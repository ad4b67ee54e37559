// The pre-tokenizers that GGUF files name in `tokenizer.ggml.pre`, as data: how text is cut into words before
// byte-level merging, and what else the name implies. The patterns are those of the models' own tokenizer.json files.
#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "text/vocabulary.h"

namespace freehold::text {

struct PreTokenizer {
  std::span<const std::string_view> names;
  std::span<const std::string_view> patterns;  // one isolating split step each, in this order
  bool ignore_merges = false;
  bool add_bos = false;  // unless the file says otherwise
  SpaceCleanup cleanup = SpaceCleanup::llama_cpp;
};

// Null for a name we do not know. To add one, add a row in pre_tokenizers.cpp.
const PreTokenizer* find_pre_tokenizer(std::string_view name);

// The row that cuts text by these steps, or null: the way back, for writing a GGUF from a tokenizer.json.
const PreTokenizer* matching_pre_tokenizer(std::span<const SplitStep> steps, bool ignore_merges);

std::vector<SplitStep> split_steps(const PreTokenizer& pre);

// The split that Hugging Face's ByteLevel does by itself ("use_regex": true): GPT-2's.
std::string_view gpt2_pattern();

}  // namespace freehold::text
