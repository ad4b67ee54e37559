// Reads Hugging Face's tokenizer.json (model BPE) and tokenizer_config.json into plain structs. The reader knows the
// file's components and their fields; a component or field it does not know is Errc::unsupported, by name, because what
// is skipped may change every id. What the components mean together is the business of model/tokenizer_folder.cpp.
// Source of the format: the serialization of Hugging Face's tokenizers library, as published in models' files.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace freehold::format {

struct AddedToken {
  std::uint32_t id = 0;
  std::string content;
  bool single_word = false;
  bool lstrip = false;
  bool rstrip = false;
  bool normalized = false;
  bool special = false;
};

struct NormalizerPart {
  enum class Kind { prepend, replace, nfc, nfd, nfkc, nfkd };
  Kind kind = Kind::nfc;
  std::string pattern;  // replace: a literal string
  std::string content;  // prepend, replace
};

enum class SplitBehaviour { isolated, removed, merged_with_previous, merged_with_next, contiguous };
enum class PrependScheme { always, first, never };

struct PreTokenizerPart {
  enum class Kind { split, byte_level, metaspace, digits, punctuation, white_space_split };
  Kind kind = Kind::split;
  std::string pattern;                                  // split
  bool is_regex = false;                                // split: a regular expression, otherwise a literal string
  SplitBehaviour behaviour = SplitBehaviour::isolated;  // split, punctuation
  bool invert = false;                                  // split
  bool add_prefix_space = false;                        // byte_level
  bool use_regex = false;                               // byte_level
  std::string replacement;                              // metaspace
  PrependScheme prepend = PrependScheme::always;        // metaspace
  bool split = true;                                    // metaspace
  bool individual_digits = false;                       // digits
};

struct DecoderPart {
  enum class Kind { byte_level, byte_fallback, fuse, replace, strip, metaspace };
  Kind kind = Kind::fuse;
  std::string pattern;       // replace: a literal string; metaspace: the replacement; strip: the character
  std::string content;       // replace
  std::uint32_t start = 0;   // strip: how many at most at the beginning
  std::uint32_t stop = 0;    // strip: how many at most at the end
  bool drop_prefix = false;  // metaspace: the space that its pre-tokenizer put first
};

struct VocabularyEntry {
  std::string token;
  std::uint32_t id = 0;
};

struct BpeMerge {
  std::string left;
  std::string right;
};

struct TokenizerJson {
  std::vector<AddedToken> added_tokens;
  std::vector<NormalizerPart> normalizer;       // sequences are flattened
  std::vector<PreTokenizerPart> pre_tokenizer;  // the same
  std::vector<DecoderPart> decoder;             // the same
  std::vector<std::uint32_t> prefix, suffix;    // what the post-processor puts around a single text
  std::optional<std::string> unknown_token;     // the model's
  bool fuse_unknown = false;
  bool byte_fallback = false;
  bool ignore_merges = false;
  std::vector<VocabularyEntry> vocabulary;  // in the file's order
  std::vector<BpeMerge> merges;             // first rank first
};

// Errors: corrupt (not JSON, or not what a field must be), unsupported (naming the component).
Result<TokenizerJson> parse_tokenizer_json(std::string_view text);

struct NamedTemplate {
  std::string name;  // "default" where the file gives only one
  std::string source;
};

// What of tokenizer_config.json concerns us; it holds much else that we skip.
struct TokenizerConfig {
  std::optional<std::string> tokenizer_class;
  std::optional<std::string> bos_token, eos_token, unk_token, pad_token;
  std::optional<bool> add_bos_token, add_eos_token;
  std::optional<bool> clean_up_tokenization_spaces;
  std::vector<NamedTemplate> chat_templates;
  std::vector<AddedToken> added_tokens;  // added_tokens_decoder, in the file's order
};

Result<TokenizerConfig> parse_tokenizer_config(std::string_view text);

}  // namespace freehold::format
