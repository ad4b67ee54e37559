// `guard mask`: a file without its personal data, in its own encoding, as it comes.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "app/guard/finder.h"
#include "pii/masker.h"

namespace freehold::app {

class FileMasker {
 public:
  FileMasker(pii::Profile profile, pii::MaskStyle style, bool table) : finder_(profile, table), style_(style) {}
  // What is safe by now.
  std::string feed(std::string_view piece);
  // The rest; nothing after it.
  std::string finish();
  std::uint64_t masked() const { return masked_; }
  std::uint64_t foreign() const { return finder_.decoder().foreign(); }

 private:
  std::string release(const std::vector<Found>& found, std::uint64_t until);

  Finder finder_;
  pii::MaskStyle style_;
  std::string held_;         // bytes of the file that were not given out
  std::uint64_t begin_ = 0;  // of held_ in the file
  std::uint64_t masked_ = 0;
};

}  // namespace freehold::app
