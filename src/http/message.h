// One HTTP request and one response as plain data (RFC 9110). What a body means is somebody else's business.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace freehold::http {

// Field names are compared without regard to case, as RFC 9110 section 5.1 says; the order is that of the wire.
class Headers {
 public:
  void add(std::string name, std::string value) { fields_.emplace_back(std::move(name), std::move(value)); }
  // Replaces every field of that name by one.
  void set(std::string_view name, std::string value);
  // The first of that name; empty if there is none (`has` tells the difference).
  std::string_view get(std::string_view name) const;
  bool has(std::string_view name) const;
  std::size_t count(std::string_view name) const;
  const std::vector<std::pair<std::string, std::string>>& fields() const { return fields_; }

 private:
  std::vector<std::pair<std::string, std::string>> fields_;
};

bool equal_ignoring_case(std::string_view a, std::string_view b);

// Where a request wants to go: the path's segments percent-decoded after splitting, so that an encoded slash stays
// inside its segment.
struct Target {
  std::string raw;                                         // as on the wire
  std::string scheme, authority;                           // of the absolute form; empty for "/path"
  std::string path;                                        // before '?', still encoded
  std::vector<std::string> segments;                       // decoded; "/a//b/" is {"a", "", "b", ""}
  std::vector<std::pair<std::string, std::string>> query;  // decoded, '+' is a space

  // The first value of that name; empty if there is none.
  std::string_view query_value(std::string_view name) const;
  bool has_query(std::string_view name) const;
};

// The certificate of a client, verified by the handshake against Server's authorities (RFC 5280).
struct PeerCertificate {
  std::string sha256;                        // of the whole, DER: 64 digits in lower case
  std::string common_name;                   // of the subject: the last one, in UTF-8; may be empty
  std::vector<std::string> dns, email, uri;  // subjectAltName; dns in lower case
  std::int64_t not_after = 0;                // seconds since 1970, UTC
};

struct Request {
  std::string method;  // "GET"; as on the wire, methods are case-sensitive
  Target target;
  Headers headers;
  std::string body;
  std::string id;              // ours, sent back in x-request-id
  std::string remote_address;  // "127.0.0.1"
  bool tls = false;
  std::shared_ptr<const PeerCertificate> certificate;  // null: the client has shown none
  std::chrono::steady_clock::time_point begun{};       // its head was there
  std::chrono::steady_clock::time_point arrived{};     // its last byte
  // Set by the program for requests that it makes by itself, never from the wire: whose they are.
  std::optional<std::string> on_behalf_of;
};

struct Response {
  int status = 200;
  Headers headers;
  std::string body;
};

// The phrase of RFC 9110 section 15; "Unknown" for others.
std::string_view reason_phrase(int status);

}  // namespace freehold::http
