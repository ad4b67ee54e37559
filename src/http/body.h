// The body of a request, taken from the bytes that arrive: by its length, or in chunks (chunks.h).
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "http/chunks.h"
#include "http/head.h"
#include "http/server.h"

namespace freehold::http {

class BodyReader {
 public:
  BodyReader(const Head& head, BodyPlan plan);

  // Takes what belongs to the body; returns how many bytes that was.
  std::size_t feed(std::string_view input);
  bool done() const { return status_ == 0 && (chunked_ ? chunks_.done() : size_ == length_); }
  int status() const { return status_; }  // 0, or that of the error
  const std::string& message() const { return message_; }
  std::uint64_t size() const { return size_; }  // of what has arrived
  std::string take() { return std::move(body_); }

 private:
  bool collect(std::string_view piece);

  const BodyPlan plan_;
  const bool chunked_;
  const std::uint64_t length_;  // if not chunked
  ChunkReader chunks_;
  std::uint64_t size_ = 0;
  std::string body_;
  int status_ = 0;
  std::string message_;
};

}  // namespace freehold::http
