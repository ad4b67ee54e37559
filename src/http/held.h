// How much memory the bodies of all requests may take together: a client that may send much at once must not be able to
// do so hundreds of times.
#pragma once

#include <cstdint>

#include "http/connection.h"

namespace freehold::http {

constexpr std::uint64_t kFreeBytes = 256 * 1024;  // of each body, not counted: small requests always find room

// What one body takes of Limits::held_bytes.
class Held {
 public:
  Held(Common& common, std::uint64_t most) : common_(common), most_(most) {}
  ~Held() { common_.held -= bytes_; }
  Held(const Held&) = delete;
  Held& operator=(const Held&) = delete;

  // False: there is no room for a body of that size now.
  bool grow(std::uint64_t size) {
    if (size <= kFreeBytes + bytes_) return true;
    const std::uint64_t more = size - kFreeBytes - bytes_;
    bytes_ += more;
    return common_.held.fetch_add(more) + more <= most_;
  }

 private:
  Common& common_;
  const std::uint64_t most_;
  std::uint64_t bytes_ = 0;
};

}  // namespace freehold::http
