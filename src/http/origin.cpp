#include "http/origin.h"

#include <fmt/format.h>

#include <algorithm>

namespace freehold::http {
namespace {

// What the vendors' clients send.
constexpr std::string_view kUsualFields =
    "authorization, content-type, accept, x-api-key, x-goog-api-key, x-goog-api-client, anthropic-version, "
    "anthropic-beta, anthropic-dangerous-direct-browser-access, openai-organization, openai-project, "
    "openai-beta, x-stainless-arch, x-stainless-async, x-stainless-helper-method, x-stainless-lang, x-stainless-os, "
    "x-stainless-package-version, x-stainless-retry-count, x-stainless-runtime, x-stainless-runtime-version, "
    "x-stainless-timeout, freehold-require, freehold-tag";

struct Authority {
  std::string_view host;  // without brackets
  std::string_view port;  // empty: the scheme's own
  bool valid = false;
};

// RFC 3986 section 3.2.2, a registered name.
bool is_of_a_name(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         std::string_view("-._~!$&'()*+,;=%").find(c) != std::string_view::npos;
}

// "host", "host:port", "[v6]:port".
Authority split_authority(std::string_view text) {
  Authority a;
  if (text.starts_with('[')) {
    const std::size_t end = text.find(']');
    if (end == std::string_view::npos) return a;
    a.host = text.substr(1, end - 1);
    if (a.host.find_first_not_of("0123456789abcdefABCDEF:.") != std::string_view::npos) return a;
    text.remove_prefix(end + 1);
    if (!text.empty() && text[0] != ':') return a;
    if (!text.empty()) a.port = text.substr(1);
  } else {
    const std::size_t colon = text.find(':');
    a.host = text.substr(0, colon);
    if (!std::all_of(a.host.begin(), a.host.end(), is_of_a_name)) return a;
    if (colon != std::string_view::npos) a.port = text.substr(colon + 1);
  }
  a.valid = !a.host.empty() && a.port.find_first_not_of("0123456789") == std::string_view::npos && a.port.size() <= 5;
  return a;
}

bool is_loopback(std::string_view host) {
  if (equal_ignoring_case(host, "localhost") || host == "::1") return true;
  // 127.0.0.0/8 in its dotted form; anything longer is a name that merely begins so.
  if (!host.starts_with("127.")) return false;
  int dots = 0;
  for (char c : host) {
    if (c == '.')
      ++dots;
    else if (c < '0' || c > '9')
      return false;
  }
  return dots == 3 && host.size() <= 15;
}

bool is_ours(const OriginPolicy& policy, std::string_view host) {
  return is_loopback(host) || std::any_of(policy.hosts.begin(), policy.hosts.end(),
                                          [&](const std::string& h) { return equal_ignoring_case(h, host); });
}

bool is_listed(const OriginPolicy& policy, std::string_view origin) {
  return std::any_of(policy.origins.begin(), policy.origins.end(),
                     [&](const std::string& o) { return o == "*" || equal_ignoring_case(o, origin); });
}

}  // namespace

bool is_authority(std::string_view text) {
  return split_authority(text).valid;
}

OriginVerdict check_origin(const OriginPolicy& policy, const Request& request, std::uint16_t port) {
  const Authority host = split_authority(request.headers.get("host"));
  if (request.headers.has("host") && (!host.valid || !is_ours(policy, host.host))) return OriginVerdict::foreign_host;
  const std::string_view origin = request.headers.get("origin");
  const bool has_origin = request.headers.has("origin");
  if (request.headers.count("origin") > 1 || request.headers.count("sec-fetch-site") > 1) {
    return OriginVerdict::foreign_origin;
  }
  if (has_origin && is_listed(policy, origin)) return OriginVerdict::allowed;
  // Browsers say where a request comes from, also one without Origin; a person typing the address is "none".
  if (request.headers.has("sec-fetch-site")) {
    const std::string_view site = request.headers.get("sec-fetch-site");
    if (!equal_ignoring_case(site, "same-origin") && !equal_ignoring_case(site, "none")) {
      return OriginVerdict::foreign_origin;
    }
  }
  if (!has_origin) return OriginVerdict::allowed;
  const std::string_view scheme = request.tls ? "https://" : "http://";
  if (!origin.starts_with(scheme)) return OriginVerdict::foreign_origin;
  const Authority from = split_authority(origin.substr(scheme.size()));
  const std::string own = std::to_string(port);
  const std::string_view from_port = from.port.empty() ? (request.tls ? "443" : "80") : from.port;
  return from.valid && is_ours(policy, from.host) && from_port == own ? OriginVerdict::allowed
                                                                      : OriginVerdict::foreign_origin;
}

void add_cors(const OriginPolicy& policy, const Request& request, Headers& out) {
  const std::string_view origin = request.headers.get("origin");
  if (origin.empty() || !is_listed(policy, origin)) return;
  out.set("access-control-allow-origin", std::string(origin));
  out.add("vary", "origin");
  out.set("access-control-expose-headers",
          "x-request-id, request-id, retry-after, x-should-retry, x-ratelimit-limit-requests, "
          "x-ratelimit-limit-tokens, x-ratelimit-remaining-requests, x-ratelimit-remaining-tokens, "
          "x-ratelimit-reset-requests, x-ratelimit-reset-tokens, freehold-budget, freehold-ignored, "
          "freehold-personal-data, freehold-receipt, freehold-seed, freehold-steered, freehold-truncated, "
          "freehold-warning");
  if (request.method == "OPTIONS") {
    out.set("access-control-allow-methods", "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS");
    const std::string_view asked = request.headers.get("access-control-request-headers");
    out.set("access-control-allow-headers", std::string(asked.empty() ? kUsualFields : asked));
    out.set("access-control-max-age", "600");
  }
}

}  // namespace freehold::http
