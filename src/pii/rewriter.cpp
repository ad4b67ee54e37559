#include "pii/rewriter.h"

#include <algorithm>

namespace freehold::pii {

std::string Rewriter::feed(std::string_view chunk, const Replace& replace) {
  held_ += chunk;
  scanner_.feed(chunk, findings_);
  return release(replace);
}

std::string Rewriter::pass(std::string_view mark, const Replace& replace) {
  const std::uint64_t from = begin_ + held_.size();
  marks_.emplace_back(from, from + mark.size());
  held_ += mark;
  scanner_.feed(std::string(mark.size(), '-'), findings_);
  return release(replace);
}

std::string Rewriter::finish(const Replace& replace) {
  scanner_.finish(findings_);
  std::string out = release(replace);
  out += held_;
  held_.clear();
  return out;
}

std::string Rewriter::release(const Replace& replace) {
  std::string out;
  std::size_t at = 0;  // in held_
  for (const Finding& finding : findings_) {
    const auto begin = static_cast<std::size_t>(finding.begin - begin_),
               end = static_cast<std::size_t>(finding.end - begin_);
    if (std::any_of(marks_.begin(), marks_.end(),
                    [&](const auto& mark) { return finding.begin < mark.second && finding.end > mark.first; })) {
      continue;
    }
    const std::string_view value = std::string_view(held_).substr(begin, end - begin);
    out.append(held_, at, begin - at);
    if (const auto other = replace(finding.kind, value)) {
      out += *other;
    } else {
      out += value;
    }
    at = end;
  }
  findings_.clear();
  const auto safe = static_cast<std::size_t>(scanner_.decided() - begin_);
  if (safe > at) {
    out.append(held_, at, safe - at);
    at = safe;
  }
  held_.erase(0, at);
  begin_ += at;
  std::erase_if(marks_, [&](const auto& mark) { return mark.second <= begin_; });
  return out;
}

std::string rewrite(std::string_view text, Profile profile, const Rewriter::Replace& replace) {
  Rewriter rewriter(profile);
  std::string out = rewriter.feed(text, replace);
  out += rewriter.finish(replace);
  return out;
}

}  // namespace freehold::pii
