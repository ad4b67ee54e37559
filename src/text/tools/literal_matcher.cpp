#include "text/tools/literal_matcher.h"

#include <algorithm>
#include <utility>

namespace freehold::text::tools {

LiteralMatcher::LiteralMatcher(std::vector<std::string> literals) {
  for (std::string& text : literals) {
    Pattern p{std::move(text), {}, 0};
    p.border.assign(p.text.size(), 0);
    for (std::size_t i = 1, k = 0; i < p.text.size(); ++i) {
      while (k > 0 && p.text[i] != p.text[k]) k = p.border[k - 1];
      if (p.text[i] == p.text[k]) ++k;
      p.border[i] = static_cast<std::uint32_t>(k);
    }
    patterns_.push_back(std::move(p));
  }
}

std::size_t LiteralMatcher::push(char byte) {
  std::size_t found = kNone;
  for (std::size_t i = 0; i < patterns_.size(); ++i) {
    Pattern& p = patterns_[i];
    if (p.text.empty()) continue;
    if (p.matched == p.text.size()) p.matched = p.border[p.matched - 1];
    while (p.matched > 0 && p.text[p.matched] != byte) p.matched = p.border[p.matched - 1];
    if (p.text[p.matched] == byte) ++p.matched;
    if (p.matched == p.text.size() && (found == kNone || p.text.size() > patterns_[found].text.size())) found = i;
  }
  return found;
}

std::size_t LiteralMatcher::held() const {
  std::size_t held = 0;
  for (const Pattern& p : patterns_) held = std::max(held, p.matched);
  return held;
}

void LiteralMatcher::reset() {
  for (Pattern& p : patterns_) p.matched = 0;
}

}  // namespace freehold::text::tools
