#include "http/body.h"

#include <algorithm>

namespace freehold::http {

BodyReader::BodyReader(const Head& head, BodyPlan plan)
    : plan_(std::move(plan)), chunked_(head.chunked), length_(head.content_length), chunks_(plan_.limit) {}

bool BodyReader::collect(std::string_view piece) {
  size_ += piece.size();
  if (plan_.sink) {
    auto written = plan_.sink->write(piece);
    if (written) return true;
    const Errc code = written.error().code;
    status_ = code == Errc::invalid ? 400 : code == Errc::exhausted ? 413 : 500;
    message_ = written.error().what;
    return false;
  }
  // Who announces much gets the memory for it when some of it has come.
  constexpr std::size_t kSome = std::size_t{1} << 20;
  if (!chunked_ && body_.capacity() < length_ && size_ >= std::min<std::uint64_t>(length_, kSome)) {
    body_.reserve(static_cast<std::size_t>(length_));
  }
  body_ += piece;
  return true;
}

std::size_t BodyReader::feed(std::string_view input) {
  if (status_ != 0) return 0;
  if (!chunked_) {
    const auto n = static_cast<std::size_t>(std::min<std::uint64_t>(length_ - size_, input.size()));
    if (n > 0) collect(input.substr(0, n));
    return n;
  }
  const std::size_t used = chunks_.feed(input, [this](std::string_view piece) { return collect(piece); });
  if (status_ == 0 && chunks_.status() != 0) {
    status_ = chunks_.status();
    message_ = chunks_.message();
  }
  return used;
}

}  // namespace freehold::http
