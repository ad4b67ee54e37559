// Tokens to text as they arrive. What is put out is always whole UTF-8 characters; bytes that cannot become one appear
// as U+FFFD. All parts together equal replace_invalid_utf8(tokenizer.decode(all ids, the same options)).
#pragma once

#include <string>

#include "base/result.h"
#include "text/space_cleanup.h"
#include "text/tokenizer.h"

namespace freehold::text {

// One stream's state. Borrows the tokenizer, which must outlive it.
class Detokenizer {
 public:
  explicit Detokenizer(const Tokenizer& tokenizer, DecodeOptions options = {});

  // Appends to `out` what is certain now: possibly nothing, possibly more than this token's own text.
  // Error: invalid (an id out of range).
  Result<> push(TokenId id, std::string& out);
  // The same, as a value.
  Result<std::string> push(TokenId id);
  // What was held back: an incomplete character becomes U+FFFD. The detokenizer is then as new.
  void finish(std::string& out);
  std::string finish();

  // Bytes held back at the moment.
  std::size_t pending() const { return tail_.size() + cleaner_.pending(); }

 private:
  void release(bool end, std::string& out);
  const Tokenizer* tokenizer_;
  DecodeOptions options_;
  bool drop_space_ = false;  // the next byte of text may be the space before it
  SpaceCleaner cleaner_;
  std::string bytes_;  // scratch: one token's
  std::string tail_;   // cleaned, but perhaps not yet whole characters
};

}  // namespace freehold::text
