// The one place that moves through untrusted bytes: every read is checked against what is left, and a failed read says
// where and what for. Little endian.
#pragma once

#include <cstdint>
#include <cstring>
#include <string_view>

#include "base/file.h"
#include "base/result.h"

namespace freehold::format {

class Cursor {
 public:
  // `whole_bytes` is the size of the file of which `bytes` is the beginning: it tells a file that ends from a header
  // that is longer than we read.
  Cursor(Bytes bytes, std::uint64_t whole_bytes) : bytes_(bytes), whole_bytes_(whole_bytes) {}

  std::uint64_t position() const { return position_; }
  std::uint64_t left() const { return bytes_.size() - position_; }

  // The next n bytes. `what` is for the error: "the key's length".
  Result<Bytes> take(std::uint64_t n, std::string_view what) {
    if (n > left()) return short_read(n, what);
    Bytes taken = bytes_.subspan(position_, n);
    position_ += n;
    return taken;
  }

  template <typename T>
  Result<T> read(std::string_view what) {
    T value{};
    if (sizeof(T) > left()) return short_read(sizeof(T), what);
    std::memcpy(&value, bytes_.data() + position_, sizeof value);
    position_ += sizeof(T);
    return value;
  }

  // A length or count of `width` bytes (4 or 8).
  Result<std::uint64_t> read_length(std::uint8_t width, std::string_view what) {
    if (width == 8) return read<std::uint64_t>(what);
    FH_TRY(std::uint32_t narrow, read<std::uint32_t>(what));
    return std::uint64_t{narrow};
  }

  // Refuses `count` things of at least `minimal` bytes each that cannot fit into what is left: before anything is
  // allocated.
  Result<> expect_room(std::uint64_t count, std::uint64_t minimal, std::string_view what) const;

 private:
  Unexpected short_read(std::uint64_t n, std::string_view what) const;

  Bytes bytes_;
  std::uint64_t whole_bytes_;
  std::uint64_t position_ = 0;
};

}  // namespace freehold::format
