// Reads SentencePiece's tokenizer.model: a protocol-buffers message, read by its wire format. Fields that do not
// concern tokenizing (how the model was trained) are skipped; nothing is allocated that the file does not pay for.
// Source: google/sentencepiece, src/sentencepiece_model.proto; protobuf's encoding specification.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "base/file.h"
#include "base/result.h"

namespace freehold::format {

// Views borrow the parsed bytes.
struct SentencePieceModel {
  enum class Type { unigram = 1, bpe = 2, word = 3, character = 4 };
  struct Piece {
    std::string_view text;
    float score = 0;
    std::uint8_t type = 1;  // normal 1, unknown 2, control 3, user-defined 4, unused 5, byte 6
  };
  std::vector<Piece> pieces;
  Type type = Type::unigram;
  bool byte_fallback = false;
  bool treat_whitespace_as_suffix = false;
  std::int32_t unk_id = 0;  // -1: none
  std::int32_t bos_id = 1;
  std::int32_t eos_id = 2;
  std::int32_t pad_id = -1;
  std::string_view normalizer;  // its name: "identity", "nmt_nfkc", …
  std::string_view charsmap;    // its compiled rules; empty: it changes no character
  std::string_view denormalizer_charsmap;
  bool add_dummy_prefix = true;
  bool remove_extra_whitespaces = true;
  bool escape_whitespaces = true;
};

// Errors: corrupt, naming the byte.
Result<SentencePieceModel> parse_sentencepiece_model(Bytes bytes);

}  // namespace freehold::format
