#include "app/guard/file_masker.h"

#include <algorithm>

namespace freehold::app {

std::string FileMasker::feed(std::string_view piece) {
  held_ += piece;
  const auto found = finder_.feed(piece);
  return release(found, finder_.decided());
}

std::string FileMasker::finish() {
  const auto found = finder_.finish();
  return release(found, begin_ + held_.size());
}

std::string FileMasker::release(const std::vector<Found>& found, std::uint64_t until) {
  std::string out;
  std::size_t at = 0;  // in held_
  for (const Found& one : found) {
    out.append(held_, at, static_cast<std::size_t>(one.finding.begin - begin_) - at);
    out += finder_.decoder().encoded(pii::mask_of(one.finding.kind, one.value, style_));
    at = static_cast<std::size_t>(one.finding.end - begin_);
    ++masked_;
  }
  const std::size_t end = std::max(at, static_cast<std::size_t>(until - begin_));
  out.append(held_, at, end - at);
  held_.erase(0, end);
  begin_ += end;
  return out;
}

}  // namespace freehold::app
