#include "http/url.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "base/utf8.h"

namespace freehold::http {
namespace {

constexpr std::size_t kLongest = 8 * 1024;
constexpr std::size_t kLongestHost = 253;

Unexpected wrong(std::string_view text, std::string_view why) {
  return fail(Errc::invalid, fmt::format("'{}' is no address that can be fetched: {}", printable(text, 200), why));
}

char lower_case(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

bool alphanumeric(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

bool is_host_name(std::string_view host) {
  if (host.empty() || host.size() > kLongestHost || !alphanumeric(host.front())) return false;
  return std::all_of(host.begin(), host.end(),
                     [](char c) { return alphanumeric(c) || c == '-' || c == '.' || c == '_'; });
}

bool is_ipv6(std::string_view host) {
  return host.find(':') != std::string_view::npos && host.size() <= 45 &&
         host.find_first_not_of("0123456789abcdefABCDEF:.") == std::string_view::npos;
}

// Takes "host:port" apart. Empty `why`: done.
std::string_view parse_authority(std::string_view authority, Url& out) {
  if (authority.find('@') != std::string_view::npos) return "it must not hold a user or a password";
  std::string_view host = authority;
  std::string_view port;
  if (authority.starts_with('[')) {
    const std::size_t end = authority.find(']');
    if (end == std::string_view::npos) return "its host is not closed";
    host = authority.substr(1, end - 1);
    const std::string_view rest = authority.substr(end + 1);
    if (!is_ipv6(host) || (!rest.empty() && rest.front() != ':')) return "its host is none";
    if (!rest.empty()) port = rest.substr(1);
    if (!rest.empty() && port.empty()) return "its port is none";
  } else {
    if (const std::size_t colon = authority.find(':'); colon != std::string_view::npos) {
      host = authority.substr(0, colon);
      port = authority.substr(colon + 1);
      if (port.empty()) return "its port is none";
    }
    if (!is_host_name(host)) return "its host is none";
  }
  out.host.resize(host.size());
  std::transform(host.begin(), host.end(), out.host.begin(), lower_case);
  out.port = out.tls ? 443 : 80;
  if (port.empty()) return {};
  unsigned number = 0;
  const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), number);
  if (error != std::errc() || end != port.data() + port.size() || number == 0 || number > 65535) {
    return "its port is none";
  }
  out.port = static_cast<std::uint16_t>(number);
  return {};
}

}  // namespace

std::string Url::authority() const {
  std::string out = host.find(':') == std::string::npos ? host : "[" + host + "]";
  if (port != (tls ? 443 : 80)) out += fmt::format(":{}", port);
  return out;
}

std::string Url::origin() const {
  return (tls ? "https://" : "http://") + authority();
}

Result<Url> parse_url(std::string_view text) {
  if (text.size() > kLongest) return wrong(text, fmt::format("it has more than {} bytes", kLongest));
  if (!std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c < 0x7F && c != '\\'; })) {
    return wrong(text, "it holds bytes that must be written as %XX");
  }
  Url out;
  const std::size_t scheme = text.find("://");
  if (scheme == std::string_view::npos) return wrong(text, "it begins with neither https:// nor http://");
  std::string name(text.substr(0, scheme));
  std::transform(name.begin(), name.end(), name.begin(), lower_case);
  if (name != "https" && name != "http") return wrong(text, "only https and http are spoken");
  out.tls = name == "https";
  std::string_view rest = text.substr(scheme + 3);
  rest = rest.substr(0, rest.find('#'));
  const std::size_t path = std::min(rest.find_first_of("/?"), rest.size());
  if (const auto why = parse_authority(rest.substr(0, path), out); !why.empty()) return wrong(text, why);
  out.target = rest.substr(path);
  if (!out.target.starts_with('/')) out.target.insert(0, "/");
  return out;
}

Result<Url> follow(const Url& base, std::string_view location) {
  if (location.starts_with("//")) return parse_url((base.tls ? "https:" : "http:") + std::string(location));
  if (location.starts_with('/')) return parse_url(base.origin() + std::string(location));
  if (location.find("://") == std::string_view::npos) {
    return wrong(location, "a redirect must say a whole address or a path from the root");
  }
  return parse_url(location);
}

std::string percent_encode_path(std::string_view path) {
  std::string out;
  for (const char c : path) {
    if (alphanumeric(c) || std::string_view("-._~/:@+").find(c) != std::string_view::npos) {
      out += c;
    } else {
      out += fmt::format("%{:02X}", static_cast<unsigned char>(c));
    }
  }
  return out;
}

}  // namespace freehold::http
