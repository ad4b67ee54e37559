#include "http/framing.h"

#include "http/origin.h"

namespace freehold::http {

std::string_view trim(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

namespace {

std::optional<HeadError> read_host(Head& head) {
  Headers& h = head.request.headers;
  const std::size_t hosts = h.count("host");
  if (hosts > 1 || (hosts == 0 && !head.http_1_0)) return HeadError{400, "exactly one Host header field is needed"};
  if (hosts == 1 && !is_authority(h.get("host"))) {
    return HeadError{400, "Host must be the name of a host, and perhaps a port"};
  }
  const Target& target = head.request.target;
  if (target.scheme.empty()) return {};
  if (!is_authority(target.authority)) return HeadError{400, "the address names no host"};
  h.set("Host", target.authority);
  return {};
}

std::optional<HeadError> read_length(Head& head) {
  const Headers& h = head.request.headers;
  if (h.count("content-length") > 1) return HeadError{400, "more than one Content-Length"};
  const std::string_view text = h.get("content-length");
  if (text.empty() || text.size() > 18 || text.find_first_not_of("0123456789") != std::string_view::npos) {
    return HeadError{400, "Content-Length must be a number"};
  }
  for (char c : text) head.content_length = head.content_length * 10 + static_cast<std::uint64_t>(c - '0');
  return {};
}

std::optional<HeadError> read_coding(Head& head) {
  const Headers& h = head.request.headers;
  if (h.has("content-length")) return HeadError{400, "Content-Length together with Transfer-Encoding"};
  if (head.http_1_0) return HeadError{400, "Transfer-Encoding needs HTTP/1.1"};
  if (h.count("transfer-encoding") > 1) return HeadError{400, "more than one Transfer-Encoding"};
  const std::string_view coding = h.get("transfer-encoding");
  if (equal_ignoring_case(coding, "chunked")) {
    head.chunked = true;
    return {};
  }
  // Where the body ends is known only if `chunked` is applied last, and once.
  const std::size_t comma = coding.rfind(',');
  const bool last = comma != std::string_view::npos && equal_ignoring_case(trim(coding.substr(comma + 1)), "chunked");
  if (!last || lists(coding.substr(0, comma), "chunked")) {
    return HeadError{400, "a body's last transfer coding must be chunked, which may be used once"};
  }
  return HeadError{501, "the only transfer coding understood is chunked"};
}

}  // namespace

bool lists(std::string_view value, std::string_view option) {
  while (!value.empty()) {
    const std::size_t comma = value.find(',');
    if (equal_ignoring_case(trim(value.substr(0, comma)), option)) return true;
    if (comma == std::string_view::npos) return false;
    value.remove_prefix(comma + 1);
  }
  return false;
}

std::optional<HeadError> read_framing(Head& head) {
  if (auto wrong = read_host(head)) return wrong;
  const Headers& h = head.request.headers;
  if (h.has("transfer-encoding")) {
    if (auto wrong = read_coding(head)) return wrong;
  } else if (h.has("content-length")) {
    if (auto wrong = read_length(head)) return wrong;
  }
  head.keep_alive = !head.http_1_0;
  for (const auto& [name, value] : h.fields()) {
    if (!equal_ignoring_case(name, "connection")) continue;
    if (lists(value, "close")) {
      head.keep_alive = false;
      break;
    }
    if (head.http_1_0 && lists(value, "keep-alive")) head.keep_alive = true;
  }
  if (h.has("expect") && !head.http_1_0) {
    if (h.count("expect") > 1 || !equal_ignoring_case(h.get("expect"), "100-continue")) {
      return HeadError{417, "only 'Expect: 100-continue' is understood"};
    }
    head.expects_continue = true;
  }
  return {};
}

}  // namespace freehold::http
