// Comma-separated values as RFC 4180 has them: fields may stand in quotes, hold commas, line ends and doubled quotes;
// lines end with LF, CRLF or CR; a byte order mark at the beginning is skipped. Read row by row, so that a file may be
// larger than memory is spare.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace freehold::format {

class CsvReader {
 public:
  // `text` is borrowed (owner: the caller).
  explicit CsvReader(std::string_view text);

  // The next row into `fields`; false at the end. Empty lines are skipped. Errors: corrupt, with the line: a quote that
  // is never closed, text behind a closing quote, text that is not UTF-8.
  Result<bool> next(std::vector<std::string>& fields);
  // Where the row that was read last began, from 1.
  std::size_t line() const { return row_line_; }

 private:
  std::string_view text_;
  std::size_t at_ = 0;
  std::size_t line_ = 1;
  std::size_t row_line_ = 0;
};

}  // namespace freehold::format
