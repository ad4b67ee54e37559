// How much memory the bodies of all requests may take together: a client that may send much at once must not be able to
// do so hundreds of times.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <utility>

namespace freehold::http {

constexpr std::uint64_t kFreeBytes = 256 * 1024;  // of each body, not counted: small requests always find room

// What one body takes of Limits::held_bytes. An exchange may outlive its server, so the sum does too.
class Held {
 public:
  Held(std::shared_ptr<std::atomic<std::uint64_t>> sum, std::uint64_t most) : sum_(std::move(sum)), most_(most) {}
  ~Held() { *sum_ -= bytes_; }
  Held(const Held&) = delete;
  Held& operator=(const Held&) = delete;

  // False: there is no room for a body of that size now.
  bool grow(std::uint64_t size) {
    if (size <= kFreeBytes + bytes_) return true;
    const std::uint64_t more = size - kFreeBytes - bytes_;
    bytes_ += more;
    return sum_->fetch_add(more) + more <= most_;
  }

 private:
  const std::shared_ptr<std::atomic<std::uint64_t>> sum_;
  const std::uint64_t most_;
  std::uint64_t bytes_ = 0;
};

}  // namespace freehold::http
