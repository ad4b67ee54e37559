#include "http/network_address.h"

#include <boost/asio/ip/address.hpp>
#include <cstdint>
#include <string>

namespace freehold::http {
namespace {

namespace ip = boost::asio::ip;

struct Range4 {
  std::uint32_t first;
  int bits;
};
// RFC 6890 and its registry.
constexpr Range4 kNotPublic[] = {
    {0x00000000, 8},   // this network
    {0x0A000000, 8},   // private
    {0x64400000, 10},  // carriers' shared addresses
    {0x7F000000, 8},   // loopback
    {0xA9FE0000, 16},  // link-local: also where clouds keep their metadata
    {0xAC100000, 12},  // private
    {0xC0000000, 24},  // protocol assignments
    {0xC0000200, 24},  // documentation
    {0xC0586300, 24},  // 6to4 relays
    {0xC0A80000, 16},  // private
    {0xC6120000, 15},  // benchmarks
    {0xC6336400, 24},  // documentation
    {0xCB007100, 24},  // documentation
    {0xE0000000, 4},   // multicast
    {0xF0000000, 4},   // reserved, broadcast
};

bool is_public4(std::uint32_t address) {
  for (const Range4& range : kNotPublic) {
    if (((address ^ range.first) >> (32 - range.bits)) == 0) return false;
  }
  return true;
}

std::uint32_t ipv4_at(const ip::address_v6::bytes_type& bytes, std::size_t at) {
  return std::uint32_t{bytes[at]} << 24 | std::uint32_t{bytes[at + 1]} << 16 | std::uint32_t{bytes[at + 2]} << 8 |
         bytes[at + 3];
}

bool is_public6(const ip::address_v6& address) {
  if (address.is_v4_mapped()) return is_public4(ip::make_address_v4(ip::v4_mapped, address).to_uint());
  const auto b = address.to_bytes();
  const auto word = [&](std::size_t i) { return static_cast<unsigned>(b[2 * i] << 8 | b[2 * i + 1]); };
  if (word(0) == 0x64 && word(1) == 0xFF9B) {  // NAT64
    for (std::size_t i = 2; i < 6; ++i) {
      if (word(i) != 0) return false;
    }
    return is_public4(ipv4_at(b, 12));
  }
  if ((b[0] & 0xE0) != 0x20) return false;                  // 2000::/3 is all that is global
  if (word(0) == 0x2002) return is_public4(ipv4_at(b, 2));  // 6to4
  if (word(0) == 0x2001 && word(1) < 0x200) return false;   // Teredo and other protocols
  return !(word(0) == 0x2001 && word(1) == 0xDB8) && !(word(0) == 0x3FFF && word(1) < 0x1000);  // documentation
}

}  // namespace

bool is_loopback_address(std::string_view text) {
  boost::system::error_code error;
  const auto address = ip::make_address(std::string(text), error);
  if (error) return false;
  if (address.is_v6() && address.to_v6().is_v4_mapped()) {
    return ip::make_address_v4(ip::v4_mapped, address.to_v6()).is_loopback();
  }
  return address.is_loopback();
}

bool is_public_address(std::string_view text) {
  boost::system::error_code error;
  const auto address = ip::make_address(std::string(text), error);
  if (error) return false;
  return address.is_v4() ? is_public4(address.to_v4().to_uint()) : is_public6(address.to_v6());
}

}  // namespace freehold::http
