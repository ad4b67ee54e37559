#include "upstream/event_stream.h"

#include <fmt/format.h>

namespace freehold::upstream {

Result<> EventStream::feed(std::string_view piece) {
  while (!piece.empty()) {
    if (after_cr_ && piece.front() == '\n') piece.remove_prefix(1);
    after_cr_ = false;
    const std::size_t end = piece.find_first_of("\r\n");
    const std::string_view part = piece.substr(0, end);
    if (rest_.size() + data_.size() + part.size() > kMaxBytes) {
      return fail(Errc::corrupt, fmt::format("an event of its stream has more than {} bytes", kMaxBytes));
    }
    rest_ += part;
    if (end == std::string_view::npos) return {};
    after_cr_ = piece[end] == '\r';
    piece.remove_prefix(end + 1);
    std::string whole;
    whole.swap(rest_);
    FH_TRY_VOID(line(whole));
  }
  return {};
}

Result<> EventStream::line(std::string_view text) {
  if (first_ && text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
  first_ = false;
  if (text.empty()) {
    const bool complete = has_data_;
    std::string name, data;
    name.swap(name_);
    data.swap(data_);
    has_data_ = false;
    if (!complete) return {};
    return sink_(name.empty() ? "message" : std::string_view(name), data);
  }
  const std::size_t colon = text.find(':');
  const std::string_view field = text.substr(0, colon);
  std::string_view value = colon == std::string_view::npos ? std::string_view() : text.substr(colon + 1);
  if (value.starts_with(' ')) value.remove_prefix(1);
  if (field == "event") {
    name_ = value;
  } else if (field == "data") {
    if (has_data_) data_ += '\n';
    data_ += value;
    has_data_ = true;
  }
  return {};
}

}  // namespace freehold::upstream
