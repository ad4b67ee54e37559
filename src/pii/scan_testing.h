// What a scan of a text finds, as text.
#pragma once

#include <string>
#include <string_view>

#include "pii/scanner.h"

namespace freehold::pii::testing {

// "email=ann@example.org | card=…", in their order.
inline std::string shown(std::string_view text, Profile profile = Profile::gdpr) {
  std::string out;
  for (const Finding& f : scan(text, profile)) {
    if (!out.empty()) out += " | ";
    out += std::string(info(f.kind).name) + "=" + std::string(text.substr(f.begin, f.end - f.begin));
  }
  return out;
}

}  // namespace freehold::pii::testing
