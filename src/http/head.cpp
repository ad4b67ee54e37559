#include "http/head.h"

#include <fmt/format.h>

#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/parser.hpp>

#include "http/target.h"

namespace freehold::http {
namespace {

namespace beast = boost::beast::http;

std::string_view trim(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

// Whether the comma-separated list `value` names `option`.
bool lists(std::string_view value, std::string_view option) {
  while (!value.empty()) {
    const std::size_t comma = value.find(',');
    if (equal_ignoring_case(trim(value.substr(0, comma)), option)) return true;
    if (comma == std::string_view::npos) return false;
    value.remove_prefix(comma + 1);
  }
  return false;
}

HeadError error(const Head& head, int status, std::string message) {
  return {status, std::move(message), head.request};
}

// What Beast's parser lets pass, though servers differ about it: line ends other than CR LF, and folded lines.
std::optional<HeadError> check_lines(std::string_view text, const HeadLimits& limits, const Head& head) {
  std::size_t lines = 0;
  for (std::size_t begin = 0; begin < text.size(); ++lines) {
    const std::size_t end = text.find_first_of("\r\n", begin);
    if (end == std::string_view::npos || text.substr(end, 2) != "\r\n") {
      return error(head, 400, "every line of a request's head must end with CR LF");
    }
    if (end > begin && (text[begin] == ' ' || text[begin] == '\t')) {
      return error(head, 400, "a header line begins with white space");
    }
    begin = end + 2;
  }
  if (lines > limits.fields + 2) return error(head, 431, fmt::format("more than {} header fields", limits.fields));
  return {};
}

std::optional<HeadError> convert(const beast::request_header<>& parsed, const HeadLimits& limits, Head& head) {
  for (const auto& field : parsed)
    head.request.headers.add(std::string(field.name_string()), std::string(field.value()));
  head.request.method = std::string(parsed.method_string());
  const std::string_view address(parsed.target());
  if (address.size() > limits.target_bytes) {
    return error(head, 414,
                 fmt::format("the address has {} bytes, at most {} are allowed", address.size(), limits.target_bytes));
  }
  auto target = parse_target(address);
  if (!target) return error(head, 400, target.error().what);
  head.request.target = std::move(*target);
  if (head.request.target.path == "*" && head.request.method != "OPTIONS") {
    return error(head, 400, "the address '*' is for OPTIONS only");
  }
  if (parsed.version() != 10 && parsed.version() != 11) {
    return error(head, 505, "only HTTP/1.1 and HTTP/1.0 are spoken here");
  }
  head.http_1_0 = parsed.version() == 10;
  return {};
}

std::optional<HeadError> read_length(Head& head) {
  const Headers& h = head.request.headers;
  if (h.count("content-length") > 1) return error(head, 400, "more than one Content-Length");
  const std::string_view text = h.get("content-length");
  if (text.empty() || text.size() > 18 || text.find_first_not_of("0123456789") != std::string_view::npos) {
    return error(head, 400, "Content-Length must be a number");
  }
  for (char c : text) head.content_length = head.content_length * 10 + static_cast<std::uint64_t>(c - '0');
  return {};
}

// Where the body ends and what becomes of the connection afterwards.
std::optional<HeadError> read_framing(Head& head) {
  const Headers& h = head.request.headers;
  const std::size_t hosts = h.count("host");
  if (hosts > 1 || (hosts == 0 && !head.http_1_0)) return error(head, 400, "exactly one Host header field is needed");
  if (h.has("transfer-encoding")) {
    if (h.has("content-length")) return error(head, 400, "Content-Length together with Transfer-Encoding");
    if (head.http_1_0) return error(head, 400, "Transfer-Encoding needs HTTP/1.1");
    if (h.count("transfer-encoding") > 1 || !equal_ignoring_case(h.get("transfer-encoding"), "chunked")) {
      return error(head, 501, "the only transfer coding understood is chunked");
    }
    head.chunked = true;
  } else if (h.has("content-length")) {
    if (auto wrong = read_length(head)) return wrong;
  }
  head.keep_alive = !head.http_1_0;
  for (const auto& [name, value] : h.fields()) {
    if (!equal_ignoring_case(name, "connection")) continue;
    if (lists(value, "close"))
      head.keep_alive = false;
    else if (head.http_1_0 && lists(value, "keep-alive"))
      head.keep_alive = true;
  }
  if (h.has("expect")) {
    if (!equal_ignoring_case(h.get("expect"), "100-continue")) {
      return error(head, 417, "only 'Expect: 100-continue' is understood");
    }
    head.expects_continue = !head.http_1_0;
  }
  return {};
}

}  // namespace

std::optional<HeadError> parse_head(std::string_view text, const HeadLimits& limits, Head& head) {
  if (auto wrong = check_lines(text, limits, head)) return wrong;
  beast::request_parser<beast::empty_body> parser;
  parser.header_limit(static_cast<std::uint32_t>(limits.bytes));
  parser.skip(true);  // the body is not looked at here
  boost::system::error_code problem;
  parser.put(boost::asio::buffer(text.data(), text.size()), problem);
  // What was understood before the problem decides the shape of the answer, so it is converted first.
  auto wrong = convert(parser.get(), limits, head);
  if (problem || !parser.is_header_done()) {
    const bool length = problem == beast::error::bad_content_length || problem == beast::error::bad_transfer_encoding;
    if (problem == beast::error::bad_version) return error(head, 505, "only HTTP/1.1 and HTTP/1.0 are spoken here");
    return error(head, 400,
                 length
                     ? "Content-Length and Transfer-Encoding are wrong or contradict each other"
                     : fmt::format("the request's head is not HTTP: {}", problem ? problem.message() : "incomplete"));
  }
  if (wrong) return wrong;
  return read_framing(head);
}

}  // namespace freehold::http
