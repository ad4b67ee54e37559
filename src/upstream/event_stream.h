// Server-sent events as they arrive in pieces (WHATWG HTML, section 9.2.6 "interpreting an event stream"). Comments,
// ids and reconnection times are read over: nobody reconnects to an answer.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace freehold::upstream {

class EventStream {
 public:
  // `name` is "message" where the stream names none. What it returns as an error ends feed() with it.
  using Sink = std::function<Result<>(std::string_view name, std::string_view data)>;

  // Of one event.
  static constexpr std::size_t kMaxBytes = std::size_t{16} << 20;

  explicit EventStream(Sink sink) : sink_(std::move(sink)) {}

  // Errors: corrupt (an event of more than kMaxBytes); the sink's.
  Result<> feed(std::string_view piece);

 private:
  Result<> line(std::string_view text);

  Sink sink_;
  std::string rest_;  // of a line whose end has not come
  std::string name_, data_;
  bool has_data_ = false;
  bool after_cr_ = false;
  bool first_ = true;
};

}  // namespace freehold::upstream
