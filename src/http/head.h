// The head of a request (RFC 9112 sections 2 to 6), read strictly and as it arrives: what two servers could understand
// differently is refused, because such differences are how requests are smuggled past a proxy. What is wrong is known
// at the byte that is wrong; nobody waits for the rest.
//
// Refused: bare LF or CR, folded lines, white space around a field name, control characters, no or several Host, a Host
// that is none, Content-Length together with Transfer-Encoding, several or signed lengths, transfer codings other than
// one chunked, HTTP versions other than 1.0 and 1.1.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "http/message.h"

namespace freehold::http {

struct HeadLimits {
  std::size_t bytes = 32 * 1024;        // with the request line
  std::size_t target_bytes = 8 * 1024;  // of the request line's address
  std::size_t fields = 100;
};

struct Head {
  Request request;  // without a body
  bool http_1_0 = false;
  bool keep_alive = true;
  bool expects_continue = false;
  bool chunked = false;
  std::uint64_t content_length = 0;
};

// What is wrong and the status that says so. The request is as far as it was understood (perhaps not at all), so that
// the answer can have the shape that the client expects.
struct HeadError {
  int status = 400;
  std::string message;
};

class HeadReader {
 public:
  explicit HeadReader(const HeadLimits& limits) : limits_(limits) {}

  enum class State { more, done, wrong };
  // `input` is what the connection has brought since the last request: the same bytes again, with more behind them.
  // Never throws; after `done` or `wrong` it is not called again.
  State read(std::string_view input);

  // Something has arrived beside empty lines, which may come before a request (RFC 9112 section 2.2).
  bool begun() const { return begun_; }
  std::size_t size() const { return at_; }  // of the head with its last empty line, once done
  Head& head() { return head_; }
  const HeadError& error() const { return error_; }

 private:
  State fail(int status, std::string message);
  State check_unfinished(std::string_view line);
  State request_line(std::string_view line);
  void take_marks(std::string_view input);
  State field_line(std::string_view line);
  State finish();

  const HeadLimits limits_;
  Head head_;
  HeadError error_;
  std::size_t at_ = 0;       // where the current line begins
  std::size_t scanned_ = 0;  // nothing is wrong with the characters before
  bool begun_ = false;
  bool has_request_line_ = false;
};

// All of a head at once; `text` ends with the empty line.
std::optional<HeadError> parse_head(std::string_view text, const HeadLimits& limits, Head& head);

// RFC 9110 section 5.6.2: what names fields and methods.
bool is_token(std::string_view text);
// Section 5.5: what a field's value never holds; a tab is none.
bool is_control(char c);

}  // namespace freehold::http
