// Finds personal data in text, whole or as it comes.
//
// One pass from left to right. At every place where a token begins the recognisers look (recognisers.h), the strictest
// first; words with capitals are tagged one after the other (tagger.h). What was said before is kept in a Context of
// fixed size, and each recogniser reads a bounded number of bytes, so that time is linear in the text and memory does
// not grow with it.
//
// A stream gives the findings of the whole text, wherever it is cut: see text.h.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "pii/kinds.h"

namespace freehold::pii {

class Chooser;

struct Finding {
  Kind kind = Kind::other_id;
  std::uint64_t begin = 0, end = 0;  // bytes of the whole text
  int score = 0;                     // 0 to 100: how sure
  bool operator==(const Finding&) const = default;
};

// Not thread-safe; any number may work side by side.
class Scanner {
 public:
  // `chooser` decides about names instead of the shipped model (it must outlive this): for training.
  explicit Scanner(Profile profile, Chooser* chooser = nullptr);
  ~Scanner();
  Scanner(Scanner&&) noexcept;
  Scanner& operator=(Scanner&&) noexcept;

  // Appends to `out` what is certain by now, in order; findings do not overlap.
  void feed(std::string_view chunk, std::vector<Finding>& out);
  // The text ends here. Once, and nothing after it.
  void finish(std::vector<Finding>& out);
  // No finding that is still to come begins before this byte.
  std::uint64_t decided() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// A whole text at once.
std::vector<Finding> scan(std::string_view text, Profile profile);

}  // namespace freehold::pii
