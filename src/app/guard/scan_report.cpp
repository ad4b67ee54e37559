#include "app/guard/scan_report.h"

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

void ScanReport::take() {
  std::size_t at = 0;  // in held_; line_ and column_ are those of this place
  auto go_to = [&](std::size_t end) {
    for (; at < end; ++at) {
      if (held_[at] == '\n') {
        ++line_;
        column_ = 1;
      } else if ((static_cast<unsigned char>(held_[at]) & 0xC0) != 0x80) {
        ++column_;
      }
    }
  };
  for (const pii::Finding& finding : found_) {
    const auto begin = static_cast<std::size_t>(finding.begin - begin_),
               end = static_cast<std::size_t>(finding.end - begin_);
    go_to(begin);
    const std::string_view value = std::string_view(held_).substr(begin, end - begin);
    rows_.push_back({finding, line_, column_, options_.show ? std::string(value) : pii::hint_of(finding.kind, value)});
    go_to(end);
  }
  found_.clear();
  go_to(std::max(at, static_cast<std::size_t>(scanner_.decided() - begin_)));
  held_.erase(0, at);
  begin_ += at;
}

}  // namespace freehold::app
