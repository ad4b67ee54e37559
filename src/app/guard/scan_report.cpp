#include "app/guard/scan_report.h"

#include <algorithm>
#include <cstring>

#include "pii/masker.h"

namespace freehold::app {

void ScanReport::feed(std::string_view chunk) {
  held_ += chunk;
  bytes_ += chunk.size();
  scanner_.feed(chunk, found_);
  take();
}

void ScanReport::finish() {
  scanner_.finish(found_);
  take();
}

// Goes on from a place to behind `text`.
void ScanReport::count(std::string_view text) {
  constexpr std::size_t kStep = sizeof(std::uint64_t);
  constexpr std::uint64_t kOnes = 0x0101010101010101u, kHigh = kOnes << 7;
  while (!text.empty()) {
    // Eight bytes of ASCII without a line's end are eight columns.
    while (text.size() >= kStep) {
      std::uint64_t bytes = 0;
      std::memcpy(&bytes, text.data(), kStep);
      const std::uint64_t ends = bytes ^ kOnes * '\n';  // 0 where a line ends
      if (((bytes | (ends - kOnes)) & kHigh) != 0) break;
      column_ += kStep;
      text.remove_prefix(kStep);
    }
    const std::string_view piece = text.substr(0, kStep);
    for (const char c : piece) {
      if (c == '\n') {
        ++line_;
        column_ = 1;
      } else if ((static_cast<unsigned char>(c) & 0xC0) != 0x80) {
        ++column_;
      }
    }
    text.remove_prefix(piece.size());
  }
}

void ScanReport::take() {
  std::size_t at = 0;  // in held_; line_ and column_ are those of this place
  auto go_to = [&](std::size_t end) {
    if (end > at) count(std::string_view(held_).substr(at, end - at));
    at = std::max(at, end);
  };
  for (const pii::Finding& finding : found_) {
    const auto begin = static_cast<std::size_t>(finding.begin - begin_),
               end = static_cast<std::size_t>(finding.end - begin_);
    go_to(begin);
    const std::string_view value = std::string_view(held_).substr(begin, end - begin);
    const std::size_t shown = rows_.shown.size();
    if (options_.show) {
      rows_.shown += value;
    } else {
      pii::append_hint(rows_.shown, finding.kind, value);
    }
    rows_.rows.push_back({finding, line_, column_, shown, rows_.shown.size() - shown});
    go_to(end);
  }
  found_.clear();
  go_to(std::max(at, static_cast<std::size_t>(scanner_.decided() - begin_)));
  held_.erase(0, at);
  begin_ += at;
}

}  // namespace freehold::app
