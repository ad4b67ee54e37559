// A new tokenizer from text, by Google's SentencePiece: byte-pair merges over characters, bytes for what the text
// lacks, digits one by one, as Llama's. Kudo & Richardson, "SentencePiece", EMNLP 2018 (arXiv 1808.06226).
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "base/result.h"

namespace freehold::train {

struct TokenizerTraining {
  std::vector<std::filesystem::path> inputs;  // UTF-8 text; a line is a sentence
  std::uint32_t vocab_size = 4096;
  std::vector<std::string> control;    // tokens that text never becomes: <|im_start|> and the like
  std::uint64_t most_bytes = 0;        // of the inputs, from their beginnings; 0: all
  double character_coverage = 0.9999;  // rarer characters become bytes
};

// The bytes of a tokenizer.model; ids 0 <unk>, 1 <s>, 2 </s>, then the control tokens. The same inputs give the same
// bytes. Errors: those of reading; corrupt (not UTF-8, naming file and line); invalid (no text, or too little for so
// large a vocabulary; a vocabulary too small for the bytes, the control tokens and the characters).
Result<std::string> train_tokenizer(const TokenizerTraining& options);

}  // namespace freehold::train
