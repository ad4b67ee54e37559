#include "app/guard/finder.h"

#include <algorithm>

namespace freehold::app {
namespace {

using Scanners = std::variant<pii::Scanner, pii::TableScanner>;

Scanners scanner_for(pii::Profile profile, bool table) {
  if (table) return Scanners(std::in_place_type<pii::TableScanner>, profile);
  return Scanners(std::in_place_type<pii::Scanner>, profile);
}

}  // namespace

Finder::Finder(pii::Profile profile, bool table) : scanner_(scanner_for(profile, table)) {}

void Finder::take_in(std::string_view text) {
  held_ += text;
  std::visit([&](auto& scanner) { scanner.feed(text, found_); }, scanner_);
}

std::vector<Found> Finder::feed(std::string_view piece) {
  take_in(decoder_.feed(piece));
  return take();
}

std::vector<Found> Finder::finish() {
  take_in(decoder_.finish());
  std::visit([&](auto& scanner) { scanner.finish(found_); }, scanner_);
  return take();
}

void Finder::go_to(std::size_t end) {
  for (; at_ < end; ++at_) {
    if (held_[at_] == '\n') {
      ++line_;
      column_ = 1;
    } else if ((static_cast<unsigned char>(held_[at_]) & 0xC0) != 0x80) {
      ++column_;
    }
  }
}

std::vector<Found> Finder::take() {
  std::vector<Found> out;
  for (pii::Finding& finding : found_) {
    const auto begin = static_cast<std::size_t>(finding.begin - begin_),
               end = static_cast<std::size_t>(finding.end - begin_);
    go_to(begin);
    finding.begin = decoder_.place_of(begin_ + begin);
    finding.end = decoder_.place_of(begin_ + end);
    out.push_back({finding, held_.substr(begin, end - begin), line_, column_});
    go_to(end);
  }
  found_.clear();
  const std::uint64_t decided = std::visit([](const auto& scanner) { return scanner.decided(); }, scanner_);
  go_to(std::max(at_, static_cast<std::size_t>(decided - begin_)));
  decided_ = decoder_.place_of(begin_ + at_);
  held_.erase(0, at_);
  begin_ += at_;
  at_ = 0;
  return out;
}

}  // namespace freehold::app
