// Addresses of the web that the client goes to (RFC 3986, http and https alone), read by one parser: what is checked is
// what is connected to.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace freehold::http {

struct Url {
  bool tls = true;         // https
  std::string host;        // lower case; an IPv6 address without its brackets
  std::uint16_t port = 0;  // never 0 once parsed
  std::string target;      // "/path?query": visible ASCII, begins with '/'

  bool same_origin(const Url& other) const { return tls == other.tls && same_place(other); }
  bool same_place(const Url& other) const { return host == other.host && port == other.port; }
  // "registry.example", "[::1]:5000": with the port unless it is the scheme's own.
  std::string authority() const;
  std::string origin() const;  // "https://registry.example"
  std::string text() const { return origin() + target; }
  bool operator==(const Url&) const = default;
};

// Errors: invalid (another scheme, a user or password, bytes that are not visible
// ASCII, a host or a port that is none, more than 8 KiB).
Result<Url> parse_url(std::string_view text);

// Where a Location header leads, seen from `base`: a whole address, "//host/…", or a path from the root. Errors: as
// above; also a path that is not from the root.
Result<Url> follow(const Url& base, std::string_view location);

// "a b/c" -> "a%20b/c": what may stand in a path stays; so does '/'.
std::string percent_encode_path(std::string_view path);

}  // namespace freehold::http
