// What must not be seen: keys and passphrases, from a file or from whoever sits at the terminal.
#pragma once

#include <string>
#include <string_view>
#include <utility>

#include "base/result.h"

namespace freehold::app {

// Bytes that are wiped when they go.
class SecretText {
 public:
  SecretText() = default;
  explicit SecretText(std::string text) : text_(std::move(text)) {}
  SecretText(SecretText&& other) noexcept { text_.swap(other.text_); }
  SecretText& operator=(SecretText&& other) noexcept {
    text_.swap(other.text_);
    return *this;
  }
  ~SecretText();
  std::string_view text() const { return text_; }

 private:
  std::string text_;
};

// The first line of a file ("-": of standard input). Errors: not_found, io.
Result<SecretText> secret_from_file(std::string_view file);
// What somebody types, which is not shown. Errors: invalid (no terminal; `option` would name a file), io.
Result<SecretText> typed_secret(std::string_view question, std::string_view option);

}  // namespace freehold::app
