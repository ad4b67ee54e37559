// What kind of place an IP address is: this machine, a network that only this side sees, or the internet. A server that
// redirects us must not choose whom on our own network we knock at.
#pragma once

#include <string_view>

namespace freehold::http {

// 127.0.0.0/8 and ::1, also as ::ffff:127.0.0.1. False for what is no address.
bool is_loopback_address(std::string_view address);

// Reachable by everybody: no private, link-local, shared, documentation, multicast or reserved range (RFC 6890), and
// no IPv6 address that carries such an IPv4 one. False for what is no address.
bool is_public_address(std::string_view address);

}  // namespace freehold::http
