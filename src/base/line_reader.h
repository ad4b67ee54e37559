// A text file line by line, however large it is.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/file.h"
#include "base/result.h"

namespace freehold {

class LineReader {
 public:
  struct Line {
    std::string_view text;  // without its end (LF or CR LF), and without a byte order mark; valid until the next call
    std::uint64_t number = 0;  // from 1
    std::uint64_t end = 0;     // bytes of the file up to here, with the line's end
    bool torn = false;         // the file ends without a line end
  };
  // Error of next(): invalid for a line longer than `longest`, naming its number; io.
  explicit LineReader(InputFile file, std::size_t longest = std::size_t{32} << 20)
      : file_(std::move(file)), longest_(longest) {}

  // Nothing at the end of the file.
  Result<std::optional<Line>> next();

 private:
  InputFile file_;
  std::size_t longest_;
  std::string buffer_;
  std::size_t begin_ = 0;     // of what is not given out, in buffer_
  std::size_t searched_ = 0;  // of that, bytes that hold no line end
  std::uint64_t number_ = 0, end_ = 0;
  bool ended_ = false;
};

// Nothing but blanks.
bool is_blank(std::string_view line);

}  // namespace freehold
