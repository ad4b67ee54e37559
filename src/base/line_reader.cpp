#include "base/line_reader.h"

#include <fmt/format.h>

namespace freehold {

bool is_blank(std::string_view line) {
  return line.find_first_not_of(" \t\r") == std::string_view::npos;
}

Result<std::optional<LineReader::Line>> LineReader::next() {
  constexpr std::size_t kPiece = 64 * 1024;
  std::size_t found = std::string::npos;
  while (true) {
    found = buffer_.find('\n', begin_ + searched_);
    if (found != std::string::npos || ended_) break;
    searched_ = buffer_.size() - begin_;
    if (searched_ > longest_) break;
    buffer_.erase(0, std::exchange(begin_, 0));
    const std::size_t before = buffer_.size();
    buffer_.resize(before + kPiece);
    FH_TRY(const std::size_t n,
           file_.read({reinterpret_cast<std::byte*>(buffer_.data()) + before, buffer_.size() - before}));
    buffer_.resize(before + n);
    ended_ = n < kPiece;
  }
  const bool torn = found == std::string::npos;
  const std::size_t length = (torn ? buffer_.size() : found) - begin_;
  if (length > longest_) {
    return fail(Errc::invalid, fmt::format("line {} is longer than {} bytes", number_ + 1, longest_));
  }
  if (torn && length == 0) return std::optional<Line>();
  Line line{std::string_view(buffer_).substr(begin_, length), ++number_, end_ += length + (torn ? 0 : 1), torn};
  begin_ += length + (torn ? 0 : 1);
  searched_ = 0;
  if (line.text.ends_with('\r')) line.text.remove_suffix(1);
  if (line.number == 1 && line.text.starts_with("\xef\xbb\xbf")) line.text.remove_prefix(3);
  return std::optional(line);
}

}  // namespace freehold
