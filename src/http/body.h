// The body of a request, taken from the bytes that arrive: by its length, or in chunks (RFC 9112 section 7.1).
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "http/head.h"
#include "http/server.h"

namespace freehold::http {

// Whether these first bytes of a connection can still become the head of an HTTP request: visible ASCII first, and no
// line that ends in a bare LF.
bool could_become_head(std::string_view begun);

class BodyReader {
 public:
  // `head_text` is the head as it arrived; `head` what parse_head made of it.
  BodyReader(std::string_view head_text, const Head& head, BodyPlan plan);
  ~BodyReader();

  // Takes what belongs to the body; returns how many bytes that was.
  std::size_t feed(std::string_view input);
  bool done() const;
  int status() const { return status_; }  // 0, or that of the error
  const std::string& message() const { return message_; }
  std::string take() { return std::move(body_); }

 private:
  void collect(std::string_view piece);
  struct Parser;
  std::unique_ptr<Parser> parser_;
  BodyPlan plan_;
  std::uint64_t size_ = 0;
  std::string body_;
  int status_ = 0;
  std::string message_;
};

}  // namespace freehold::http
