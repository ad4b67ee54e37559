#include "http/body.h"

#include <algorithm>
#include <exception>

namespace freehold::http {

BodyReader::BodyReader(const Head& head, BodyPlan plan)
    : plan_(std::move(plan)), chunked_(head.chunked), length_(head.content_length), chunks_(plan_.limit) {}

void BodyReader::Passing::write() {
  try {
    auto written = sink->write(piece);
    if (written) return;
    const Errc code = written.error().code;
    status = code == Errc::invalid ? 400 : code == Errc::exhausted ? 413 : 500;
    message = std::move(written).error().what;
  } catch (const std::exception&) {
    status = 500;
    message = "internal error";
  }
}

void BodyReader::passed(const Passing& passing) {
  if (status_ != 0 || passing.status == 0) return;
  status_ = passing.status;
  message_ = passing.message;
}

void BodyReader::collect(std::string_view piece) {
  size_ += piece.size();
  // Who announces much gets the memory for it when some of it has come.
  constexpr std::size_t kSome = std::size_t{1} << 20;
  if (!plan_.sink && !chunked_ && body_.capacity() < length_ && size_ >= std::min<std::uint64_t>(length_, kSome)) {
    body_.reserve(static_cast<std::size_t>(length_));
  }
  body_ += piece;
}

std::size_t BodyReader::feed(std::string_view input) {
  if (status_ != 0) return 0;
  if (!chunked_) {
    const auto n = static_cast<std::size_t>(std::min<std::uint64_t>(length_ - size_, input.size()));
    if (n > 0) collect(input.substr(0, n));
    return n;
  }
  const std::size_t used = chunks_.feed(input, [this](std::string_view piece) {
    collect(piece);
    return true;
  });
  if (status_ == 0 && chunks_.status() != 0) {
    status_ = chunks_.status();
    message_ = chunks_.message();
  }
  return used;
}

BodyPace::BodyPace(std::chrono::milliseconds time, bool in_memory, std::uint64_t least_rate)
    : time_(time),
      in_memory_(in_memory),
      least_rate_(least_rate),
      deadline_(Clock::now() + time),
      slowest_(least_rate == 0 ? Clock::time_point::max() : deadline_) {}

void BodyPace::arrived(std::size_t bytes, std::uint64_t size) {
  if (!in_memory_ && size - marked_ >= kLeastProgress) {
    marked_ = size;
    deadline_ = Clock::now() + time_;
  }
  if (least_rate_ == 0) return;
  unpaid_ += bytes;
  const std::uint64_t ms = unpaid_ * 1000 / least_rate_;
  slowest_ += std::chrono::milliseconds(ms);
  unpaid_ -= ms * least_rate_ / 1000;
}

void BodyPace::held_up(Clock::duration time) {
  deadline_ += time;
  if (least_rate_ != 0) slowest_ += time;
}

}  // namespace freehold::http
