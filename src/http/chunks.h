// The chunked transfer coding (RFC 9112 section 7.1), byte by byte: sizes in hexadecimal, extensions and trailers are
// checked and thrown away. Whatever is not exactly the grammar is wrong at the byte at which that is certain, since a
// proxy that reads a bare LF or a stray space differently would see other requests than we do.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

namespace freehold::http {

class ChunkReader {
 public:
  // A body of more than `limit` bytes is 413, told by the size that announces it.
  explicit ChunkReader(std::uint64_t limit) : limit_(limit) {}

  // Takes what belongs to the body and gives its data to `data`, which says whether to go on; returns how many bytes
  // of `input` that was.
  std::size_t feed(std::string_view input, const std::function<bool(std::string_view)>& data);
  bool done() const { return state_ == State::done; }
  int status() const { return status_; }  // 0, or that of the error; then nothing more is taken
  const std::string& message() const { return message_; }

 private:
  enum class State {
    size,      // hexadecimal digits
    line,      // what follows them, up to CR
    line_end,  // LF
    data,
    data_cr,
    data_lf,
    trailer,      // a line after the last chunk, up to CR
    trailer_end,  // LF
    done,
  };
  bool take(char c);
  bool wrong(int status, std::string message);
  bool size_line_ends();
  bool trailer_line_ends();

  const std::uint64_t limit_;
  State state_ = State::size;
  std::uint64_t size_ = 0;  // of the current chunk; while in `data`, what is missing of it
  std::uint64_t total_ = 0;
  int digits_ = 0;
  std::string line_;        // extensions, or a trailer field
  std::size_t unused_ = 0;  // bytes of extensions and trailers so far
  std::size_t trailers_ = 0;
  int status_ = 0;
  std::string message_;
};

}  // namespace freehold::http
