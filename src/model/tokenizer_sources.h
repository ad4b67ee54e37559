// What the two sources of tokenizers have in common; see tokenizer_loader.h for the way in.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "format/gguf.h"
#include "format/hf_folder.h"
#include "format/sentencepiece_model.h"
#include "format/tokenizer_json.h"
#include "model/tokenizer_loader.h"
#include "text/vocabulary.h"

namespace freehold::model {

// Everything but the tokenizer itself, which load_tokenizer builds from `vocabulary`.
struct TokenizerSource {
  text::Vocabulary vocabulary;
  std::vector<ChatTemplate> chat_templates;
};

Result<TokenizerSource> tokenizer_from_gguf(const format::Metadata& metadata);
// The two kinds of tokenizer file in a folder, with what its tokenizer_config.json says.
Result<TokenizerSource> tokenizer_from_json(const format::TokenizerJson& json, const format::TokenizerConfig& config);
Result<TokenizerSource> tokenizer_from_sentencepiece(const format::SentencePieceModel& model,
                                                     const format::TokenizerConfig& config);
Result<TokenizerSource> tokenizer_from_folder(const format::HfFolder& folder);

// Adds to `end_of_generation` (and sets `eot`, if the vocabulary has none) the special tokens by whose names the field
// ends a turn or a text: "<|eot_id|>", "<|im_end|>", "<end_of_turn>", … A user-defined token of such a name becomes a
// control token (Phi-3's "</s>" is one), so that no user's text ends an answer; an ordinary token is left alone.
void add_known_ends(text::Vocabulary& vocabulary);

// Moves a template named "default" to the front.
void default_first(std::vector<ChatTemplate>& templates);

}  // namespace freehold::model
