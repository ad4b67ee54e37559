// A multipart/form-data body (RFC 7578, in the syntax of RFC 2046 section 5.1) read as it arrives, so that a file goes
// to the disk and never into memory. Strict: what is not clearly a form is refused, so that nobody can smuggle one part
// inside another.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace freehold::http {

struct FormPart {
  std::string name;
  // Of a file; UTF-8 without control characters and without folders. filename* (RFC 8187) goes before filename.
  std::optional<std::string> filename;
  std::string content_type;  // as it was sent; may be empty
};

// Told of the parts in the order in which they come. An error ends the reading and is what feed() returns.
class FormReceiver {
 public:
  virtual ~FormReceiver() = default;
  virtual Result<> begin(FormPart part) = 0;
  virtual Result<> data(std::string_view piece) = 0;  // any number of pieces, none empty
  virtual Result<> end() = 0;
};

// The boundary that a Content-Type names: 1 to 70 of the characters of RFC 2046, no space at the end. Error: invalid
// (another media type, none or two boundaries).
Result<std::string> form_boundary(std::string_view content_type);

class FormReader {
 public:
  // Borrows the receiver. `boundary`: what form_boundary gave.
  FormReader(std::string_view boundary, FormReceiver& receiver);

  // The next bytes of the body, in pieces of any size. Errors: invalid, naming the part; the receiver's. After an error
  // nothing more is taken.
  Result<> feed(std::string_view piece);
  // The body is over. Error: invalid (the closing boundary has not come).
  Result<> finish();

 private:
  enum class At { preamble, delimiter, head, data, epilogue };
  // Goes on as far as the buffer reaches. False: more bytes are needed.
  Result<bool> advance();
  Result<bool> read_content();
  Result<bool> read_delimiter();
  Result<bool> read_head();

  FormReceiver* receiver_;  // owner: the caller
  std::string delimiter_;   // CR LF -- boundary
  std::string buffer_;      // what has come and is not dealt with: a head, or less than a delimiter and its line
  At at_ = At::preamble;
  bool fresh_ = false;  // no byte of this part's content has been looked at
  std::size_t parts_ = 0;
  bool failed_ = false;
};

// One header line's value of Content-Disposition. Errors: invalid.
Result<FormPart> parse_disposition(std::string_view value);

}  // namespace freehold::http
