// Finds personal data in a file as it comes, whatever its encoding; places are bytes of the file.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "app/guard/text_form.h"
#include "pii/scanner.h"
#include "pii/table_scanner.h"

namespace freehold::app {

// What was found: its value as UTF-8, its place in the file, and lines and columns from 1; columns are characters.
struct Found {
  pii::Finding finding;
  std::string value;
  std::uint64_t line = 1, column = 1;
};

// One file, in pieces. Memory: what is not decided yet.
class Finder {
 public:
  Finder(pii::Profile profile, bool table);
  // What is certain by now, in order.
  std::vector<Found> feed(std::string_view piece);
  std::vector<Found> finish();
  // No finding that is still to come begins before this byte of the file.
  std::uint64_t decided() const { return decided_; }
  const TextDecoder& decoder() const { return decoder_; }

 private:
  void take_in(std::string_view text);
  std::vector<Found> take();
  void go_to(std::size_t end);
  void count(std::string_view text);

  TextDecoder decoder_;
  std::variant<pii::Scanner, pii::TableScanner> scanner_;
  std::vector<pii::Finding> found_;
  std::string held_;         // text that is not decided
  std::uint64_t begin_ = 0;  // of held_ in the text
  std::size_t at_ = 0;       // in held_; line_ and column_ are those of this place
  std::uint64_t line_ = 1, column_ = 1;
  std::uint64_t decided_ = 0;
};

}  // namespace freehold::app
