#include "app/guard/finder.h"

#include <algorithm>
#include <cstring>

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
  if (end > at_) count(std::string_view(held_).substr(at_, end - at_));
  at_ = std::max(at_, end);
}

// Goes on from a place to behind `text`.
void Finder::count(std::string_view text) {
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
