// Which Host and which Origin a request may name. A page on the internet can make a browser send requests to this
// machine, also under a host name of its own that it points here (DNS rebinding); both are seen in these two fields.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "http/message.h"

namespace freehold::http {

struct OriginPolicy {
  // Names and addresses under which this server may be addressed, beside localhost and loopback addresses; without a
  // port.
  std::vector<std::string> hosts;
  // Origins whose pages may use the server ("https://app.example:8443"); "*" admits all. Empty = none but pages that
  // this server itself delivered.
  std::vector<std::string> origins;
};

// Whether this is "host", "host:port" or "[v6]:port", as RFC 3986 writes them, without a user's name.
bool is_authority(std::string_view text);

enum class OriginVerdict {
  allowed,
  foreign_host,    // 403: Host is not one of ours
  foreign_origin,  // 403: a browser sends this for a page of somebody else
};

// `port` is the one the server listens on: a page's origin is ours if it names a host of ours and this port.
OriginVerdict check_origin(const OriginPolicy& policy, const Request& request, std::uint16_t port);

// For a request whose Origin is listed in the policy: the Access-Control-* fields that let its page read the answer.
// Nothing for others.
void add_cors(const OriginPolicy& policy, const Request& request, Headers& out);

}  // namespace freehold::http
