#include "engine/stop_matcher.h"

#include <algorithm>

namespace freehold::engine {

StopMatcher::StopMatcher(const std::vector<std::string>& stops) {
  std::size_t longest = 0;
  patterns_.reserve(stops.size());
  for (const std::string& text : stops) {
    Pattern p{text, std::vector<std::uint32_t>(text.size(), 0), 0};
    for (std::size_t i = 1, k = 0; i < text.size(); ++i) {
      while (k > 0 && text[i] != text[k]) k = p.border[k - 1];
      if (text[i] == text[k]) ++k;
      p.border[i] = static_cast<std::uint32_t>(k);
    }
    longest = std::max(longest, text.size());
    patterns_.push_back(std::move(p));
  }
  held_.reserve(longest + 256);  // decoding allocates nothing while a token's text is short
}

std::size_t StopMatcher::push(std::string_view text, std::string& out) {
  if (patterns_.empty()) {
    out.append(text);
    return kNone;
  }
  for (char c : text) {
    held_.push_back(c);
    std::size_t found = kNone;
    for (std::size_t i = 0; i < patterns_.size(); ++i) {
      Pattern& p = patterns_[i];
      while (p.matched > 0 && p.text[p.matched] != c) p.matched = p.border[p.matched - 1];
      if (p.text[p.matched] == c) ++p.matched;
      bool longer = found == kNone || p.text.size() > patterns_[found].text.size();
      if (p.matched == p.text.size() && longer) found = i;
    }
    if (found != kNone) {
      out.append(held_, 0, held_.size() - patterns_[found].text.size());
      held_.clear();
      return found;
    }
  }
  std::size_t keep = 0;
  for (const Pattern& p : patterns_) keep = std::max(keep, p.matched);
  out.append(held_, 0, held_.size() - keep);
  held_.erase(0, held_.size() - keep);
  return kNone;
}

void StopMatcher::finish(std::string& out) {
  out.append(held_);
  held_.clear();
}

}  // namespace freehold::engine
