// "clean_up_tokenization_spaces" as a stream: drops the spaces before punctuation and contractions that some
// tokenizers' decoders drop. A text put in at once or byte by byte comes out the same.
#pragma once

#include <array>
#include <cstddef>
#include <string>
#include <string_view>

#include "text/vocabulary.h"

namespace freehold::text {

class SpaceCleaner {
 public:
  explicit SpaceCleaner(SpaceCleanup cleanup) : cleanup_(cleanup) {}
  // Appends to `out` what later text cannot change any more. `end`: nothing follows; all is put out.
  void push(std::string_view text, bool end, std::string& out);
  std::size_t pending() const;

 private:
  SpaceCleanup cleanup_;
  std::array<std::string, 3> held_;  // what each of the three passes cannot decide yet: at most three bytes
};

}  // namespace freehold::text
