// From a model's files to its tokenizer: a GGUF's tokenizer.ggml.* metadata, or a Hugging Face folder's tokenizer.json
// (preferred) or tokenizer.model, with what stands beside them about special tokens and chat templates.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "format/checkpoint.h"
#include "text/tokenizer.h"

namespace freehold::model {

struct ChatTemplate {
  std::string name;  // "default", or what the file calls it ("tool_use", "rag", …)
  std::string source;
};

struct LoadedTokenizer {
  text::Tokenizer tokenizer;
  // As chat templates see them; nothing if the model has no such token.
  std::optional<std::string> bos_token;
  std::optional<std::string> eos_token;
  std::vector<ChatTemplate> chat_templates;  // the default one first; empty if the files hold none
};

// Errors: not_found (the files hold no tokenizer), unsupported (naming the kind, pre-tokenizer or component we do not
// know), corrupt (naming the key or token).
Result<LoadedTokenizer> load_tokenizer(const format::Checkpoint& checkpoint);

// The vocabulary of a tokenizer.json or a SentencePiece model alone, without the model that it belongs to. Errors: as
// above.
Result<text::Tokenizer> tokenizer_of(Bytes file);

}  // namespace freehold::model
