// How an answer looks on the wire (RFC 9112 sections 4 and 7).
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "http/message.h"

namespace freehold::http {

enum class BodyFraming {
  length,     // Content-Length: all of it follows
  chunked,    // Transfer-Encoding: chunked
  until_end,  // HTTP/1.0: the end of the connection ends it
};

// Status line, fields and the empty line. Adds date, content-length or transfer-encoding, connection and both request
// id fields; leaves out fields whose name or value could not be written on one line.
std::string head_text(const Response& response, const std::string& request_id, BodyFraming framing, bool keep_alive);

// One chunk: its size in hexadecimal, CR LF, the bytes, CR LF. Empty for an empty piece (which would end the body).
std::string chunk_text(std::string_view piece);
inline constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";
inline constexpr std::string_view kLastChunk = "0\r\n\r\n";

// "Sun, 06 Nov 1994 08:49:37 GMT" (RFC 9110 section 5.6.7).
std::string http_date(std::int64_t unix_seconds);

// What a request is called from its first byte on: "req_" and 24 random hexadecimal digits.
std::string new_request_id();

}  // namespace freehold::http
