// The head of a request (RFC 9112 sections 2 to 6), read strictly: what two servers could understand differently is
// refused, because such differences are how requests are smuggled past a proxy.
//
// Refused: bare LF or CR, folded lines, white space around a field name, bytes below space in a value, no or several
// Host, Content-Length together with Transfer-Encoding, several or signed lengths, transfer codings other than
// chunked, HTTP versions other than 1.0 and 1.1.
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

// What is wrong and the status that says so. `request` holds what was understood until then (perhaps nothing), so that
// the answer can have the shape that the client expects.
struct HeadError {
  int status = 400;
  std::string message;
  Request request;
};

// `text` ends with the empty line. Never throws; every error is one of the values above.
std::optional<HeadError> parse_head(std::string_view text, const HeadLimits& limits, Head& head);

}  // namespace freehold::http
