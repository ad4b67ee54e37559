// Takes personal data out of text, whole or as it comes: what feed() gives back may be shown, what it keeps may still
// become part of a finding. However the text is cut, the pieces put together are the same.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "pii/rewriter.h"

namespace freehold::pii {

enum class MaskStyle : std::uint8_t {
  kind,         // "[email]"
  safe_harbor,  // the same, but of dates the year is kept, of ZIP codes what 45 CFR 164.514(b)(2)(i)(B) allows, of ages
                // "90+"
};

// What stands for `value`, which is of this kind.
std::string mask_of(Kind kind, std::string_view value, MaskStyle style);
// For reports: the first and the last character of what is long enough, nothing of secrets.
std::string hint_of(Kind kind, std::string_view value);
void append_hint(std::string& out, Kind kind, std::string_view value);

class Masker {
 public:
  explicit Masker(Profile profile, MaskStyle style = MaskStyle::kind) : rewriter_(profile), style_(style) {}
  // What is safe by now.
  std::string feed(std::string_view chunk);
  // The rest; nothing after it.
  std::string finish();
  // How many findings of each kind were masked.
  const std::array<std::uint64_t, kKinds>& counts() const { return counts_; }

 private:
  std::string mask(Kind kind, std::string_view value);

  Rewriter rewriter_;
  MaskStyle style_;
  std::array<std::uint64_t, kKinds> counts_{};
};

}  // namespace freehold::pii
