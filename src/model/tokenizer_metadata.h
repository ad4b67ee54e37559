// A tokenizer.model as a GGUF's metadata: what a freshly made model carries.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "base/result.h"
#include "format/metadata.h"

namespace freehold::model {

// How many tokens the SentencePiece model has. Errors: those of opening and parsing it.
Result<std::uint32_t> count_tokens(const std::filesystem::path& tokenizer_model);

// Adds tokenizer.ggml.* and, if it is not empty, the chat template. Errors: those of load_tokenizer; unsupported (a
// GGUF cannot say this tokenizer).
Result<> add_tokenizer(const std::filesystem::path& tokenizer_model, const std::string& chat_template,
                       format::Metadata& out);

}  // namespace freehold::model
